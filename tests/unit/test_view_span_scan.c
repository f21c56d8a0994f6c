/* The scan of usual lines against the JSON library: a member that only the library reads makes it read the same line. */
#include "base/compiler.h"
#include "view/span_decode.h"
#include "view/span_scan.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const char LINE[] =
    "{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"spanId\":\"cb3c1c71a3c1f46a\",\"parentSpanId\":\"b7ad6b7169203331\","
    "\"name\":\"POST /checkout\",\"timestamp\":1699999999000000,\"duration\":800000,\"kind\":\"CLIENT\","
    "\"status\":{\"code\":\"ERROR\",\"message\":\"no\"},\"attributes\":{\"http.request.method\":\"POST\",\"a\":[1,-2,[\"x\"]],"
    "\"url.full\":\"http://u@h:1/p?q=1\",\"server.address\":\"::1\",\"server.port\":80,\"http.response.status_code\":503,"
    "\"error.type\":\"503\",\"t\":true,\"n\":null,\"d\":0.25,\"e\":\"a\\nb\"},"
    "\"events\":[{\"name\":\"e\",\"timestamp\":1,\"attributes\":{\"url.path\":\"/no\"}}],"
    "\"resource\":{\"service.name\":\"order\",\"process.pid\":4711}}";

static struct string_pool g_pool;

static enum skip_reason decode(const char *line, struct view_span *span)
{
    memset(span, 0, sizeof *span);
    return span_decode(line, strlen(line), &g_pool, span);
}

/* Both ways give the same. */
static void check(const char *line)
{
    char by_library[2048];
    struct view_span span, expected;
    struct span_fields fields;
    snprintf(by_library, sizeof by_library, "%s%s", *line == '{' ? "{\"x\":1e1," : "\xef\xbb\xbf", line + (*line == '{'));
    cr_assert_not(span_scan(by_library, strlen(by_library), &fields));
    enum skip_reason reason = decode(line, &span);
    cr_expect_eq(reason, decode(by_library, &expected), "%s", line);
    cr_expect_arr_eq(&span, &expected, sizeof span, "%s", line);
}

Test(view_span_scan, takes_a_usual_line_by_itself)
{
    struct span_fields fields;
    cr_assert(span_scan(LINE, strlen(LINE), &fields));
    cr_expect_eq(fields.values[FIELD_TIMESTAMP].number, 1699999999000000.0);
    cr_expect_eq(fields.values[FIELD_URL_PATH].type, VALUE_ABSENT);
    cr_expect_eq(strncmp(fields.values[FIELD_SERVICE_NAME].text, "order\"", 6), 0);
    check(LINE);
}

Test(view_span_scan, agrees_with_the_library_wherever_a_line_is_damaged)
{
    static const char replacements[] = "\"\\{}[]:,0x-.e /";
    char line[sizeof LINE];
    for (size_t i = 1; i < sizeof LINE - 1; i++) {
        strcpy(line, LINE);
        for (const char *c = replacements; *c; c++) {
            line[i] = *c;
            check(line);
        }
        line[i] = '\0';
        check(line);
        memcpy(line + i, LINE + i + 1, sizeof LINE - i - 1);
        check(line);
    }
}

Test(view_span_scan, leaves_what_is_unusual)
{
    static const char *const lines[] = {
        "{\"name\":\"a\",\"name\":\"b\"}", "{\"name\":\"a\\tb\"}", "{\"x\":\"\\u0041\"}", "{\"duration\":1.5}", "{\"x\":1e5}",
        "{\"x\":01}", "{\"x\":1}}", "{\"x\":1", "[1]", "{\"x\":tru}", "{\"duration\":9999999999999999999}",
        "{\"x\":[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct span_fields fields;
        cr_expect_not(span_scan(lines[i], strlen(lines[i]), &fields), "%s", lines[i]);
    }
}
