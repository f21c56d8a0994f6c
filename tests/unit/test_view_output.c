/* The view as a whole, compared with expected pages in tests/unit/fixtures: view_NAME.jsonl gives
 * view_NAME.PAGE.txt. VIEW_FIXTURES_WRITE=1 writes these anew, to be looked at before they are
 * committed. */
#include "base/compiler.h"
#include "view/view.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct page {
    const char *name;
    const char *locale;
    struct view_options options;
};

static const struct page PAGES[] = {
    {"80", "C.UTF-8", {.width = 80}},
    {"100", "C.UTF-8", {.width = 100}},
    {"ascii", "C", {.width = 80}},
    {"color", "C.UTF-8", {.width = 80, .color = VIEW_COLOR_ALWAYS}},
};

static void fixture_path(char *out, size_t capacity, const char *name, const char *suffix)
{
    char source[] = __FILE__;
    snprintf(out, capacity, "%s/fixtures/view_%s.%s", dirname(source), name, suffix);
}

static char *stream_text(FILE *in)
{
    size_t len;
    char *text = NULL;
    FILE *out = open_memstream(&text, &len);
    for (int c; (c = getc(in)) != EOF;)
        putc(c, out);
    fclose(out);
    fclose(in);
    return text;
}

/* What the view prints; its exit status. */
static char *view_text(const char *path, const struct page *page, int *status)
{
    FILE *out = tmpfile();
    setenv("LC_ALL", page->locale, 1);
    setenv("TZ", "UTC", 1);
    tzset();
    unsetenv("RUN_TRACED_VIEW_TRACES");
    *status = view_file(path, out, &page->options);
    rewind(out);
    return stream_text(out);
}

static void page_check(const char *name, const struct page *page)
{
    char path[512], suffix[32];
    int status;
    fixture_path(path, sizeof path, name, "jsonl");
    char *text = view_text(path, page, &status);
    cr_assert_eq(status, 0);
    snprintf(suffix, sizeof suffix, "%s.txt", page->name);
    fixture_path(path, sizeof path, name, suffix);
    if (getenv("VIEW_FIXTURES_WRITE")) {
        FILE *out = fopen(path, "w");
        fputs(text, out);
        fclose(out);
    }
    FILE *in = fopen(path, "r");
    cr_assert_not_null(in, "%s is missing", path);
    char *expected = stream_text(in);
    cr_expect_str_eq(text, expected, "%s differs; got:\n%s", path, text);
    free(expected);
    free(text);
}

static void pages_check(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(PAGES); i++)
        page_check(name, &PAGES[i]);
}

Test(view, shows_a_checkout_through_seven_services)
{
    pages_check("checkout");
}

Test(view, shows_what_failed)
{
    pages_check("checkout_failing");
}

Test(view, shows_orphans_circles_other_clocks_and_hostile_text)
{
    pages_check("strange");
}

Test(view, shows_retries_gaps_and_what_is_repeated)
{
    pages_check("patterns");
}

Test(view, skips_what_is_damaged)
{
    pages_check("damaged");
}

Test(view, shows_the_slowest_and_the_failed_of_many)
{
    pages_check("many");
}

static bool is_printable(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if ((*p < 0x20 && *p != '\n') || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
            return false;
    return true;
}

Test(view, never_passes_control_characters_on)
{
    char path[512];
    int status;
    fixture_path(path, sizeof path, "strange", "jsonl");
    for (size_t i = 0; i < ARRAY_LEN(PAGES); i++) {
        char *text = view_text(path, &PAGES[i], &status);
        cr_expect_eq(is_printable(text), PAGES[i].options.color != VIEW_COLOR_ALWAYS);
        free(text);
    }
}

static int longest_line(const char *text)
{
    int longest = 0, columns = 0;
    for (; *text; text++) {
        columns = *text == '\n' ? 0 : columns + (((unsigned char)*text & 0xc0) != 0x80);
        longest = MAX(longest, columns);
    }
    return longest;
}

Test(view, waterfall_fits_any_width)
{
    char path[512];
    int status;
    fixture_path(path, sizeof path, "checkout_failing", "jsonl");
    for (int width = 1; width <= 420; width++) {
        struct page page = {"any", "C.UTF-8", {.width = width}};
        char *text = view_text(path, &page, &status);
        cr_assert_eq(status, 0);
        cr_assert_leq(longest_line(text), MAX(width, 115), "width %d", width); /* its sentences */
        free(text);
    }
}

Test(view, never_crashes_on_a_file_cut_anywhere, .timeout = 300)
{
    static const char *const names[] = {"strange", "damaged"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[512], cut_path[] = "/tmp/test_view_XXXXXX";
        fixture_path(path, sizeof path, names[i], "jsonl");
        char *text = stream_text(fopen(path, "r"));
        int fd = mkstemp(cut_path);
        cr_redirect_stderr();
        for (size_t len = strlen(text); len-- > 0;) {
            int status;
            cr_assert_eq(pwrite(fd, text, len, 0), (ssize_t)len);
            cr_assert_eq(ftruncate(fd, (off_t)len), 0);
            char *shown = view_text(cut_path, &PAGES[0], &status);
            cr_assert_eq(status, *shown ? 0 : 1, "cut at %zu", len);
            free(shown);
        }
        close(fd);
        unlink(cut_path);
        free(text);
    }
}

Test(view, says_what_is_wrong_with_a_file)
{
    static const struct {
        const char *path, *expected;
    } rows[] = {
        {"/nowhere/spans.jsonl", "run-traced: cannot read /nowhere/spans.jsonl: No such file or "
                                 "directory; record one with: run-traced.sh -o FILE COMMAND\n"},
        {"/tmp", "run-traced: cannot read /tmp: Is a directory; name the spans file in it\n"},
        {"/dev/null", "run-traced: no span in /dev/null; it is empty\n"},
        {"/no\033[31m", "run-traced: cannot read /no\xef\xbf\xbd[31m: No such file or directory; "
                        "record one with: run-traced.sh -o FILE COMMAND\n"},
    };
    char expected[1024] = "";
    fflush(stderr);
    cr_redirect_stderr();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status;
        char *text = view_text(rows[i].path, &PAGES[0], &status);
        cr_expect_eq(status, 1);
        cr_expect_str_empty(text);
        strcat(expected, rows[i].expected);
        free(text);
    }
    fflush(stderr);
    cr_assert_stderr_eq_str(expected);
}

Test(view, says_what_is_in_a_file_without_spans)
{
    char path[] = "/tmp/test_view_XXXXXX", expected[256];
    int status, fd = mkstemp(path);
    cr_assert_eq(write(fd, "hello\nworld\n", 12), 12);
    close(fd);
    snprintf(expected, sizeof expected,
             "run-traced: no span in %s: 2 lines skipped: not valid JSON (first: line 1); is it a "
             "spans file (JSON Lines)?\n", path);
    cr_redirect_stderr();
    free(view_text(path, &PAGES[0], &status));
    fflush(stderr);
    cr_expect_eq(status, 1);
    cr_assert_stderr_eq_str(expected);
    unlink(path);
}

Test(view, reads_standard_input)
{
    char path[512];
    int status;
    fixture_path(path, sizeof path, "checkout", "jsonl");
    cr_assert_not_null(freopen(path, "r", stdin));
    char *text = view_text("-", &PAGES[0], &status);
    cr_expect_eq(status, 0);
    cr_expect_not_null(strstr(text, "Bottleneck: payment-service: 1.0 s of 1.4 s (73 %), called by "
                                    "order-service\n"));
    free(text);
}

Test(view, reports_that_its_output_cannot_be_written)
{
    char path[512];
    FILE *full = fopen("/dev/full", "w");
    fixture_path(path, sizeof path, "checkout", "jsonl");
    cr_redirect_stderr();
    cr_expect_eq(view_file(path, full, NULL), 1);
    fclose(full);
}

Test(view, shows_as_many_traces_as_the_environment_asks_for)
{
    static const struct {
        const char *variable;
        size_t option;
        int traces;
    } rows[] = {{NULL, 0, 6}, {"12", 0, 12}, {"1", 0, 1},  {"1000", 0, 40},
                {"12", 2, 2}, {"x", 0, 6},   {"-1", 0, 6}, {"", 0, 6}};
    char path[512];
    fixture_path(path, sizeof path, "many", "jsonl");
    cr_redirect_stderr();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct view_options options = {.width = 80, .max_traces = rows[i].option};
        FILE *out = tmpfile();
        rows[i].variable ? setenv("RUN_TRACED_VIEW_TRACES", rows[i].variable, 1)
                         : unsetenv("RUN_TRACED_VIEW_TRACES");
        cr_assert_eq(view_file(path, out, &options), 0);
        rewind(out);
        char *text = stream_text(out);
        int traces = 0;
        for (char *p = text; (p = strstr(p, "Trace ")); p++)
            traces++;
        cr_expect_eq(traces, rows[i].traces, "row %zu: %d", i, traces);
        free(text);
    }
}
