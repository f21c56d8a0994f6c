/* test_redact.c - no value, no password and no fragment gets through; names and paths do. */
#include "trace/redact.h"

#include "base/compiler.h"
#include "support/guarded.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const char *input, *expected;
};

static void rows_check(const struct row *rows, size_t count,
                       void (*append)(struct text *, const char *, size_t))
{
    for (size_t i = 0; i < count; i++) {
        char bytes[512];
        struct text text = text_on(bytes, sizeof bytes);
        size_t len = strlen(rows[i].input);
        append(&text, guarded(rows[i].input, len), len);
        text_terminate(&text);
        cr_assert_str_eq(bytes, rows[i].expected, "'%s' became '%s'", rows[i].input, bytes);
        cr_assert_not(text.overflowed);
    }
}

Test(redact, values_of_a_query)
{
    static const struct row rows[] = {
        {"", ""},
        {"a=1", "a=REDACTED"},
        {"a=1&b=2", "a=REDACTED&b=REDACTED"},
        {"a=", "a="},
        {"a", "REDACTED"},
        {"a&b", "REDACTED&REDACTED"},
        {"=1", "=REDACTED"},
        {"a=1&", "a=REDACTED&"},
        {"&", "&"},
        {"&&a=1", "&&a=REDACTED"},
        {"a=1=2", "a=REDACTED"},
        {"a=1;b=2", "a=REDACTED"},
        {"a=1?b=2", "a=REDACTED"},
        {"a[]=1&a[]=2", "a[]=REDACTED&a[]=REDACTED"},
        {"a=%26b=c", "a=REDACTED"},
    };
    redact_init();
    rows_check(rows, ARRAY_LEN(rows), redact_append_query);
}

Test(redact, urls)
{
    static const struct row rows[] = {
        {"", ""},
        {"http://h/p", "http://h/p"},
        {"http://h/p?a=1#f", "http://h/p?a=REDACTED"},
        {"http://h/p#f?a=1", "http://h/p"},
        {"http://u:p@h:80/x", "http://h:80/x"},
        {"http://u@h", "http://h"},
        {"http://u:p@w@h/x", "http://h/x"},
        {"http://h/a@b", "http://h/a@b"},
        {"http://h?q=a@b", "http://h?q=REDACTED"},
        {"http://h/?u=http://x:y@z", "http://h/?u=REDACTED"},
        {"https://[::1]:8443/", "https://[::1]:8443/"},
        {"/p?a=1", "/p?a=REDACTED"},
        {"/p", "/p"},
        {"/to/http://u:p@h/x", "/to/http://h/x"},
        {"h:443", "h:443"},
        {"u:p@h:443", "h:443"},
        {"http://h/p?", "http://h/p?"},
        {"http://", "http://"},
        {"http://@h", "http://h"},
    };
    redact_init();
    rows_check(rows, ARRAY_LEN(rows), redact_append_url);
}

Test(redact, queries_can_be_kept_but_passwords_cannot)
{
    static const struct row queries[] = {{"a=1&b", "a=1&b"}, {"", ""}};
    static const struct row urls[] = {{"http://u:p@h/x?a=1&b#f", "http://h/x?a=1&b"}};
    setenv("RUN_TRACED_URL_QUERY", "keep", 1);
    redact_init();
    rows_check(queries, ARRAY_LEN(queries), redact_append_query);
    rows_check(urls, ARRAY_LEN(urls), redact_append_url);
}

Test(redact, any_other_choice_redacts)
{
    static const struct row rows[] = {{"a=1", "a=REDACTED"}};
    static const char *const choices[] = {"redact", "KEEP", "", "keep "};
    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        setenv("RUN_TRACED_URL_QUERY", choices[i], 1);
        redact_init();
        rows_check(rows, 1, redact_append_query);
    }
}

/* Where there is no room, what is cut off is never a value's beginning. */
Test(redact, a_text_that_is_full_shows_nothing_more)
{
    static const char url[] = "http://u:pw@host/path?key=secret&other=secret";
    redact_init();
    for (size_t capacity = 1; capacity < sizeof url; capacity++) {
        char bytes[sizeof url + 1] = {0};
        struct text text = text_on(bytes, capacity);
        redact_append_url(&text, url, strlen(url));
        cr_assert_null(strstr(bytes, "pw"));
        cr_assert_null(strstr(bytes, "sec"));
        cr_assert_eq(bytes[capacity], '\0', "written beyond its room");
    }
}
