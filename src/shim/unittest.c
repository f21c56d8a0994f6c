/* unittest/runner.py writes what it announces by functions of known names, each in one write: "test_it
 * (file.Class.test_it)" (up to Python 3.10 without the test in parentheses) and " ... " before a test begins, "ok"
 * and the like after it. */
#include "shim/unittest.h"

#include "base/lock.h"
#include "base/process.h"
#include "shim/python_frames.h"
#include "shim/test_output.h"
#include "shim/test_span.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { NAME_LEN_MAX = 512 };

enum announced {
    ANNOUNCED_OTHER, /* what comes between tests, or after them */
    ANNOUNCED_BEGIN,
    ANNOUNCED_SUCCESS, /* comes when all is over, so do the next two */
    ANNOUNCED_EXPECTED_FAILURE,
    ANNOUNCED_UNEXPECTED_SUCCESS,
    ANNOUNCED_FAILURE, /* the teardown may be to come */
    ANNOUNCED_SKIP,
};

/* Where a write comes from. */
struct writer {
    enum announced announced;
    bool is_runner, is_test_case; /* seen among its frames */
};

static struct lock g_lock; /* guards what follows */
static custom_span_id g_test;
static enum test_result g_result; /* so far */

/* ---- who writes ---- */

static bool ends_with(const struct text *text, const char *end)
{
    size_t len = strlen(end);
    return text->len >= len && memcmp(text->bytes + text->len - len, end, len) == 0;
}

/* Before Python 3.11 a function has its plain name. */
static enum announced announced_by(const struct text *function)
{
    static const struct {
        char name[24];
        enum announced announced;
    } functions[] = {
        {"startTest", ANNOUNCED_BEGIN},
        {"addSuccess", ANNOUNCED_SUCCESS},
        {"addExpectedFailure", ANNOUNCED_EXPECTED_FAILURE},
        {"addUnexpectedSuccess", ANNOUNCED_UNEXPECTED_SUCCESS},
        {"addFailure", ANNOUNCED_FAILURE},
        {"addError", ANNOUNCED_FAILURE},
        {"addSubTest", ANNOUNCED_FAILURE},
        {"addSkip", ANNOUNCED_SKIP},
    };
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (ends_with(function, functions[i].name))
            return functions[i].announced;
    return ANNOUNCED_OTHER;
}

/* Results that are shown once more for another process (Django's parallel tests) have no test case above them. */
static bool frame_visit(const struct text *file, const struct text *function, void *argument)
{
    struct writer *writer = argument;
    bool is_runner = ends_with(file, "/unittest/runner.py");
    if (!writer->is_runner && !is_runner)
        return false;
    writer->is_runner = true;
    if (is_runner && writer->announced == ANNOUNCED_OTHER)
        writer->announced = announced_by(function);
    writer->is_test_case = ends_with(file, "/unittest/case.py");
    return !writer->is_test_case;
}

/* ---- which test ---- */

static size_t word_len(const char *bytes, size_t len)
{
    size_t at = 0;
    while (at < len && bytes[at] != ' ' && bytes[at] != '(' && bytes[at] != ')' && bytes[at] != '\n')
        at++;
    return at;
}

/* "METHOD (CLASS)" or "METHOD (CLASS.METHOD)": named CLASS.METHOD, in @room. */
static bool name_parse(const char *bytes, size_t len, struct text *room, struct test_name *test)
{
    size_t method_len = word_len(bytes, len);
    if (!method_len || len < method_len + 4 || memcmp(bytes + method_len, " (", 2) != 0)
        return false;
    const char *suite = bytes + method_len + 2;
    size_t rest = len - method_len - 2, suite_len = word_len(suite, rest);
    if (!suite_len || suite_len == rest || suite[suite_len] != ')')
        return false;
    if (suite_len > method_len + 1 && suite[suite_len - method_len - 1] == '.' &&
        memcmp(suite + suite_len - method_len, bytes, method_len) == 0)
        suite_len -= method_len + 1;
    text_append(room, suite, suite_len);
    text_append_char(room, '.');
    text_append(room, bytes, method_len);
    *test = (struct test_name){suite, suite_len, room->bytes, room->len};
    return !room->overflowed;
}

/* ---- what is announced ---- */

static void end(void)
{
    test_span_set_result(g_test, g_result, NULL);
    custom_span_end(g_test, 0);
    g_test = 0;
}

static void begin(const char *bytes, size_t len)
{
    char name[NAME_LEN_MAX];
    struct text room = text_on(name, sizeof name);
    struct test_name test;
    if (!name_parse(bytes, len, &room, &test))
        return;
    end();
    g_result = TEST_UNKNOWN;
    g_test = test_span_begin(&test, 0);
}

static void note(const struct writer *writer, const char *bytes, size_t len)
{
    switch (writer->announced) {
    case ANNOUNCED_BEGIN:
        if (writer->is_test_case)
            begin(bytes, len);
        return;
    case ANNOUNCED_FAILURE:
        g_result = TEST_FAIL;
        return;
    case ANNOUNCED_SKIP:
        g_result = g_result == TEST_UNKNOWN ? TEST_SKIPPED : g_result;
        return;
    case ANNOUNCED_SUCCESS:
    case ANNOUNCED_EXPECTED_FAILURE:
        g_result = TEST_PASS;
        break;
    case ANNOUNCED_UNEXPECTED_SUCCESS:
        g_result = TEST_FAIL;
        break;
    case ANNOUNCED_OTHER:
        break;
    }
    end();
}

static COLD void look(int fd, const char *bytes, size_t len)
{
    if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
        return;
    int saved = errno;
    struct writer writer = {ANNOUNCED_OTHER, false, false};
    python_frames_visit(frame_visit, &writer);
    if (writer.is_runner && !process_is_vfork_child() && lock_acquire(&g_lock)) {
        note(&writer, bytes, len);
        lock_release(&g_lock);
    }
    errno = saved;
}

void unittest_begin(void)
{
    if (!test_output_is_allowed())
        return;
    python_frames_prepare();
    test_output_set_looker(look);
}
