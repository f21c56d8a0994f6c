/* test_backend_target.c - what users may write as a backend, and when to try again. */
#include "backend/answer.h"
#include "backend/retry.h"
#include "backend/target.h"

#include "base/clock.h"
#include "base/compiler.h"

#include <criterion/criterion.h>
#include <string.h>

static struct target g_target;

static const char *complaint(const char *url)
{
    static char bytes[4096];
    struct text error = text_on(bytes, sizeof bytes);
    return target_parse(url, &g_target, &error) ? text_terminate(&error) : NULL;
}

Test(backend_target, urls)
{
    static const struct {
        const char *url, *posted, *name;
        const struct format *format;
    } rows[] = {
        {"otlp+http://h", "http://h:4318/v1/traces", "otlp+http://h:4318", &FORMAT_OTLP_PROTOBUF},
        {"otlp+http://h:1/", "http://h:1/v1/traces", "otlp+http://h:1", &FORMAT_OTLP_PROTOBUF},
        {"otlp+https://h/own/path?format=otlp-json&a=b&timeout=5", "https://h:4318/own/path?a=b",
         "otlp+https://h:4318/own/path", &FORMAT_OTLP_JSON},
        {"otlp+http://u:p%40w@h:80", "http://u:p%40w@h:80/v1/traces", "otlp+http://h:80", &FORMAT_OTLP_PROTOBUF},
        {"otlp+http://u@v:p@h:80", "http://u@v:p@h:80/v1/traces", "otlp+http://h:80", &FORMAT_OTLP_PROTOBUF},
        {"zipkin+http://[::1]:9", "http://[::1]:9/api/v2/spans", "zipkin+http://[::1]:9", &FORMAT_ZIPKIN},
        {"jaeger+http://h", "http://h:14268/api/traces?format=jaeger.thrift", "jaeger+http://h:14268",
         &FORMAT_JAEGER_THRIFT},
        {"datadog+http://h", "http://h:8126/v0.4/traces", "datadog+http://h:8126", &FORMAT_DATADOG},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cr_expect(target_is_one(rows[i].url));
        cr_expect_null(complaint(rows[i].url), "%s", rows[i].url);
        cr_expect_str_eq(g_target.url, rows[i].posted);
        cr_expect_str_eq(g_target.name, rows[i].name);
        cr_expect_eq(g_target.format, rows[i].format);
    }
}

Test(backend_target, datagrams)
{
    cr_expect_null(complaint("xray+udp://[::1]"));
    cr_expect_str_eq(g_target.host, "::1");
    cr_expect_str_eq(g_target.port, "2000");
    cr_expect_eq(g_target.kind, TARGET_UDP);
}

Test(backend_target, files)
{
    cr_expect_not(target_is_one("file:a%3Fformat=x"));
    cr_expect_null(complaint("file:a%20b?rotate=10M&format=zipkin"));
    cr_expect_str_eq(g_target.path, "a b");
    cr_expect_eq(g_target.rotate_len, 10 << 20);
    cr_expect_eq(g_target.format, &FORMAT_ZIPKIN);
    cr_expect_null(complaint("file:x.otlp.jsonl?rotate=1"));
    cr_expect_eq(g_target.format, &FORMAT_OTLP_JSON);
    cr_expect_eq(target_format_of_file("/x.otlp/spans.jsonl"), NULL);
    cr_expect_eq(target_format_of_file("/x/a.zipkin"), &FORMAT_ZIPKIN);
    cr_expect_eq(target_format_of_file("otlp.jsonl"), NULL);
}

Test(backend_target, what_is_wrong_is_named)
{
    static const struct {
        const char *url, *word;
    } rows[] = {
        {"otlp+http://", "host"},         {"otlp+http://:80", "host"},           {"otlp+http://h:65536", "port"},
        {"otlp+http://h:x", "port"},      {"otlp+http://h?format=zipkin", "otlp-json"}, {"zipkin+http://h?format=x", "one only"},
        {"otlp+http://h?timeout=0", "milliseconds"}, {"file:?format=native", "path"}, {"file:%zz?format=native", "%25"},
        {"file:x?rotate=0", "size"},      {"file:x?rotate=1T", "size"},          {"file:x?format=native&y=1", "rotate"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *said = complaint(rows[i].url);
        cr_expect(said && strstr(said, rows[i].word), "%s: %s", rows[i].url, said);
    }
}

Test(backend_target, a_posted_url_is_taken_as_it_is)
{
    target_post_to("https://u:p@h/x?y=z", &FORMAT_ZIPKIN, &g_target);
    cr_expect_str_eq(g_target.url, "https://u:p@h/x?y=z");
    cr_expect_str_eq(g_target.name, "https://h/x");
}

Test(backend_retry, pauses_double_with_jitter_up_to_half_a_minute)
{
    struct retry retry = retry_begin(1);
    uint64_t pause_ns = 200 * NANOS_PER_MILLI;
    for (int i = 0; i < 20; i++) {
        uint64_t wait_ns = retry_next_ns(&retry, 0);
        cr_expect(wait_ns >= pause_ns / 2 && wait_ns <= pause_ns, "%d", i);
        pause_ns = MIN(2 * pause_ns, 30 * NANOS_PER_SECOND);
    }
    cr_expect_eq(retry_next_ns(&retry, 40 * NANOS_PER_SECOND), 40 * NANOS_PER_SECOND);
    cr_expect_eq(retry_next_ns(&retry, 4000 * NANOS_PER_SECOND), 300 * NANOS_PER_SECOND, "no more is believed");
}

static struct delivery answer_to(const struct format *format, long status, const char *body, size_t len)
{
    struct delivery delivery = {0};
    answer_read(format, status, body, len, &delivery);
    return delivery;
}

Test(backend_answer, which_may_be_tried_again)
{
    static const struct {
        long status;
        enum delivery_outcome otlp, others;
    } rows[] = {
        {200, DELIVERY_DONE, DELIVERY_DONE},       {202, DELIVERY_DONE, DELIVERY_DONE},
        {301, DELIVERY_REFUSED, DELIVERY_REFUSED}, {400, DELIVERY_REFUSED, DELIVERY_REFUSED},
        {408, DELIVERY_REFUSED, DELIVERY_LATER},   {413, DELIVERY_REFUSED, DELIVERY_REFUSED},
        {429, DELIVERY_LATER, DELIVERY_LATER},     {500, DELIVERY_REFUSED, DELIVERY_LATER},
        {501, DELIVERY_REFUSED, DELIVERY_LATER},   {502, DELIVERY_LATER, DELIVERY_LATER},
        {503, DELIVERY_LATER, DELIVERY_LATER},     {504, DELIVERY_LATER, DELIVERY_LATER},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cr_expect_eq(answer_to(&FORMAT_OTLP_JSON, rows[i].status, "", 0).outcome, rows[i].otlp, "%ld", rows[i].status);
        cr_expect_eq(answer_to(&FORMAT_ZIPKIN, rows[i].status, "", 0).outcome, rows[i].others, "%ld", rows[i].status);
    }
}

/* Whatever a backend answers with, cut at any byte. */
Test(backend_answer, garbage)
{
    static const char json[] = "{\"partialSuccess\":{\"rejectedSpans\":\"7\",\"errorMessage\":\"a\\u0007b\"}}";
    static const char protobuf[] = {0x0a, 0x0b, 0x08, 0x02, 0x12, 0x07, 't', 'o', 'o', ' ', 'o', 'l', 'd'};
    for (size_t i = 0; i < sizeof json - 1; i++)
        cr_expect_eq(answer_to(&FORMAT_OTLP_JSON, 200, json, i).rejected_count, 0);
    struct delivery delivery = answer_to(&FORMAT_OTLP_JSON, 200, json, sizeof json - 1);
    cr_expect_eq(delivery.rejected_count, 7);
    cr_expect_str_eq(delivery.reason, "a b", "no control character reaches the terminal");
    for (size_t i = 0; i < sizeof protobuf; i++)
        cr_expect_eq(answer_to(&FORMAT_OTLP_PROTOBUF, 200, protobuf, i).rejected_count, 0);
    cr_expect_eq(answer_to(&FORMAT_OTLP_PROTOBUF, 200, protobuf, sizeof protobuf).rejected_count, 2);
    char endless[64];
    memset(endless, 0xff, sizeof endless);
    cr_expect_eq(answer_to(&FORMAT_OTLP_PROTOBUF, 200, endless, sizeof endless).rejected_count, 0);
}
