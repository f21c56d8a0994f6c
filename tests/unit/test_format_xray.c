/* test_format_xray.c - segment documents: what becomes a segment and what a subsegment, and that each is a datagram. */
#include "support/batch_fixture.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#define HEADER "{\"format\": \"json\", \"version\": 1}\n"

static const char *shown_span(const struct span *span)
{
    struct text *message = batch_of(&FORMAT_XRAY, span, some_resource());
    cr_assert_eq(message, &g_batch.text);
    cr_assert_eq(g_batch.entries[0].offset, 0);
    cr_assert_eq(g_batch.entries[0].len, message->len);
    return text_terminate(message);
}

Test(format_xray, a_request_that_is_served_is_a_segment)
{
    struct span span;
    fill_server_span(&span);
    span_set_string(&span, ATTRIBUTE_CLIENT_ADDRESS, "192.0.2.7", 9);
    span_set_string(&span, ATTRIBUTE_USER_AGENT_ORIGINAL, "curl/8", 6);
    span_set_int(&span, ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE, 12);
    cr_assert_str_eq(
        shown_span(&span),
        HEADER "{\"name\":\"order-service\",\"id\":\"cbcbcbcbcbcbcbcb\",\"trace_id\":\"1-0a0a0a0a-0a0a0a0a0a0a0a0a0a0a0a0a\","
        "\"parent_id\":\"b7ad6b7169203331\",\"start_time\":1699999999.000001,\"end_time\":1699999999.800001,"
        "\"http\":{\"request\":{\"method\":\"POST\",\"url\":\"https://[::1]:8443/checkout?a=1\",\"client_ip\":\"192.0.2.7\","
        "\"user_agent\":\"curl/8\"},\"response\":{\"status\":200,\"content_length\":12}},"
        "\"links\":[{\"trace_id\":\"1-00000000-000000000000000000000001\",\"id\":\"0000000000000002\"}],"
        "\"annotations\":{\"server_address\":\"::1\",\"server_port\":8443},"
        "\"metadata\":{\"default\":{\"run_traced.parent.ambiguous\":true,"
        "\"http.request.header.x\":[\"a\\\"b\",\"\xef\xbf\xbd\"],\"thread.id\":4712},"
        "\"span\":{\"name\":\"POST /checkout\",\"kind\":\"server\"},"
        "\"resource\":{\"service.name\":\"order-service\",\"process.pid\":4711,\"process.executable.name\":\"shop\",\"host.name\":\"box\","
        "\"service.version\":\"1.2\"},\"events\":{\"response.first_byte\":1699999999.000101}}}");
}

Test(format_xray, a_call_is_a_subsegment_by_the_name_of_whom_it_goes_to)
{
    struct span span;
    fill_span(&span, SPAN_KIND_CLIENT);
    span_set_string(&span, ATTRIBUTE_URL_FULL, "http://pay:81/x", 15);
    span_set_string(&span, ATTRIBUTE_SERVER_ADDRESS, "pay", 3);
    span.tid = 0;
    shown_span(&span);
    cr_expect(strstr(g_batch.text.bytes, HEADER "{\"name\":\"pay\","));
    cr_expect(strstr(g_batch.text.bytes, ",\"type\":\"subsegment\",\"namespace\":\"remote\",\"http\":{\"request\":{"
                                         "\"url\":\"http://pay:81/x\"},\"response\":{}},\"annotations\":"));
    memset(span.parent_span_id, 0, SPAN_ID_LEN);
    shown_span(&span);
    cr_expect(strstr(g_batch.text.bytes, HEADER "{\"name\":\"order-service\","));
    cr_expect_null(strstr(g_batch.text.bytes, "subsegment"));
    cr_expect_null(strstr(g_batch.text.bytes, "parent_id"));
    cr_expect_null(strstr(g_batch.text.bytes, "namespace"));
}

Test(format_xray, work_within_a_program_is_a_subsegment_of_no_namespace)
{
    struct span span;
    fill_span(&span, SPAN_KIND_INTERNAL);
    shown_span(&span);
    cr_expect(strstr(g_batch.text.bytes, HEADER "{\"name\":\"POST /checkout\","));
    cr_expect(strstr(g_batch.text.bytes, ",\"type\":\"subsegment\",\"annotations\":{},\"metadata\":{\"default\":{\"thread.id\""));
}

Test(format_xray, names_have_only_the_characters_that_are_allowed)
{
    static const struct {
        const char *name, *expected;
    } rows[] = {
        {"a_.:/%&#=+-@ Z9", "a_.:/%&#=+-@ Z9"}, {"a\\b", "a\\\\b"},         {"a\"b<c>{}\n", "a_b_c____"},
        {"caf\xc3\xa9s", "caf_s"},              {"\xf0\x9f\xab\x96", "_"}, {"*", "_"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct span span;
        char expected[64];
        fill_span(&span, SPAN_KIND_INTERNAL);
        span_set_name(&span, rows[i].name, strlen(rows[i].name));
        snprintf(expected, sizeof expected, "{\"name\":\"%s\",\"id\":", rows[i].expected);
        cr_expect(strstr(shown_span(&span), expected), "%s: %s", rows[i].expected, g_batch.text.bytes);
    }
}

Test(format_xray, names_end_after_200_bytes)
{
    struct resource resource = {.service_name_len = 256};
    struct span span;
    fill_span(&span, SPAN_KIND_SERVER);
    memset(resource.service_name, 'n', 256);
    struct text *message = batch_of(&FORMAT_XRAY, &span, &resource);
    cr_expect_eq(strspn(message->bytes + strlen(HEADER "{\"name\":\""), "n"), 200);
}

Test(format_xray, the_status_decides_who_is_at_fault)
{
    static const struct {
        int status;
        bool is_error;
        const char *expected;
    } rows[] = {
        {200, false, "\"remote\",\"http\""},
        {404, true, "\"remote\",\"error\":true,\"cause\""},
        {429, true, "\"remote\",\"error\":true,\"throttle\":true,\"cause\""},
        {500, true, "\"remote\",\"fault\":true,\"cause\""},
        {503, false, "\"remote\",\"fault\":true,\"http\""},
        {200, true, "\"remote\",\"fault\":true,\"cause\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct span span;
        fill_span(&span, SPAN_KIND_CLIENT);
        span_set_int(&span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, rows[i].status);
        if (rows[i].is_error)
            span_set_error(&span, "x", "y");
        cr_expect(strstr(shown_span(&span), rows[i].expected), "%zu: %s", i, g_batch.text.bytes);
    }
}

Test(format_xray, an_error_without_a_status_or_with_a_message_has_a_cause)
{
    struct span span;
    fill_span(&span, SPAN_KIND_CLIENT);
    span_set_error(&span, "ECONNREFUSED", "connection refused");
    cr_expect(strstr(shown_span(&span), ",\"fault\":true,\"cause\":{\"exceptions\":[{\"id\":\"3434343434343434\","
                                        "\"message\":\"connection refused\",\"type\":\"ECONNREFUSED\",\"remote\":true}]},"
                                        "\"annotations\":{\"error_type\":\"ECONNREFUSED\"},"));
}

Test(format_xray, each_span_is_a_datagram)
{
    struct span span;
    fill_server_span(&span);
    batch_begin(&FORMAT_XRAY, BATCH_LEN_MAX);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(batch_add(&FORMAT_XRAY, &span, some_resource()), 0);
    struct text *message = FORMAT_XRAY.finish(&g_batch, &g_out);
    uint32_t offset = 0;
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(g_batch.entries[i].offset, offset);
        cr_expect_eq(memcmp(message->bytes + offset, HEADER "{", sizeof HEADER), 0);
        offset += g_batch.entries[i].len;
        cr_expect_eq(message->bytes[offset - 1], '}');
    }
    cr_expect_eq(message->len, offset);
}

Test(format_xray, a_full_batch_is_whole)
{
    struct text *message = batch_fill(&FORMAT_XRAY, 100);
    cr_expect_gt(g_batch.span_count, 2000);
    cr_expect_eq(message->len, g_batch.entries[g_batch.span_count - 1].offset + g_batch.entries[g_batch.span_count - 1].len);
}

Test(format_xray, room_is_heeded)
{
    assert_room_is_heeded(&FORMAT_XRAY);
}

Test(format_xray, what_is_no_span_is_refused)
{
    assert_no_span_is_refused(&FORMAT_XRAY);
}

static bool is_valid(const struct text *message)
{
    const char *end;
    cJSON *json = message->len < 65507 && message->len > strlen(HEADER)
                      ? cJSON_ParseWithLengthOpts(message->bytes + strlen(HEADER), message->len - strlen(HEADER), &end, 0)
                      : NULL;
    bool is_whole = json && end == message->bytes + message->len;
    cJSON_Delete(json);
    return is_whole;
}

Test(format_xray, random_records_are_valid)
{
    assert_random_records_are_valid(&FORMAT_XRAY, is_valid);
}

Test(format_xray, the_largest_span_is_one_datagram)
{
    static char controls[SPAN_BYTES_LEN];
    struct resource resource = {.service_name_len = 256, .executable_name_len = 256, .host_name_len = 64};
    struct span span;
    fill_span(&span, SPAN_KIND_CLIENT);
    memset(controls, 1, sizeof controls);
    span_set_string(&span, ATTRIBUTE_URL_PATH, "/", 1);
    span_set_string(&span, ATTRIBUTE_SERVER_ADDRESS, controls, sizeof controls); /* shown in the URL as well */
    resource.attributes_len = sizeof resource.attributes;
    memset(resource.attributes, 1, sizeof resource.attributes);
    memcpy(resource.attributes, (uint16_t[]){8, sizeof resource.attributes - 12}, 4);
    struct text *message = batch_of(&FORMAT_XRAY, &span, &resource);
    cr_expect_gt(message->len, 35000);
    cr_expect(is_valid(message));
}
