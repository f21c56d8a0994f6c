/* test_pattern.c - patterns of the user's own. */
#include "trace/pattern.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "support/guarded.h"

#include <criterion/criterion.h>
#include <string.h>

static void redact(const char *list, const char *input, bool is_cut, char *out, size_t size)
{
    static struct pattern_list patterns;
    struct text text = text_on(out, size);
    size_t len = strlen(input);
    pattern_list_parse(&patterns, list, NULL);
    const char *bytes = guarded(input, len);
    pattern_list_redact(&patterns, bytes, len, is_cut, &text);
    text_terminate(&text);
    if (!is_cut)
        cr_assert_eq(pattern_list_finds(&patterns, bytes, len), strcmp(input, out) != 0, "%s in '%s'", list, input);
}

Test(pattern, what_is_matched)
{
    static const struct {
        const char *list, *input, *expected;
    } rows[] = {
        {"", "abc", "abc"},
        {"b", "abc", "aREDACTEDc"},
        {"ABC", "xabcx", "xREDACTEDx"},
        {"abc", "ab", "ab"},
        {"a", "aaa", "REDACTED"},
        {"ab, cd", "abcd-ef", "REDACTED-ef"},
        {"ghp_*", "/x/ghp_12ab/y", "/x/REDACTED/y"},
        {"ghp_*", "a=ghp_1&b=2", "a=REDACTED&b=2"},
        {"a*z", "a-z-z/z", "REDACTED/z"},
        {"a**z", "az", "REDACTED"},
        {"a*b*c", "xa1b2c3", "xREDACTED3"},
        {"a*z", "a/z", "a/z"},
        {"4??1-*", "4111-222 4x", "REDACTED 4x"},
        {"*@example.com", "/to/me@example.com/x", "/to/REDACTED/x"},
        {"*@example.com", "/to/me%40example.com/x", "/to/REDACTED/x"},
        {"%40", "me%40h", "meREDACTEDh"},
        {"ssn=*", "a=1&ssn=123&b", "a=1&REDACTED&b"},
        {"ab,abc", "abcd", "REDACTEDd"},
        {"*", "one two", "REDACTED REDACTED"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[256];
        redact(rows[i].list, rows[i].input, false, out, sizeof out);
        cr_expect_str_eq(out, rows[i].expected, "%s in '%s' gave '%s'", rows[i].list, rows[i].input, out);
    }
}

Test(pattern, one_that_begins_where_a_value_was_cut_counts)
{
    char out[64];
    redact("topsecret", "x-tops", true, out, sizeof out);
    cr_expect_str_eq(out, "x-REDACTED");
    redact("topsecret", "x-tops", false, out, sizeof out);
    cr_expect_str_eq(out, "x-tops");
}

static unsigned g_refused;

static void count_refused(const char *pattern, size_t len)
{
    (void)pattern;
    (void)len;
    g_refused++;
}

Test(pattern, too_long_and_too_many)
{
    static struct pattern_list list;
    char text[256] = "a,,";
    memset(text + 3, 'b', PATTERN_LEN_MAX + 1);
    pattern_list_parse(&list, text, count_refused);
    cr_expect_eq(list.count, 1);
    cr_expect_eq(g_refused, 1);
    memset(text, 0, sizeof text);
    for (int i = 0; i < PATTERN_COUNT_MAX + 2; i++)
        memcpy(text + 2 * i, "a,", 2);
    pattern_list_parse(&list, text, count_refused);
    cr_expect_eq(list.count, PATTERN_COUNT_MAX);
    cr_expect_eq(g_refused, 3);
}

/* A value made to be slow is hidden as a whole, in a bounded time. */
Test(pattern, a_hard_value_is_redacted)
{
    char hard[1600], out[2048];
    memset(hard, 'a', sizeof hard - 1);
    hard[sizeof hard - 1] = '\0';
    uint64_t begin_ns = clock_monotonic_ns();
    redact("a*a*a*a*a*a*b,a*a*a*c,*d", hard, false, out, sizeof out);
    cr_expect_str_eq(out, "REDACTED");
    cr_expect_lt(clock_monotonic_ns() - begin_ns, 1000000000ULL);
}
