/* fuzz_check.c - the language of checks: any text is a check or an error with a place in it, and a check judges any
 * spans.
 *
 * The input is a check, up to the first line that begins with '{'; from there on it is a file of spans. */
#include "fuzz.h"

#include "base/compiler.h"
#include "view/check_report.h"
#include "view/check_run.h"
#include "view/check_text.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct view_options PLAIN = {.color = VIEW_COLOR_NEVER, .width = 100};

static void error_print(FILE *out, const char *text, const struct check_error *error)
{
    struct screen screen;
    FUZZ_CHECK(error->at <= strlen(text) && error->len <= strlen(text) - error->at, "%zu+%zu of %zu", error->at,
               error->len, strlen(text));
    FUZZ_CHECK(error->message[0], "no message");
    screen_open(&screen, out, &PLAIN);
    check_text_error(&screen, text, "f", 1, error);
    screen_close(&screen);
}

/* The same check and its negation cannot both hold, or both fail, of all spans. */
static void judge(struct check_set *set, int fd, FILE *out)
{
    struct check_spans spans;
    struct check_result result;
    struct screen screen;
    FUZZ_CHECK(check_spans_read(set, fd, &spans) == 0, "not read");
    FUZZ_CHECK(check_judge(&spans, &set->checks[0], &result) == 0, "not judged");
    for (size_t group = 0; group < result.groups.count; group++) {
        const struct check_node negated = {.op = CHECK_NOT, .left = result.check->root};
        enum check_truth truth = check_node_judge(&result, result.check->root, group);
        FUZZ_CHECK(truth == result.outcomes[group], "judged twice");
        FUZZ_CHECK(check_node_judge(&result, &negated, group) + truth == CHECK_TRUE, "not is no negation");
    }
    screen_open(&screen, out, &PLAIN);
    check_text_result(&screen, &spans, &result);
    screen_close(&screen);
    FUZZ_CHECK(check_report_junit(out, &spans, &result, 1) == 0 && check_report_tap(out, &spans, &result, 1) == 0,
               "no report");
    check_result_free(&result);
    check_spans_free(&spans);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct check_set set = {0};
    struct check_error error = {0};
    char *bytes = NULL;
    size_t out_len;
    if (!len || memchr(input, '\0', len))
        return -1;
    const uint8_t *lines = input[0] == '{' ? input : memmem(input, len, "\n{", 2);
    size_t text_len = lines ? (size_t)(lines - input) : len;
    char *text = malloc(text_len + 1);
    FILE *out = open_memstream(&bytes, &out_len);
    int fd = memfd_create("spans", MFD_CLOEXEC);
    FUZZ_CHECK(text && out && fd >= 0, "no memory");
    memcpy(text, input, text_len);
    text[text_len] = '\0';
    FUZZ_CHECK(write(fd, input + text_len, len - text_len) == (ssize_t)(len - text_len) && lseek(fd, 0, SEEK_SET) == 0,
               "not written");
    setenv("LC_ALL", "C.UTF-8", 1);
    int result = check_set_add(&set, text, NULL, 1, &error);
    FUZZ_CHECK(result == 0 || result == -EINVAL, "%d", result);
    if (result == 0)
        judge(&set, fd, out);
    else
        error_print(out, text, &error);
    check_set_free(&set);
    fclose(out);
    close(fd);
    free(bytes);
    free(text);
    return 0;
}
