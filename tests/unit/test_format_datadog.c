/* test_format_datadog.c - traces for Datadog's agent: the spans' fields, and how they are put together by trace. */
#include "support/batch_fixture.h"
#include "support/wire_dump.h"

static char g_shown[4 * BATCH_LEN_MAX];

static const char *shown(const struct text *message)
{
    struct text text = text_on(g_shown, sizeof g_shown);
    cr_assert(msgpack_dump_all(message, &text));
    return text_terminate(&text);
}

static const char *shown_span(const struct span *span)
{
    return shown(batch_of(&FORMAT_DATADOG, span, some_resource()));
}

Test(format_datadog, a_span_has_these_fields)
{
    struct span span;
    fill_server_span(&span);
    cr_assert_str_eq(
        shown_span(&span),
        "[[{\"service\":\"order-service\",\"name\":\"http.server.request\",\"resource\":\"POST /checkout\",\"type\":\"web\","
        "\"trace_id\":723401728380766730,\"span_id\":14685055086129564619,\"parent_id\":13235353014750950193,"
        "\"start\":1699999999000001999,\"duration\":800000000,\"error\":0,"
        "\"metrics\":{\"http.response.status_code\":200,\"server.port\":8443,\"thread.id\":4712,\"process_id\":4711,"
        "\"_dd.top_level\":1,\"_sampling_priority_v1\":1},"
        "\"meta\":{\"process.executable.name\":\"shop\",\"host.name\":\"box\",\"service.version\":\"1.2\",\"version\":\"1.2\","
        "\"http.request.method\":\"POST\",\"url.scheme\":\"https\",\"url.path\":\"/checkout\",\"url.query\":\"a=1\","
        "\"server.address\":\"::1\",\"run_traced.parent.ambiguous\":\"true\","
        "\"http.request.header.x\":\"[\\\"a\\\\\\\"b\\\",\\\"\xef\xbf\xbd\\\"]\","
        "\"http.url\":\"https://[::1]:8443/checkout?a=1\",\"http.method\":\"POST\",\"http.status_code\":\"200\","
        "\"events\":\"[{\\\"time_unix_nano\\\":1699999999000101999,\\\"name\\\":\\\"response.first_byte\\\"}]\","
        "\"_dd.span_links\":\"[{\\\"trace_id\\\":\\\"00000000000000000000000000000001\\\","
        "\\\"span_id\\\":\\\"0000000000000002\\\"}]\","
        "\"span.kind\":\"server\",\"language\":\"c\",\"_dd.p.tid\":\"0a0a0a0a0a0a0a0a\"}}]]");
}

Test(format_datadog, the_bytes_of_a_small_span)
{
    static const struct resource nobody;
    static const char expected[] =
        "\x91\x91\x8c" "\xa7service\xafunknown_service" "\xa4name\xa8internal" "\xa8resource\xa1n" "\xa4type\xa6" "custom"
        "\xa8trace_id\xcf\xff\xff\xff\xff\xff\xff\xff\xff" "\xa7span_id\xcf\x80\0\0\0\0\0\0\0" "\xa9parent_id\0"
        "\xa5start\xcd\x03\xe8" "\xa8" "duration\x05" "\xa5" "error\x01"
        "\xa7metrics\x83\xaaprocess_id\xcb\0\0\0\0\0\0\0\0" "\xad_dd.top_level\xcb\x3f\xf0\0\0\0\0\0\0"
        "\xb5_sampling_priority_v1\xcb\x3f\xf0\0\0\0\0\0\0"
        "\xa4meta\x84\xb7process.executable.name\xa0" "\xa9host.name\xa0" "\xa9span.kind\xa8internal" "\xa8language\xa1" "c";
    struct span span = {.status = SPAN_STATUS_ERROR, .start_unix_nano = 1000, .start_ns = 5, .end_ns = 10};
    memset(span.trace_id + 8, 0xff, 8); /* no upper half: no _dd.p.tid */
    span.span_id[0] = 0x80;
    span_set_name(&span, "n", 1);
    struct text *message = batch_of(&FORMAT_DATADOG, &span, &nobody);
    cr_assert_eq(message->len, sizeof expected - 1, "%s", shown(message));
    cr_assert_arr_eq(message->bytes, expected, sizeof expected - 1);
}

Test(format_datadog, an_error_has_type_and_message)
{
    struct span span;
    fill_span(&span, SPAN_KIND_CLIENT);
    span_set_error(&span, "ECONNREFUSED", "connection refused");
    shown_span(&span);
    cr_expect(strstr(g_shown, "\"name\":\"client.request\",\"resource\":\"POST /checkout\",\"type\":\"http\""));
    cr_expect(strstr(g_shown, "\"error\":1,"));
    cr_expect(strstr(g_shown, "\"error.type\":\"ECONNREFUSED\",\"error.message\":\"connection refused\""));
    cr_expect(strstr(g_shown, "\"_dd.measured\":1"));
    cr_expect_null(strstr(g_shown, "_dd.top_level"));
}

Test(format_datadog, times_beyond_what_the_agent_takes_are_the_largest)
{
    struct span span;
    fill_span(&span, SPAN_KIND_CLIENT);
    span.start_unix_nano = UINT64_MAX;
    span.start_ns = 0;
    span.end_ns = UINT64_MAX;
    cr_expect(strstr(shown_span(&span), "\"start\":9223372036854775807,\"duration\":9223372036854775807,"), "%s", g_shown);
}

/* Each span as trace.span, with a star if it speaks for its chunk. */
static void show_order(char *out)
{
    for (const char *at = g_shown; (at = strpbrk(at, "[t]")); at++) {
        if (*at != 't')
            *out++ = *at;
        else if (strncmp(at, "trace_id\":", 10) == 0)
            *out++ = at[10];
        if (strncmp(at, "tid\":\"", 6) == 0)
            *out++ = '*';
    }
    *out = '\0';
}

Test(format_datadog, spans_are_put_together_by_trace_in_the_order_they_came)
{
    static const uint8_t traces[] = {3, 1, 2, 1, 3, 1};
    char order[64];
    struct span span;
    batch_begin(&FORMAT_DATADOG, BATCH_LEN_MAX);
    for (uint8_t i = 0; i < sizeof traces; i++) {
        fill_span(&span, SPAN_KIND_CLIENT);
        memset(span.trace_id, 0, TRACE_ID_LEN);
        memset(span.span_id, 0, SPAN_ID_LEN);
        span.trace_id[0] = 9;
        span.trace_id[15] = traces[i];
        span.span_id[7] = i + 1;
        cr_assert_eq(batch_add(&FORMAT_DATADOG, &span, some_resource()), 0);
    }
    shown(FORMAT_DATADOG.finish(&g_batch, &g_out));
    show_order(order);
    cr_expect_str_eq(order, "[[1*11][2*][3*3]]");
    const char *second = strstr(g_shown, "\"span_id\":2,"), *fourth = strstr(g_shown, "\"span_id\":4,"),
               *sixth = strstr(g_shown, "\"span_id\":6,");
    cr_expect(second && fourth && sixth && second < fourth && fourth < sixth);
}

Test(format_datadog, traces_that_differ_in_the_upper_half_alone_are_two)
{
    struct span span;
    batch_begin(&FORMAT_DATADOG, BATCH_LEN_MAX);
    fill_span(&span, SPAN_KIND_CLIENT);
    cr_assert_eq(batch_add(&FORMAT_DATADOG, &span, some_resource()), 0);
    span.trace_id[0] = 0;
    cr_assert_eq(batch_add(&FORMAT_DATADOG, &span, some_resource()), 0);
    cr_expect_eq(FORMAT_DATADOG.finish(&g_batch, &g_out)->bytes[0], '\x92');
}

Test(format_datadog, a_lower_half_of_zeros_is_no_id)
{
    struct span span;
    fill_span(&span, SPAN_KIND_CLIENT);
    memset(span.trace_id + 8, 0, 8);
    batch_begin(&FORMAT_DATADOG, BATCH_LEN_MAX);
    cr_expect_eq(batch_add(&FORMAT_DATADOG, &span, some_resource()), -EINVAL);
}

Test(format_datadog, a_full_batch_is_one_message)
{
    shown(batch_fill(&FORMAT_DATADOG, UINT32_MAX)); /* a trace each: this is where finish() adds most */
    cr_expect_gt(g_batch.span_count, 2000);
    shown(batch_fill(&FORMAT_DATADOG, 1));
    shown(batch_fill(&FORMAT_DATADOG, 100));
}

Test(format_datadog, room_is_heeded)
{
    assert_room_is_heeded(&FORMAT_DATADOG);
}

Test(format_datadog, what_is_no_span_is_refused)
{
    assert_no_span_is_refused(&FORMAT_DATADOG);
}

static bool is_valid(const struct text *message)
{
    struct text out = text_on(g_shown, sizeof g_shown);
    return msgpack_dump_all(message, &out);
}

Test(format_datadog, random_records_are_valid)
{
    assert_random_records_are_valid(&FORMAT_DATADOG, is_valid);
}
