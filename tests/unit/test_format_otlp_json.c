/* OTLP in JSON: the exact text, groups, and valid JSON whatever a record says. */
#include "support/guarded.h"
#include "support/json_check.h"
#include "support/random_record.h"
#include "support/sample_batch.h"

#include "base/compiler.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static const struct format *const FORMAT = &FORMAT_OTLP_JSON;

enum { ROOM = 64 * 1024 };

#define SCOPE                                                                                                \
    "\"scopeSpans\":[{\"scope\":{\"name\":\"run-traced\",\"version\":\"" RUN_TRACED_VERSION "\"},"             \
    "\"schemaUrl\":\"https://opentelemetry.io/schemas/1.33.0\",\"spans\":["
#define STRING(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define INT(key, value) "{\"key\":\"" key "\",\"value\":{\"intValue\":\"" value "\"}}"
#define RESOURCE(service, pid, executable, host, more)                                                       \
    "{\"resource\":{\"attributes\":[" STRING("service.name", service) "," INT("process.pid", pid) ","         \
    STRING("process.executable.name", executable) "," STRING("host.name", host) more "]},"

/* The message, for a moment; @batch stays as it was. */
static const char *finished(struct batch *batch)
{
    static char text[4 * ROOM + 1];
    struct text before = batch->text, unused = text_on(NULL, 0);
    struct text *after = FORMAT->finish(batch, &unused);
    cr_assert_not(after->overflowed);
    cr_assert_leq(after->len - before.len, (size_t)BATCH_END_LEN_MAX);
    memcpy(text, after->bytes, after->len);
    text[after->len] = '\0';
    const char *problem = json_problem(text, after->len);
    cr_assert_null(problem, "%s: %s", problem, text);
    batch->text = before;
    return text;
}

static void assert_one(const struct span *span, const struct resource *resource, const char *expected)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    cr_assert_eq(sample_batch_add(FORMAT, batch, span, resource), 0);
    cr_assert_str_eq(finished(batch), expected);
    sample_batch_free(batch);
}

Test(format_otlp_json, writes_every_field_of_a_span)
{
    struct resource resource;
    struct span span;
    sample_span(&span);
    assert_one(&span, sample_resource(&resource),
               "{\"resourceSpans\":["
               RESOURCE("order", "4711", "shop", "box", "," STRING("deployment.environment", "test")) SCOPE
               "{\"traceId\":\"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\",\"spanId\":\"cbcbcbcbcbcbcbcb\","
               "\"traceState\":\"a=1,b=2\",\"parentSpanId\":\"b7ad6b7169203331\",\"flags\":3,\"name\":\"POST\","
               "\"kind\":3,\"startTimeUnixNano\":\"1699999999000000999\",\"endTimeUnixNano\":\"1699999999800000999\","
               "\"attributes\":[" STRING("server.address", "shop.example") "," INT("server.port", "8080") ","
               STRING("network.peer.address", "192.0.2.7") "," STRING("error.type", "ECONNRESET") ","
               "{\"key\":\"run_traced.parent.ambiguous\",\"value\":{\"boolValue\":true}},"
               INT("run_traced.sent_bytes", "-1") ","
               "{\"key\":\"http.request.header.x\",\"value\":{\"arrayValue\":{\"values\":["
               "{\"stringValue\":\"a\\\"b\"},{\"stringValue\":\"\"}]}}}," INT("thread.id", "4712") "],"
               "\"droppedAttributesCount\":2,\"events\":[{\"timeUnixNano\":\"1699999998999999999\",\"name\":\"connect\"},"
               "{\"timeUnixNano\":\"1699999999000100999\",\"name\":\"connected\"}],"
               "\"links\":[{\"traceId\":\"11111111111111111111111111111111\",\"spanId\":\"2222222222222222\"}],"
               "\"status\":{\"message\":\"reset\",\"code\":2}}]}]}]}");
}

Test(format_otlp_json, leaves_out_what_a_span_has_not)
{
    struct resource resource = {0};
    struct span span;
    sample_span_small(&span);
    assert_one(&span, &resource,
               "{\"resourceSpans\":[" RESOURCE("unknown_service", "0", "", "", "") SCOPE
               "{\"traceId\":\"01010101010101010101010101010101\",\"spanId\":\"0202020202020202\",\"name\":\"\","
               "\"kind\":1,\"startTimeUnixNano\":\"1000000000\",\"endTimeUnixNano\":\"1000000400\",\"attributes\":[]}"
               "]}]}]}");
}

Test(format_otlp_json, what_a_group_has_in_common_comes_once)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource = {0};
    struct span span;
    static const int32_t pids[] = {1, 1, 2};
    static const char one[] = "{\"traceId\":\"01010101010101010101010101010101\",\"spanId\":\"0202020202020202\","
                              "\"name\":\"\",\"kind\":1,\"startTimeUnixNano\":\"1000000000\","
                              "\"endTimeUnixNano\":\"1000000400\",\"attributes\":[]}";
    char expected[4096];
    for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
        sample_span_small(&span);
        span.pid = pids[i];
        cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), 0);
    }
    snprintf(expected, sizeof expected, "{\"resourceSpans\":[%s%s%s,%s]}]},%s%s%s]}]}]}",
             RESOURCE("unknown_service", "1", "", "", ""), SCOPE, one, one,
             RESOURCE("unknown_service", "2", "", "", ""), SCOPE, one);
    cr_assert_str_eq(finished(batch), expected);
    sample_batch_free(batch);
}

Test(format_otlp_json, repairs_and_escapes)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource = {0};
    struct span span;
    sample_span_small(&span);
    span_set_name(&span, "\xff\n", 2);
    span_set_string(&span, ATTRIBUTE_URL_PATH, "/\"\xc3\xa9\x80", 5);
    span_set_custom(&span, "q\"k", 3, "\\", 1);
    cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), 0);
    const char *text = finished(batch);
    cr_expect(strstr(text, "\"name\":\"\xef\xbf\xbd\\n\""));
    cr_expect(strstr(text, STRING("url.path", "/\\\"\xc3\xa9\xef\xbf\xbd")));
    cr_expect(strstr(text, STRING("q\\\"k", "\\\\")));
    sample_batch_free(batch);
}

Test(format_otlp_json, times_beyond_what_is_signed)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource = {0};
    struct span span;
    sample_span_small(&span);
    span.start_unix_nano = UINT64_MAX - 400;
    cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), 0);
    cr_expect(strstr(finished(batch), "\"startTimeUnixNano\":\"18446744073709551215\","
                                      "\"endTimeUnixNano\":\"18446744073709551615\""));
    sample_batch_free(batch);
}

Test(format_otlp_json, only_an_error_has_a_message)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource = {0};
    struct span span;
    sample_span(&span);
    span.status = SPAN_STATUS_OK;
    cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), 0);
    cr_expect(strstr(finished(batch), "\"status\":{\"code\":1}"));
    sample_batch_free(batch);
}

static void add_further(struct resource *resource, const char *key, const char *value)
{
    uint16_t lens[] = {(uint16_t)strlen(key), (uint16_t)strlen(value)};
    char *at = resource->attributes + resource->attributes_len;
    memcpy(at, lens, sizeof lens);
    memcpy(at + sizeof lens, key, lens[0]);
    memcpy(at + sizeof lens + lens[0], value, lens[1]);
    resource->attributes_len = (uint16_t)(resource->attributes_len + sizeof lens + lens[0] + lens[1]);
}

Test(format_otlp_json, no_key_of_a_resource_comes_twice)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource = {0};
    struct span span;
    sample_span_small(&span);
    add_further(&resource, "a", "1");
    add_further(&resource, "host.name", "other");
    add_further(&resource, "a", "2");
    add_further(&resource, "", "none");
    add_further(&resource, "\xff", "bad");
    add_further(&resource, "\xc3\xa9", "good");
    cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), 0);
    cr_expect(strstr(finished(batch), RESOURCE("unknown_service", "0", "", "",
                                               "," STRING("a", "2") "," STRING("\xc3\xa9", "good"))),
              "%s", finished(batch));
    sample_batch_free(batch);
}

Test(format_otlp_json, too_little_room_leaves_the_batch_alone)
{
    struct resource resource;
    struct span first, second;
    sample_span_small(&first);
    sample_span(&second);
    sample_resource(&resource);
    struct batch *whole = sample_batch(FORMAT, ROOM);
    size_t begin_len = whole->text.len, first_len, both_len;
    sample_batch_add(FORMAT, whole, &first, &resource);
    first_len = whole->text.len;
    sample_batch_add(FORMAT, whole, &second, &resource);
    both_len = whole->text.len;
    sample_batch_free(whole);
    for (size_t room = begin_len; room < both_len + 2 * BATCH_END_LEN_MAX; room++) {
        struct batch *batch = sample_batch(FORMAT, room);
        bool has_first = room >= first_len + BATCH_END_LEN_MAX, has_both = room >= both_len + BATCH_END_LEN_MAX;
        cr_assert_eq(sample_batch_add(FORMAT, batch, &first, &resource), has_first ? 0 : -ENOSPC);
        cr_assert_eq(batch->text.len, has_first ? first_len : begin_len);
        if (has_first) {
            cr_assert_eq(sample_batch_add(FORMAT, batch, &second, &resource), has_both ? 0 : -ENOSPC);
            cr_assert_eq(batch->text.len, has_both ? both_len : first_len);
            finished(batch);
        }
        sample_batch_free(batch);
    }
}

Test(format_otlp_json, refuses_what_is_no_span)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource = {0};
    struct span span;
    sample_span(&span);
    memset(span.span_id, 0, SPAN_ID_LEN);
    cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), -EINVAL);
    cr_assert_eq(batch->text.len, strlen("{\"resourceSpans\":["));
    sample_batch_free(batch);
}

Test(format_otlp_json, random_records_make_valid_messages)
{
    struct batch *batch = sample_batch(FORMAT, 4 * ROOM);
    struct span *span = (struct span *)guarded_room(sizeof *span);
    struct resource resource;
    uint64_t seed = 1;
    unsigned added = 0;
    for (int i = 0; i < 8000; i++) {
        random_record(span, &resource, &seed);
        int result = sample_batch_add(FORMAT, batch, span, &resource);
        cr_assert(result == 0 || result == -EINVAL);
        added += result == 0;
        if (i % 8 || !batch->span_count)
            continue;
        finished(batch);
        batch->text.len = batch->span_count = 0;
        FORMAT->begin(batch);
    }
    cr_assert_gt(added, 6000);
    sample_batch_free(batch);
}
