/* Span lines read back: what they mean, and what is damaged is counted and skipped. */
#include "base/compiler.h"
#include "view/skip_text.h"
#include "view/span_reader.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define IDS "\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"spanId\":\"cb3c1c71a3c1f46a\""
#define TIMES "\"timestamp\":1699999999000000,\"duration\":800000"
#define REST "\"name\":\"GET\"," TIMES
#define SPAN "{" IDS "," REST "}"

static int text_read(const char *text, size_t len, struct span_set *set)
{
    int fd = memfd_create("spans", MFD_CLOEXEC);
    cr_assert_eq(write(fd, text, len), (ssize_t)len);
    lseek(fd, 0, SEEK_SET);
    int result = span_reader_read(fd, set);
    close(fd);
    return result;
}

Test(span_reader, says_why_a_line_is_no_span)
{
    static const struct {
        const char *line;
        enum skip_reason reason;
    } rows[] = {
        {SPAN, SKIP_NONE},
        {" " SPAN " \r", SKIP_NONE},
        {"{" IDS ",\"parentSpanId\":\"\"," REST "}", SKIP_NONE},
        {"{" IDS ",\"parentSpanId\":null," REST "}", SKIP_NONE},
        {"{" IDS "," REST ",\"unknown\":{\"a\":[1,2,{}]},\"kind\":\"SERVER\"}", SKIP_NONE},
        {"{" IDS "," REST ",\"status\":{},\"attributes\":{},\"resource\":{}}", SKIP_NONE},
        {"{" IDS "," REST ",\"attributes\":{\"http.response.status_code\":\"x\",\"url.path\":1,"
         "\"server.address\":[],\"server.port\":{},\"error.type\":false}}", SKIP_NONE},
        {"nonsense", SKIP_NOT_JSON},
        {SPAN "{}", SKIP_NOT_JSON},
        {SPAN SPAN, SKIP_NOT_JSON},
        {"{" IDS "," REST ",}", SKIP_NOT_JSON},
        {"{" IDS, SKIP_NOT_JSON},
        {"[]", SKIP_NOT_SPAN},
        {"42", SKIP_NOT_SPAN},
        {"null", SKIP_NOT_SPAN},
        {"{}", SKIP_NOT_SPAN},
        {"[" SPAN "]", SKIP_NOT_SPAN},
        {"{\"resourceSpans\":[]}", SKIP_NOT_SPAN},
        {"{" IDS ",\"name\":\"GET\"}", SKIP_NOT_SPAN},
        {"{" IDS "," TIMES "}", SKIP_NOT_SPAN},
        {"{\"traceId\":\"0af7\",\"spanId\":\"cb3c1c71a3c1f46a\"," REST "}", SKIP_INVALID_ID},
        {"{\"traceId\":\"00000000000000000000000000000000\",\"spanId\":\"cb3c1c71a3c1f46a\"," REST
         "}", SKIP_INVALID_ID},
        {"{\"traceId\":\"0AF7651916CD43DD8448EB211C80319C\",\"spanId\":\"cb3c1c71a3c1f46a\"," REST
         "}", SKIP_INVALID_ID},
        {"{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"spanId\":\"cb3c1c71a3c1f46\"," REST
         "}", SKIP_INVALID_ID},
        {"{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"spanId\":\"cb3c1c71a3c1f46g\"," REST
         "}", SKIP_INVALID_ID},
        {"{" IDS ",\"parentSpanId\":\"x\"," REST "}", SKIP_INVALID_ID},
        {"{" IDS ",\"parentSpanId\":\"0000000000000000\"," REST "}", SKIP_INVALID_ID},
        {"{\"traceId\":1,\"spanId\":\"cb3c1c71a3c1f46a\"," REST "}", SKIP_WRONG_TYPE},
        {"{" IDS ",\"parentSpanId\":5," REST "}", SKIP_WRONG_TYPE},
        {"{" IDS ",\"name\":5," TIMES "}", SKIP_WRONG_TYPE},
        {"{" IDS ",\"name\":\"GET\",\"timestamp\":\"1\",\"duration\":1}", SKIP_WRONG_TYPE},
        {"{" IDS ",\"name\":\"GET\",\"timestamp\":1,\"duration\":-1}", SKIP_WRONG_TYPE},
        {"{" IDS ",\"name\":\"GET\",\"timestamp\":1.5,\"duration\":1}", SKIP_WRONG_TYPE},
        {"{" IDS ",\"name\":\"GET\",\"timestamp\":1e300,\"duration\":1}", SKIP_WRONG_TYPE},
        {"{" IDS ",\"name\":\"GET\",\"timestamp\":1e999,\"duration\":1}", SKIP_WRONG_TYPE},
        {"{" IDS "," REST ",\"kind\":\"WHAT\"}", SKIP_WRONG_TYPE},
        {"{" IDS "," REST ",\"kind\":2}", SKIP_WRONG_TYPE},
        {"{" IDS "," REST ",\"status\":\"OK\"}", SKIP_WRONG_TYPE},
        {"{" IDS "," REST ",\"status\":{\"code\":2}}", SKIP_WRONG_TYPE},
        {"{" IDS "," REST ",\"attributes\":[]}", SKIP_WRONG_TYPE},
        {"{" IDS "," REST ",\"resource\":{\"service.name\":7}}", SKIP_WRONG_TYPE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct string_pool pool = {0};
        struct view_span span = {0};
        enum skip_reason reason = span_decode(rows[i].line, strlen(rows[i].line), &pool, &span);
        cr_expect_eq(reason, rows[i].reason, "%s: %s", rows[i].line, skip_reason_text(reason));
        string_pool_free(&pool);
    }
}

Test(span_reader, takes_what_the_view_shows)
{
    static const char line[] =
        "{" IDS ",\"parentSpanId\":\"b7ad6b7169203331\",\"name\":\"POST /pay\"," TIMES
        ",\"kind\":\"CLIENT\",\"status\":{\"code\":\"ERROR\",\"message\":\"no\"},\"attributes\":{"
        "\"http.response.status_code\":503,\"error.type\":\"503\",\"server.address\":\"pay\","
        "\"server.port\":80,\"url.full\":\"http://pay/pay?card=REDACTED\"},"
        "\"resource\":{\"service.name\":\"order\"}}";
    struct string_pool pool = {0};
    struct view_span span;
    cr_assert_eq(span_decode(line, strlen(line), &pool, &span), SKIP_NONE);
    cr_expect_eq(span.trace_id[0], 0x0a);
    cr_expect_eq(span.span_id[7], 0x6a);
    cr_expect_eq(span.parent_span_id[0], 0xb7);
    cr_expect_eq(span.start_us, 1699999999000000);
    cr_expect_eq(span.duration_us, 800000);
    cr_expect_eq(span.kind, VIEW_KIND_CLIENT);
    cr_expect_eq(span.http_status, 503);
    cr_expect(span.is_error);
    cr_expect_str_eq(span.service, "order");
    cr_expect_str_eq(span.name, "POST /pay");
    cr_expect_str_eq(span.path, "/pay");
    cr_expect_str_eq(span.callee, "pay:80");
    cr_expect_str_eq(span.error_type, "503");
    cr_expect_str_eq(span.message, "no");
    string_pool_free(&pool);
}

Test(span_reader, finds_path_and_callee_of_a_request)
{
    static const struct {
        const char *attributes, *path, *callee;
    } rows[] = {
        {"", NULL, NULL},
        {"\"url.path\":\"/a\"", "/a", NULL},
        {"\"url.path\":\"/a?b=c\"", "/a", NULL},
        {"\"url.path\":\"/a\",\"url.full\":\"http://h/b\"", "/a", "h"},
        {"\"url.full\":\"http://h:8080/b/c?d#e\"", "/b/c", "h:8080"},
        {"\"url.full\":\"http://user:word@h/\"", "/", "h"},
        {"\"url.full\":\"http://h\"", NULL, "h"},
        {"\"url.full\":\"http://h?a=/b\"", NULL, "h"},
        {"\"url.full\":\"/only\"", NULL, NULL},
        {"\"server.address\":\"h\"", NULL, "h"},
        {"\"server.address\":\"h\",\"server.port\":0", NULL, "h"},
        {"\"server.address\":\"h\",\"server.port\":1e9", NULL, "h"},
        {"\"server.address\":\"::1\",\"server.port\":80", NULL, "[::1]:80"},
        {"\"network.peer.address\":\"10.0.0.1\",\"network.peer.port\":5432", NULL, "10.0.0.1:5432"},
        {"\"server.address\":\"\",\"network.peer.address\":\"p\"", NULL, "p"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct string_pool pool = {0};
        struct view_span span;
        char line[512];
        snprintf(line, sizeof line, "{" IDS "," REST ",\"kind\":\"CLIENT\",\"attributes\":{%s}}",
                 rows[i].attributes);
        cr_assert_eq(span_decode(line, strlen(line), &pool, &span), SKIP_NONE, "%s", line);
        cr_expect_str_eq(span.path ? span.path : "(none)", rows[i].path ? rows[i].path : "(none)",
                         "%s", rows[i].attributes);
        cr_expect_str_eq(span.callee ? span.callee : "(none)",
                         rows[i].callee ? rows[i].callee : "(none)", "%s", rows[i].attributes);
        string_pool_free(&pool);
    }
}

Test(span_reader, keeps_long_strings_short_and_whole_characters)
{
    struct string_pool pool = {0};
    struct view_span span;
    char name[1025] = "", line[2048];
    for (int i = 0; i < 300; i++)
        strcat(name, "漢");
    snprintf(line, sizeof line, "{" IDS ",\"name\":\"%s\"," TIMES "}", name);
    cr_assert_eq(span_decode(line, strlen(line), &pool, &span), SKIP_NONE);
    cr_expect_eq(strlen(span.name), 255);
    cr_expect_eq(strncmp(span.name, name, 255), 0);
    string_pool_free(&pool);
}

Test(span_reader, counts_what_it_skips)
{
    static const struct {
        const char *text;
        size_t span_count;
        const char *skipped;
    } rows[] = {
        {"", 0, ""},
        {"\n \n\t\r\n", 0, ""},
        {SPAN "\n", 1, ""},
        {SPAN, 1, ""},
        {SPAN "\n" SPAN "\n", 2, ""},
        {"\n" SPAN "\nx\n", 1, "1 line skipped: not valid JSON (line 3)"},
        {"x\n" SPAN "\n\ny\n", 1, "2 lines skipped: not valid JSON (first: line 1)"},
        {SPAN "\n{" IDS, 1, "1 line skipped: cut off before its end (line 2)"},
        {SPAN "\n[]\n{}\nx\n", 1,
         "3 lines skipped: 1 not valid JSON (first: line 4), 2 not a span (first: line 2)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct span_set set = {0};
        char text[SKIP_TEXT_LEN];
        cr_assert_eq(text_read(rows[i].text, strlen(rows[i].text), &set), 0);
        cr_expect_eq(set.count, rows[i].span_count, "row %zu", i);
        cr_expect_str_eq(skip_text(&set, text), rows[i].skipped, "row %zu: '%s'", i, text);
        span_set_free(&set);
    }
}

Test(span_reader, does_not_let_a_nul_hide_what_follows)
{
    static const char text[] = SPAN "\0" SPAN "\n" SPAN "\n";
    struct span_set set = {0};
    cr_assert_eq(text_read(text, sizeof text - 1, &set), 0);
    cr_expect_eq(set.count, 1);
    cr_expect_eq(set.skipped[SKIP_NOT_JSON].count, 1);
    span_set_free(&set);
}

Test(span_reader, reports_a_directory)
{
    struct span_set set = {0};
    int fd = open("/", O_RDONLY | O_CLOEXEC);
    cr_expect_lt(span_reader_read(fd, &set), 0);
    close(fd);
    span_set_free(&set);
}

static void every_damage_read(const char *text, size_t len)
{
    char *damaged = malloc(len);
    for (size_t cut = 0; cut <= len; cut++) {
        struct span_set set = {0};
        cr_assert_eq(text_read(text, cut, &set), 0);
        cr_assert_leq(set.count, 2);
        span_set_free(&set);
    }
    for (size_t at = 0; at < len; at++) {
        static const char bytes[] = {0, '"', '{', '\n', '\\', (char)0xff};
        for (size_t b = 0; b < sizeof bytes; b++) {
            struct span_set set = {0};
            memcpy(damaged, text, len);
            damaged[at] = bytes[b];
            cr_assert_eq(text_read(damaged, len, &set), 0);
            span_set_free(&set);
        }
    }
    free(damaged);
}

Test(span_reader, survives_damage_at_every_byte, .timeout = 120)
{
    static const char text[] =
        "{" IDS ",\"parentSpanId\":\"b7ad6b7169203331\",\"name\":\"GET \\u00e9\"," TIMES
        ",\"kind\":\"CLIENT\",\"status\":{\"code\":\"ERROR\",\"message\":\"no\"},\"attributes\":{"
        "\"http.response.status_code\":503,\"error.type\":\"503\",\"server.address\":\"::1\","
        "\"server.port\":80,\"url.full\":\"http://pay/pay?card=REDACTED\"},"
        "\"events\":[{\"name\":\"connect\",\"timestamp\":1}],"
        "\"resource\":{\"service.name\":\"order\"}}\n" SPAN "\n";
    every_damage_read(text, sizeof text - 1);
}

Test(span_reader, gives_a_live_line_when_it_is_whole)
{
    int ends[2];
    char *line;
    cr_assert_eq(pipe(ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    struct line_reader reader = {.fd = ends[0]};
    cr_assert_eq(write(ends[1], "one\ntw", 6), 6);
    cr_expect_eq(line_reader_next(&reader, true, &line), 4);
    cr_expect_str_eq(line, "one\n");
    cr_expect_eq(line_reader_next(&reader, true, &line), -EAGAIN);
    cr_assert_eq(write(ends[1], "o\nend", 5), 5);
    close(ends[1]);
    cr_expect_eq(line_reader_next(&reader, true, &line), 4);
    cr_expect_str_eq(line, "two\n");
    cr_expect_eq(line_reader_next(&reader, true, &line), 0);
    cr_expect_eq(line_reader_next(&reader, false, &line), 3);
    cr_expect_str_eq(line, "end");
    cr_expect_eq(line_reader_next(&reader, false, &line), 0);
    line_reader_free(&reader);
    close(ends[0]);
}

Test(span_reader, takes_lines_longer_than_its_buffer)
{
    enum { LEN = 1 << 20 };
    char *text = malloc(LEN), *line;
    memset(text, 'x', LEN);
    text[LEN - 10] = '\n';
    int fd = memfd_create("spans", MFD_CLOEXEC);
    cr_assert_eq(write(fd, text, LEN), LEN);
    lseek(fd, 0, SEEK_SET);
    struct line_reader reader = {.fd = fd};
    cr_expect_eq(line_reader_next(&reader, false, &line), LEN - 9);
    cr_expect_eq(line_reader_next(&reader, false, &line), 9);
    cr_expect_eq(line_reader_next(&reader, false, &line), 0);
    line_reader_free(&reader);
    close(fd);
    free(text);
}
