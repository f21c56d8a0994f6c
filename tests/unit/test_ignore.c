/* test_ignore.c - RUN_TRACED_IGNORE: which requests are left out. */
#include "trace/ignore.h"

#include "base/compiler.h"
#include "support/guarded.h"

#include <criterion/criterion.h>
#include <string.h>

static char g_refused[512];

static void refused_note(const char *pattern, size_t len)
{
    strncat(g_refused, pattern, len);
    strcat(g_refused, ";");
}

Test(ignore, matches_paths_and_methods)
{
    static const struct {
        const char *list, *method, *url;
        bool is_ignored;
    } rows[] = {
        {NULL, "GET", "/health", false},
        {"", "GET", "/health", false},
        {"/health", "GET", "/health", true},
        {"/health", "POST", "/health", true},
        {"/health", "GET", "/health/", false},
        {"/health", "GET", "/healthy", false},
        {"/health", "GET", "/Health", false},
        {"/health", "GET", "/x/health", false},
        {"/health", "GET", "/healt", false},
        {"/health", "GET", "/health?full=1", true},
        {"/health", "GET", "/health#top", true},
        {"/health", "GET", "/?/health", false},
        {"/health", "GET", "http://host:80/health?x", true},
        {"/health", "GET", "host:80/health", true},
        {"/health", "GET", "http://host/", false},
        {"/", "GET", "http://host", true},
        {"/", "GET", "/x", false},
        {"/metrics*", "GET", "/metrics", true},
        {"/metrics*", "GET", "/metrics/a/b", true},
        {"*/health", "GET", "/a/b/health", true},
        {"*/health", "GET", "/health/x", false},
        {"/a*b*c", "GET", "/a-b-b-c-c", true},
        {"/a*b*c", "GET", "/a-c-b", false},
        {"/a**c", "GET", "/ac", true},
        {"*", "OPTIONS", "*", true},
        {"*", "GET", "", true},
        {" /health , \t/ready\t,, ", "GET", "/ready", true},
        {"/a,/b,/c", "GET", "/c", true},
        {"/a,/b,/c", "GET", "/d", false},
        {"GET /ready", "GET", "/ready", true},
        {"GET \t /ready", "GET", "/ready", true},
        {"GET /ready", "POST", "/ready", false},
        {"GET /ready", "GETS", "/ready", false},
        {"GET /ready", "", "/ready", false},
        {"/ready", "", "/ready", true},
        {"HEAD *", "HEAD", "/any", true},
        {"HEAD *", "GET", "/any", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ignore_list list;
        ignore_parse(rows[i].list, &list, refused_note);
        cr_expect_eq(ignore_list_has(&list, rows[i].method, strlen(rows[i].method), rows[i].url, strlen(rows[i].url)),
                     rows[i].is_ignored, "%s: %s %s", rows[i].list, rows[i].method, rows[i].url);
    }
    cr_expect_str_eq(g_refused, "");
}

Test(ignore, refuses_what_is_no_pattern)
{
    struct ignore_list list;
    char text[2 * IGNORE_PATTERN_LEN_MAX] = "/";
    ignore_parse("health,/ok,GET,GET health, ,http://host/x", &list, refused_note);
    cr_expect_str_eq(g_refused, "health;GET;GET health;http://host/x;");
    cr_expect_eq(list.count, 1);
    memset(text + 1, 'a', IGNORE_PATTERN_LEN_MAX - 1);
    g_refused[0] = 0;
    ignore_parse(text, &list, refused_note);
    cr_expect_eq(list.count, 1);
    text[IGNORE_PATTERN_LEN_MAX] = 'a';
    ignore_parse(text, &list, refused_note);
    cr_expect_eq(list.count, 0);
    cr_expect_eq(strlen(g_refused), IGNORE_PATTERN_LEN_MAX + 2);
    ignore_parse(text, &list, NULL);
}

Test(ignore, keeps_as_many_as_there_is_room_for)
{
    struct ignore_list list;
    char text[4 * (IGNORE_COUNT_MAX + 2)] = "";
    for (int i = 0; i < IGNORE_COUNT_MAX + 1; i++)
        strcat(text, "/a,");
    ignore_parse(text, &list, refused_note);
    cr_expect_eq(list.count, IGNORE_COUNT_MAX);
    cr_expect_str_eq(g_refused, "/a;");
}

/* Each is as long as it is, and nothing behind it is read. */
Test(ignore, reads_no_further_than_the_url)
{
    static const char url[] = "http://user@host/metrics/a?b#c";
    struct ignore_list list;
    ignore_parse("/metrics/*,GET *a*a*a*a*a*b", &list, NULL);
    for (size_t len = 0; len <= strlen(url); len++) {
        const char *bytes = guarded(url, len);
        ignore_list_has(&list, "GET", 3, bytes, len);
    }
}
