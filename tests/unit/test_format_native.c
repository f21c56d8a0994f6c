/* The native format: the documented line, and robustness against records that are anything at
 * all. */
#include "export/format_native.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static char g_line[NATIVE_LINE_LEN_MAX + 1];

static void fill_span(struct span *span)
{
    struct span_context context = {.trace_flags = 1, .is_valid = true};
    static const uint8_t parent[SPAN_ID_LEN] = {0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31};
    memset(span, 0, sizeof *span);
    memset(context.trace_id, 0x0a, TRACE_ID_LEN);
    memset(context.span_id, 0xcb, SPAN_ID_LEN);
    span->kind = SPAN_KIND_SERVER;
    span->pid = 4711;
    span->tid = 4712;
    span->start_unix_nano = 1699999999000000999;
    span->start_ns = 5000000000;
    span->end_ns = 5800000000;
    span_set_context(span, &context, parent);
    span_set_name(span, "POST /checkout", 14);
}

static struct resource *fill_resource(struct resource *resource)
{
    memset(resource, 0, sizeof *resource);
    memcpy(resource->service_name, "order-service", resource->service_name_len = 13);
    memcpy(resource->executable_name, "shop", resource->executable_name_len = 4);
    memcpy(resource->host_name, "box", resource->host_name_len = 3);
    return resource;
}

static const char *format(const struct span *span)
{
    struct resource resource;
    struct text text = text_on(g_line, NATIVE_LINE_LEN_MAX);
    cr_assert_eq(native_format(span, fill_resource(&resource), &text), 0);
    cr_assert_not(text.overflowed);
    g_line[text.len] = '\0';
    return g_line;
}

Test(format_native, writes_the_documented_line)
{
    struct span span;
    fill_span(&span);
    span_set_string(&span, ATTRIBUTE_URL_PATH, "/api/v1/\"checkout\"", 18);
    span_set_string(&span, ATTRIBUTE_HTTP_REQUEST_METHOD, "POST", 4);
    span_set_int(&span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, 200);
    span_set_true(&span, ATTRIBUTE_PARENT_AMBIGUOUS);
    span_set_status(&span, SPAN_STATUS_OK);
    span_add_event(&span, SPAN_EVENT_RESPONSE_FIRST_BYTE, 5000100000);
    cr_assert_str_eq(
        format(&span),
        "{\"traceId\":\"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\",\"spanId\":\"cbcbcbcbcbcbcbcb\","
        "\"parentSpanId\":\"b7ad6b7169203331\",\"name\":\"POST /checkout\","
        "\"timestamp\":1699999999000000,\"duration\":800000,\"kind\":\"SERVER\","
        "\"status\":{\"code\":\"OK\"},\"attributes\":{\"http.request.method\":\"POST\","
        "\"http.response.status_code\":200,\"url.path\":\"/api/v1/\\\"checkout\\\"\","
        "\"run_traced.parent.ambiguous\":true,\"thread.id\":4712},"
        "\"events\":[{\"name\":\"response.first_byte\",\"timestamp\":1699999999000100}],"
        "\"resource\":{\"service.name\":\"order-service\",\"process.pid\":4711,"
        "\"process.executable.name\":\"shop\",\"host.name\":\"box\"}}\n");
}

Test(format_native, attributes_with_a_name_of_their_own_come_last_and_escaped)
{
    static const struct attribute_element elements[] = {{"a\"b", 3}, {"\xff", 1}};
    struct span span;
    fill_span(&span);
    span_set_custom(&span, "k\"k", 3, "v\n", 2); /* a quote is printable */
    span_set_custom_array(&span, "none", 4, elements, 0);
    span_set_string(&span, ATTRIBUTE_URL_PATH, "/", 1);
    span_set_custom_array(&span, "http.request.header.x", 21, elements, 2);
    cr_assert_not_null(strstr(format(&span), "\"attributes\":{\"url.path\":\"/\",\"k\\\"k\":\"v\\n\",\"none\":[],"
                                             "\"http.request.header.x\":[\"a\\\"b\",\"\xef\xbf\xbd\"],"
                                             "\"thread.id\":4712}"),
                       "%s", g_line);
}

Test(format_native, root_span_has_no_parent_and_empty_parts_are_absent)
{
    struct span span;
    fill_span(&span);
    memset(span.parent_span_id, 0, SPAN_ID_LEN);
    format(&span);
    cr_expect_null(strstr(g_line, "parentSpanId"));
    cr_expect_null(strstr(g_line, "events"));
    cr_expect_null(strstr(g_line, "traceState"));
    cr_expect_null(strstr(g_line, "message"));
    cr_expect_null(strstr(g_line, "droppedAttributesCount"));
}

Test(format_native, tracestate_comes_whole_and_before_the_attributes)
{
    struct span_context context = {.trace_flags = 1, .is_valid = true};
    struct span span;
    fill_span(&span);
    memset(context.trace_id, 1, TRACE_ID_LEN);
    memset(context.span_id, 2, SPAN_ID_LEN);
    memcpy(context.tracestate, "a=1,b=2", context.tracestate_len = 7);
    span_set_context(&span, &context, NULL);
    span_set_int(&span, ATTRIBUTE_SERVER_PORT, 80);
    format(&span);
    cr_expect(strstr(g_line, "\"traceState\":\"a=1,b=2\""));
    cr_expect(strstr(g_line, "\"server.port\":80"));
}

Test(format_native, error_carries_type_and_message)
{
    struct span span;
    fill_span(&span);
    span_set_error(&span, "ECONNREFUSED", "connection refused");
    format(&span);
    cr_expect(strstr(g_line, "\"status\":{\"code\":\"ERROR\",\"message\":\"connection refused\"}"));
    cr_expect(strstr(g_line, "\"error.type\":\"ECONNREFUSED\""));
}

Test(format_native, last_value_of_a_key_wins)
{
    struct span span;
    fill_span(&span);
    span_set_int(&span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, 100);
    span_set_int(&span, ATTRIBUTE_THREAD_ID, 7);
    span_set_string(&span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, "204", 3);
    format(&span);
    cr_expect(strstr(g_line, "\"http.response.status_code\":\"204\""));
    cr_expect(strstr(g_line, "\"thread.id\":7"));
    cr_expect_null(strstr(g_line, "100"));
    cr_expect_null(strstr(g_line, "4712"));
}

Test(format_native, cut_attributes_are_counted)
{
    static char longer_than_a_record[4000];
    struct span span;
    fill_span(&span);
    memset(longer_than_a_record, 'x', sizeof longer_than_a_record);
    span_set_string(&span, ATTRIBUTE_URL_FULL, longer_than_a_record, sizeof longer_than_a_record);
    span_set_int(&span, ATTRIBUTE_SERVER_PORT, 80);
    format(&span);
    cr_expect(strstr(g_line, "},\"droppedAttributesCount\":2,"));
}

Test(format_native, events_are_in_time_order_and_may_precede_the_start)
{
    struct span span;
    fill_span(&span);
    span_add_event(&span, SPAN_EVENT_RESPONSE_FIRST_BYTE, 5000300000);
    span_add_event(&span, SPAN_EVENT_CONNECTED, 5000000000 - 50000);
    span_add_event(&span, SPAN_EVENT_REQUEST_FIRST_BYTE, 5000200000);
    span_add_event(&span, SPAN_EVENT_CONNECT, 5000000000 - 100000);
    format(&span);
    cr_expect(strstr(g_line, "\"events\":[{\"name\":\"connect\",\"timestamp\":1699999998999900},"
                             "{\"name\":\"connected\",\"timestamp\":1699999998999950},"
                             "{\"name\":\"request.first_byte\",\"timestamp\":1699999999000200},"
                             "{\"name\":\"response.first_byte\",\"timestamp\":1699999999000300}]"));
}

Test(format_native, duration_is_the_nearest_microsecond)
{
    static const struct {
        uint64_t start_ns, end_ns;
        const char *expected;
    } cases[] = {
        {1000, 1000, "\"duration\":0,"}, {1000, 1400, "\"duration\":0,"},
        {1000, 1499, "\"duration\":0,"}, {1000, 1500, "\"duration\":1,"},
        {1000, 2499, "\"duration\":1,"}, {1000, 1999999, "\"duration\":1999,"},
        {2000, 1000, "\"duration\":0,"}, {0, UINT64_MAX, "\"duration\":18446744073709552,"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span span;
        fill_span(&span);
        span.start_ns = cases[i].start_ns;
        span.end_ns = cases[i].end_ns;
        cr_expect(strstr(format(&span), cases[i].expected), "%zu: %s", i, g_line);
    }
}

Test(format_native, refuses_what_is_no_span_and_leaves_the_text_alone)
{
    struct resource resource;
    for (int i = 0; i < 4; i++) {
        struct span span;
        fill_span(&span);
        if (i == 0)
            memset(span.trace_id, 0, TRACE_ID_LEN);
        else if (i == 1)
            memset(span.span_id, 0, SPAN_ID_LEN);
        else if (i == 2)
            span.kind = 3;
        else
            span.status = 3;
        struct text text = text_on(g_line, sizeof g_line);
        text_append_string(&text, "before");
        cr_expect_eq(native_format(&span, fill_resource(&resource), &text), -EINVAL, "%d", i);
        cr_expect_eq(text.len, 6);
    }
}

Test(format_native, too_little_room_leaves_the_text_alone)
{
    struct resource resource;
    struct span span;
    fill_span(&span);
    size_t len = strlen(format(&span));
    fill_resource(&resource);
    for (size_t room = 0; room <= len; room++) {
        char *exact = malloc(room + 1);
        struct text text = text_on(exact, room);
        cr_expect_eq(native_format(&span, &resource, &text), room < len ? -ENOSPC : 0);
        cr_expect_eq(text.len, room < len ? 0 : len);
        cr_expect_not(text.overflowed);
        free(exact);
    }
}

/* Memory whose last byte is followed by a page that must not be read. */
static void *at_the_edge(size_t len)
{
    size_t whole = (len + 4095) & ~(size_t)4095;
    char *pages =
        mmap(NULL, whole + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(pages, MAP_FAILED);
    cr_assert_eq(mprotect(pages + whole, 4096, PROT_NONE), 0);
    return pages + whole - len;
}

static uint64_t g_seed = 20240229;

static uint64_t random_number(void)
{
    g_seed ^= g_seed << 13;
    g_seed ^= g_seed >> 7;
    g_seed ^= g_seed << 17;
    return g_seed;
}

static void random_fill(void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)random_number();
}

static void assert_object_without_doubles(const cJSON *object)
{
    cr_assert(cJSON_IsObject(object));
    for (const cJSON *a = object->child; a; a = a->next)
        for (const cJSON *b = a->next; b; b = b->next)
            cr_assert_str_neq(a->string, b->string);
}

static void assert_one_json_line(const struct text *text)
{
    const char *end;
    cr_assert_eq(memchr(text->bytes, '\n', text->len), text->bytes + text->len - 1);
    cJSON *json = cJSON_ParseWithLengthOpts(text->bytes, text->len, &end, 0);
    cr_assert(json, "%.*s", (int)text->len, text->bytes);
    cr_assert_eq(end, text->bytes + text->len - 1);
    assert_object_without_doubles(json);
    assert_object_without_doubles(cJSON_GetObjectItem(json, "attributes"));
    cJSON_Delete(json);
}

/* Random, but for what would have most records refused or empty. */
static void random_span(struct span *span, bool is_plausible)
{
    if (!is_plausible) {
        random_fill(span, sizeof *span);
        span->kind %= 3;
        span->status %= 3;
        return;
    }
    fill_span(span);
    span_set_string(span, ATTRIBUTE_URL_PATH, "/", 1);
    span_set_int(span, ATTRIBUTE_SERVER_PORT, 1);
    span_set_true(span, ATTRIBUTE_PARENT_AMBIGUOUS);
    atomic_store(&span->attributes_len, (uint32_t)(random_number() % 2000));
    for (uint64_t i = random_number() % 12; i > 0; i--)
        ((uint8_t *)span)[random_number() % (i & 1 ? sizeof *span : 320)] =
            (uint8_t)random_number();
}

Test(format_native, random_records_stay_within_bounds)
{
    struct span *span = at_the_edge(sizeof *span);
    char *bytes = at_the_edge(NATIVE_LINE_LEN_MAX);
    struct resource resource;
    unsigned formatted = 0;
    fill_resource(&resource);
    for (int i = 0; i < 30000; i++) {
        struct text text = text_on(bytes, NATIVE_LINE_LEN_MAX);
        random_span(span, i & 1);
        int error = native_format(span, &resource, &text);
        cr_assert(error == 0 || error == -EINVAL);
        if (error == 0 && ++formatted)
            assert_one_json_line(&text);
    }
    cr_assert_gt(formatted, 20000);
}

Test(format_native, largest_attributes_of_control_characters_fit)
{
    struct span *span = at_the_edge(sizeof *span);
    struct resource *resource = at_the_edge(sizeof *resource);
    char *bytes = at_the_edge(NATIVE_LINE_LEN_MAX);
    memset(span, 1, sizeof *span);
    memset(resource, 1, sizeof *resource);
    fill_span(span);
    memset(span->bytes, 0, sizeof span->bytes);
    memset(span->bytes, 1, span->tracestate_len = TRACESTATE_LEN_MAX);
    static char control[SPAN_BYTES_LEN];
    memset(control, 1, sizeof control);
    span_set_string(span, ATTRIBUTE_URL_PATH, control, sizeof control);
    memset(span->name, 1, span->name_len = sizeof span->name);
    memset(span->message, 1, span->message_len = sizeof span->message);
    resource->service_name_len = sizeof resource->service_name;
    resource->executable_name_len = sizeof resource->executable_name;
    resource->host_name_len = sizeof resource->host_name;
    resource->attributes_len = sizeof resource->attributes;
    memcpy(resource->attributes, (uint16_t[]){8, sizeof resource->attributes - 12}, 4);
    struct text text = text_on(bytes, NATIVE_LINE_LEN_MAX);
    cr_assert_eq(native_format(span, resource, &text), 0);
    cr_assert_gt(text.len, 6 * 5800);
    assert_one_json_line(&text);
}

Test(format_native, random_resources_stay_within_bounds)
{
    struct resource *resource = at_the_edge(sizeof *resource);
    struct span span;
    fill_span(&span);
    for (int i = 0; i < 5000; i++) {
        struct text text = text_on(g_line, NATIVE_LINE_LEN_MAX);
        random_fill(resource, sizeof *resource);
        for (size_t at = 0; i & 1 && at < sizeof resource->attributes; at += random_number() % 40)
            resource->attributes[at] = 0;
        cr_assert_eq(native_format(&span, resource, &text), 0);
        const char *end;
        cJSON *json = cJSON_ParseWithLengthOpts(g_line, text.len, &end, 0);
        cr_assert(json);
        cJSON_Delete(json);
    }
}
