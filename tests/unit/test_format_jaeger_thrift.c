/* test_format_jaeger_thrift.c - jaeger.thrift: the fields by their numbers in the IDL, and one process a message. */
#include "support/batch_fixture.h"
#include "support/wire_dump.h"

static char g_shown[4 * BATCH_LEN_MAX];

static const char *shown(const struct text *message)
{
    struct text text = text_on(g_shown, sizeof g_shown);
    cr_assert(thrift_dump_all(message, &text));
    return text_terminate(&text);
}

static const char *shown_span(const struct span *span)
{
    return shown(batch_of(&FORMAT_JAEGER_THRIFT, span, some_resource()));
}

#define TAG(key, value) "{1:\"" key "\",2:0,3:\"" value "\"}"
#define TAG_LONG(key, value) "{1:\"" key "\",2:3,6:" #value "}"
#define TAG_TRUE(key) "{1:\"" key "\",2:2,5:1}"

Test(format_jaeger_thrift, a_batch_has_these_fields)
{
    struct span span;
    fill_server_span(&span);
    cr_assert_str_eq(
        shown_span(&span),
        "{1:{1:\"order-service\",2:[" TAG_LONG("process.pid", 4711) "," TAG("process.executable.name", "shop") ","
        TAG("host.name", "box") "," TAG("service.version", "1.2") "]},"
        "2:[{1:723401728380766730,2:723401728380766730,3:14685055086129564619,4:13235353014750950193,5:\"POST /checkout\","
        "6:[{1:0,2:723401728380766730,3:723401728380766730,4:13235353014750950193},{1:1,2:1,3:0,4:2}],"
        "7:1,8:1699999999000001,9:800000,"
        "10:[" TAG("otel.scope.name", "run-traced") "," TAG("otel.scope.version", RUN_TRACED_VERSION) ","
        TAG("http.request.method", "POST") "," TAG_LONG("http.response.status_code", 200) ","
        TAG("url.scheme", "https") "," TAG("url.path", "/checkout") "," TAG("url.query", "a=1") ","
        TAG("server.address", "::1") "," TAG_LONG("server.port", 8443) "," TAG_TRUE("run_traced.parent.ambiguous") ","
        TAG("http.request.header.x", "[\\\"a\\\\\\\"b\\\",\\\"\xef\xbf\xbd\\\"]") "," TAG_LONG("thread.id", 4712) ","
        TAG("span.kind", "server") "," TAG("otel.status_code", "OK") "],"
        "11:[{1:1699999999000101,2:[" TAG("event", "response.first_byte") "]}]}]}");
}

Test(format_jaeger_thrift, the_bytes_of_a_small_span)
{
    static const struct resource nobody;
    static const char expected[] =
        "\x0c\0\1" "\x0b\0\1\0\0\0\x0funknown_service" "\x0f\0\2\x0c\0\0\0\3"
        "\x0b\0\1\0\0\0\x0bprocess.pid\x08\0\2\0\0\0\3\x0a\0\6\0\0\0\0\0\0\0\1\0"
        "\x0b\0\1\0\0\0\x17process.executable.name\x08\0\2\0\0\0\0\x0b\0\3\0\0\0\0\0"
        "\x0b\0\1\0\0\0\x09host.name\x08\0\2\0\0\0\0\x0b\0\3\0\0\0\0\0" "\0"
        "\x0f\0\2\x0c\0\0\0\1"
        "\x0a\0\1\xff\xff\xff\xff\xff\xff\xff\xff" "\x0a\0\2\0\0\0\0\0\0\0\0" "\x0a\0\3\x80\0\0\0\0\0\0\0"
        "\x0a\0\4\0\0\0\0\0\0\0\0" "\x0b\0\5\0\0\0\3\xef\xbf\xbd" "\x08\0\7\0\0\0\0" "\x0a\0\x08\0\0\0\0\0\0\0\2"
        "\x0a\0\x09\0\0\0\0\0\0\0\0" "\x0f\0\x0a\x0c\0\0\0\3"
        "\x0b\0\1\0\0\0\x0fotel.scope.name\x08\0\2\0\0\0\0\x0b\0\3\0\0\0\x0arun-traced\0"
        "\x0b\0\1\0\0\0\x12otel.scope.version\x08\0\2\0\0\0\0\x0b\0\3\0\0\0\5" RUN_TRACED_VERSION "\0"
        "\x0b\0\1\0\0\0\x09span.kind\x08\0\2\0\0\0\0\x0b\0\3\0\0\0\x08internal\0" "\0\0";
    struct span span = {.pid = 1, .start_unix_nano = 2999, .trace_flags = TRACE_FLAG_RANDOM};
    memset(span.trace_id + 8, 0xff, 8);
    span.span_id[0] = 0x80;
    span_set_name(&span, "\xe2", 1);
    struct text *message = batch_of(&FORMAT_JAEGER_THRIFT, &span, &nobody);
    cr_assert_eq(message->len, sizeof expected - 1, "%s", shown(message));
    cr_assert_arr_eq(message->bytes, expected, sizeof expected - 1);
}

Test(format_jaeger_thrift, an_error_has_the_tags_of_opentelemetry)
{
    struct span span;
    fill_span(&span, SPAN_KIND_CLIENT);
    span_set_error(&span, "ECONNREFUSED", "connection refused");
    span.dropped_attributes_count = 2;
    cr_expect(strstr(shown_span(&span), TAG("error.type", "ECONNREFUSED") "," TAG_LONG("thread.id", 4712) ","
                     TAG("span.kind", "client") "," TAG("otel.status_code", "ERROR") "," TAG_TRUE("error") ","
                     TAG("otel.status_description", "connection refused") ","
                     TAG_LONG("otel.dropped_attributes_count", 2) "]"), "%s", g_shown);
}

Test(format_jaeger_thrift, a_span_without_parent_and_links_has_no_references)
{
    struct span span;
    fill_span(&span, SPAN_KIND_SERVER);
    memset(span.parent_span_id, 0, SPAN_ID_LEN);
    cr_expect(strstr(shown_span(&span), ",4:0,5:\"POST /checkout\",7:1,"), "%s", g_shown);
}

Test(format_jaeger_thrift, a_message_is_of_one_process)
{
    struct span span;
    fill_span(&span, SPAN_KIND_SERVER);
    batch_begin(&FORMAT_JAEGER_THRIFT, BATCH_LEN_MAX);
    cr_assert_eq(batch_add(&FORMAT_JAEGER_THRIFT, &span, some_resource()), 0);
    cr_assert_eq(batch_add(&FORMAT_JAEGER_THRIFT, &span, some_resource()), 0);
    span.pid++;
    size_t len = g_batch.text.len;
    cr_expect_eq(batch_add(&FORMAT_JAEGER_THRIFT, &span, some_resource()), -EXDEV);
    cr_expect_eq(g_batch.text.len, len);
    shown(FORMAT_JAEGER_THRIFT.finish(&g_batch, &g_out));
    cr_expect(strstr(g_shown, "]},{1:723401728380766730,"));
    cr_expect(strstr(shown_span(&span), TAG_LONG("process.pid", 4712)));
}

Test(format_jaeger_thrift, a_full_batch_is_one_message)
{
    shown(batch_fill(&FORMAT_JAEGER_THRIFT, 100));
    cr_expect_gt(g_batch.span_count, 2000);
}

Test(format_jaeger_thrift, room_is_heeded)
{
    assert_room_is_heeded(&FORMAT_JAEGER_THRIFT);
}

Test(format_jaeger_thrift, what_is_no_span_is_refused)
{
    assert_no_span_is_refused(&FORMAT_JAEGER_THRIFT);
}

static bool is_valid(const struct text *message)
{
    struct text out = text_on(g_shown, sizeof g_shown);
    return thrift_dump_all(message, &out);
}

Test(format_jaeger_thrift, random_records_are_valid)
{
    assert_random_records_are_valid(&FORMAT_JAEGER_THRIFT, is_valid);
}
