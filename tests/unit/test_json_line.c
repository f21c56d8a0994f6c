/* test_json_line.c - lines with NULs in their strings. */
#include "backend/json_line.h"

#include <criterion/criterion.h>
#include <string.h>

static void check(const char *line, const char *expected)
{
    cJSON *json = json_line_parse(line, strlen(line));
    cr_assert(json, "%s", line);
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(json, "x")), expected);
    cJSON_Delete(json);
}

Test(json_line, a_nul_ends_no_string)
{
    check("{\"x\":\"a\\u0000b\\u0000\\u0000\"}", "a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd");
    check("{\"x\":\"\\\\\\u0000\"}", "\\\xef\xbf\xbd");
}

Test(json_line, what_only_looks_like_one_stays)
{
    check("{\"x\":\"a\\\\u0000b\"}", "a\\u0000b");
    check("{\"x\":\"plain\"}", "plain");
}

Test(json_line, what_is_no_json_is_refused)
{
    const char *lines[] = {"{\"x\":\"\\u0000\"", "{\"x\":\"a\"} b", "", "\\u0000"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_expect_null(json_line_parse(lines[i], strlen(lines[i])), "%s", lines[i]);
}
