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

/* What a value is recorded by: its key, and that it holds nothing that is a secret itself. */
Test(redact, values_of_chosen_keys_are_kept)
{
    static const struct row rows[] = {
        {"page=2&limit=10&token=t", "page=2&limit=10&token=REDACTED"},
        {"page=2;token=t", "page=2;token=REDACTED"},
        {"token=t;page=2", "token=REDACTED"},
        {"%70age=2", "%70age=2"},
        {"Page=2", "Page=REDACTED"},
        {"page", "REDACTED"},
        {"sig=chosen", "sig=chosen"},
        {"page=http://u:p@h/", "page=REDACTED"},
        {"page=http%3A%2F%2Fu%3Ap%40h", "page=REDACTED"},
        {"page=/cb?token=t", "page=REDACTED"},
        {"page=%2Fcb%3Faccess_token%3Dt", "page=REDACTED"},
    };
    setenv("RUN_TRACED_URL_QUERY_KEEP", "page, limit,sig", 1);
    redact_init();
    rows_check(rows, ARRAY_LEN(rows), redact_append_query);
}

Test(redact, known_secrets_stay_where_queries_are_kept)
{
    static const struct row rows[] = {
        {"a=1&sig=s", "a=1&sig=REDACTED"},
        {"AWSAccessKeyId=s&Signature=s", "AWSAccessKeyId=REDACTED&Signature=REDACTED"},
        {"X-Goog-Signature=s&x-amz-security-token=s", "X-Goog-Signature=REDACTED&x-amz-security-token=REDACTED"},
        {"X-Amz-Credential=s&to%6ben=s&api_key=s", "X-Amz-Credential=REDACTED&to%6ben=REDACTED&api_key=REDACTED"},
        {"a=1;password=s;b=2", "a=1;password=REDACTED"},
        {"next=https%3a%2f%2fu%3as%40h", "next=REDACTED"},
        {"laptop=1&desk=2&keyboard=3&hotpink=4", "laptop=1&desk=2&keyboard=3&hotpink=4"},
    };
    setenv("RUN_TRACED_URL_QUERY", "keep", 1);
    redact_init();
    rows_check(rows, ARRAY_LEN(rows), redact_append_query);
}

Test(redact, what_only_looks_like_a_key_is_none)
{
    static const struct row rows[] = {
        {"c2VjcmV0==", "REDACTED"},
        {"Zm9vYmFyYmF6cXV4MTIz=", "REDACTED"},
        {"0123456789abcdef=1", "REDACTED"},
        {"a_rather_long_name_of_a_key=1", "a_rather_long_name_of_a_key=REDACTED"},
    };
    redact_init();
    rows_check(rows, ARRAY_LEN(rows), redact_append_query);
}

/* In whatever shape it comes. */
Test(redact, userinfo)
{
    static const struct row rows[] = {
        {"http:/u:s@h/p", "http:/h/p"},
        {"http:///u:s@h/p", "http:///h/p"},
        {"ftp://u:s@h/p", "ftp://h/p"},
        {"http://u:s%40h/p", "http://h/p"},
        {"http://u%40x:s@h/p", "http://h/p"},
        {"http://u:s/s@h/p", "http://REDACTED"},
        {"http://u:s#s@h/p", "http://REDACTED"},
        {"http://u:s?s@h/p", "http://REDACTED"},
        {"http://u:1#s@h/p", "http://REDACTED"},
        {"http://h:80/@scope/p", "http://h:80/@scope/p"},
        {"u:s@h/to/http://x", "h/to/http://x"},
        {"http://h/to/http://u:s@h", "http://h/to/http://h"},
        {"/to/http:/u:s@h/and/https://s@h/x", "/to/http:/h/and/https://h/x"},
        {"/to/https%3A%2F%2Fu%3As%40h%2Fx", "/to/h%2Fx"},
        {"//s@h/x", "//h/x"},
        {"/users/me@example.com", "/users/me@example.com"},
        {"http://[::1]:80@h/", "http://h/"},
        {"http://[fe80::1%25eth0]:80/", "http://[fe80::1%25eth0]:80/"},
    };
    redact_init();
    rows_check(rows, ARRAY_LEN(rows), redact_append_url);
}

Test(redact, parameters_and_encoded_queries_in_paths)
{
    static const struct row rows[] = {
        {"/cart;jsessionid=s/x", "/cart;jsessionid=REDACTED/x"},
        {"/a;v=1;w=2;flag", "/a;v=REDACTED;w=REDACTED;flag"},
        {"/to/h%3Ftoken=s", "/to/h%3FREDACTED"},
        {"/100%25", "/100%25"},
        {"/a;b", "/a;b"},
    };
    redact_init();
    rows_check(rows, ARRAY_LEN(rows), redact_append_path);
}

Test(redact, hosts)
{
    static const struct row rows[] = {
        {"h:80", "h:80"},          {"u:s@h:80", "h:80"},    {"h/p?a=s", "h"},
        {"h?a=s", "h"},            {"u:s#x", "REDACTED"},   {"[::1]:80", "[::1]:80"},
        {"s@h", "h"},              {"", ""},
    };
    redact_init();
    rows_check(rows, ARRAY_LEN(rows), redact_append_host);
}

Test(redact, ids_become_routes)
{
    static const struct row rows[] = {
        {"/orders/42", "/orders/{id}"},
        {"/orders/42/items/7/", "/orders/{id}/items/{id}/"},
        {"/o/550e8400-e29b-41d4-a716-446655440000.jpg", "/o/{id}.jpg"},
        {"/o/507f1f77bcf86cd799439011", "/o/{id}"},
        {"/o/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/o/{id}"},
        {"/o/dGhpcyBpcyBhIHRva2Vu9-_", "/o/{id}"},
        {"/o/42;v=1", "/o/{id};v=REDACTED"},
        {"/v2/deadbeef/internationalisation/my-article-of-2024", "/v2/deadbeef/internationalisation/my-article-of-2024"},
        {"/", "/"},
        {"*", "*"},
    };
    static const struct row urls[] = {{"http://h:80/orders/42?a=1", "http://h:80/orders/{id}?a=REDACTED"}};
    setenv("RUN_TRACED_URL_ROUTES", "on", 1);
    redact_init();
    rows_check(rows, ARRAY_LEN(rows), redact_append_path);
    rows_check(urls, ARRAY_LEN(urls), redact_append_url);
}

static void header_append(struct text *text, const char *line, size_t len)
{
    char name[64];
    const char *colon = memchr(line, ':', len);
    memcpy(name, line, (size_t)(colon - line));
    name[colon - line] = '\0';
    redact_append_header(text, name, colon + 1, len - (size_t)(colon + 1 - line));
}

Test(redact, header_values)
{
    static const struct row rows[] = {
        {"authorization:s", "REDACTED"},
        {"proxy-authorization:s", "REDACTED"},
        {"cookie:s", "REDACTED"},
        {"set-cookie:s", "REDACTED"},
        {"x-api-key:s", "REDACTED"},
        {"x-auth-token:s", "REDACTED"},
        {"x-amz-security-token:s", "REDACTED"},
        {"x-csrf-token:s", "REDACTED"},
        {"sec-websocket-protocol:s", "REDACTED"},
        {"x-goog-iap-jwt-assertion:s", "REDACTED"},
        {"x-any:Bearer s", "REDACTED"},
        {"x-any:eyJhbGciOi", "REDACTED"},
        {"x-tenant:one", "one"},
        {"referer:https://u:s@h/p?a=s", "https://h/p?a=REDACTED"},
        {"x-original-uri:/p?a=s", "/p?a=REDACTED"},
        {"link:<https://h/p?a=s>", "<https://h/p?a=REDACTED"},
        {"accept:a/b;q=1", "a/b;q=1"},
    };
    redact_init();
    rows_check(rows, ARRAY_LEN(rows), header_append);
}

Test(redact, patterns_are_used_where_they_are_set)
{
    static const struct row rows[] = {{"/in/ACME-42/x", "/in/REDACTED/x"}, {"/%61cme-1", "/REDACTED"}};
    cr_assert_not(g_redact_choices.has_patterns);
    setenv("RUN_TRACED_REDACT", "acme-*", 1);
    redact_init();
    cr_assert(g_redact_choices.has_patterns);
    rows_check(rows, ARRAY_LEN(rows), redact_append_by_patterns);
    cr_assert(redact_matches("x=acme-", 7));
    cr_assert_not(redact_matches("x=acm", 5));
}
