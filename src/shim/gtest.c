#include "shim/gtest.h"

#include "base/lock.h"
#include "base/process.h"
#include "base/text.h"
#include "shim/real.h"
#include "shim/test_output.h"
#include "shim/test_span.h"

#include <string.h>

enum { NAME_LEN_MAX = 512 };

enum marker { MARKER_RUN, MARKER_OK, MARKER_FAILED, MARKER_SKIPPED, MARKER_COUNT };

THREAD_LOCAL bool t_gtest_has_marker;
static THREAD_LOCAL enum marker t_marker;

static struct lock g_lock; /* guards what follows */
static custom_span_id g_test;

static void begin(const char *suite, const char *name)
{
    char bytes[NAME_LEN_MAX];
    struct text whole = text_on(bytes, sizeof bytes);
    text_append(&whole, suite, strnlen(suite, NAME_LEN_MAX));
    text_append_char(&whole, '.');
    text_append(&whole, name, strnlen(name, NAME_LEN_MAX));
    struct test_name test = {suite, strnlen(suite, NAME_LEN_MAX), whole.bytes, whole.len};
    custom_span_end(g_test, 0);
    g_test = test_span_begin(&test, 0);
}

/* What is listed after the run finds no test. */
static void end(enum marker marker)
{
    static const enum test_result results[] = {
        [MARKER_OK] = TEST_PASS, [MARKER_FAILED] = TEST_FAIL, [MARKER_SKIPPED] = TEST_SKIPPED};
    test_span_set_result(g_test, results[marker], NULL);
    custom_span_end(g_test, 0);
    g_test = 0;
}

COLD void gtest_look_at_marker(const char *format)
{
    static const char *const markers[] = {
        [MARKER_RUN] = "[ RUN      ] ",
        [MARKER_OK] = "[       OK ] ",
        [MARKER_FAILED] = "[  FAILED  ] ",
        [MARKER_SKIPPED] = "[  SKIPPED ] ",
    };
    t_gtest_has_marker = false;
    for (enum marker i = MARKER_RUN; i < MARKER_COUNT; i++)
        if (strcmp(format, markers[i]) == 0) {
            t_marker = i;
            t_gtest_has_marker = true;
        }
}

/* Between a marker and the name stand at most colours. */
COLD void gtest_look_at_name(const char *format, va_list arguments)
{
    if (!format || *format == '\033')
        return;
    t_gtest_has_marker = false;
    if (strcmp(format, "%s.%s") != 0 || process_is_vfork_child() || !test_output_is_allowed())
        return;
    int saved = errno;
    va_list again;
    va_copy(again, arguments);
    const char *suite = va_arg(again, const char *), *name = va_arg(again, const char *);
    va_end(again);
    if (suite && name && shim_is_tracing() && lock_acquire(&g_lock)) {
        if (t_marker == MARKER_RUN)
            begin(suite, name);
        else
            end(t_marker);
        lock_release(&g_lock);
    }
    errno = saved;
}
