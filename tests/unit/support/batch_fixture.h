/* batch_fixture.h - a batch, spans to fill it with, and what any format must do with room and with records that are
 * anything at all. */
#ifndef RUN_TRACED_TESTS_BATCH_FIXTURE_H
#define RUN_TRACED_TESTS_BATCH_FIXTURE_H

#include "backend/format.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static struct batch g_batch;
static char g_batch_room[BATCH_LEN_MAX], g_out_room[BATCH_LEN_MAX];
static struct text g_out;

static void batch_begin(const struct format *format, size_t capacity)
{
    g_batch.text = text_on(g_batch_room, capacity);
    g_batch.span_count = 0;
    g_batch.group_at = 0;
    g_out = text_on(g_out_room, capacity);
    format->begin(&g_batch);
}

/* As the exporter does it. */
static int batch_add(const struct format *format, const struct span *span, const struct resource *resource)
{
    bool is_same_group = g_batch.span_count && g_batch.pid == span->pid &&
                         memcmp(&g_batch.resource, resource, sizeof *resource) == 0;
    int result = format->add(&g_batch, span, resource, is_same_group);
    if (result)
        return result;
    memcpy(g_batch.entries[g_batch.span_count].trace_id, span->trace_id, TRACE_ID_LEN);
    g_batch.span_count++;
    g_batch.pid = span->pid;
    g_batch.resource = *resource;
    return 0;
}

/* The message of @span alone. */
static struct text *batch_of(const struct format *format, const struct span *span, const struct resource *resource)
{
    batch_begin(format, BATCH_LEN_MAX);
    cr_assert_eq(batch_add(format, span, resource), 0);
    struct text *message = format->finish(&g_batch, &g_out);
    cr_assert_not(message->overflowed);
    return message;
}

static void fill_span(struct span *span, enum span_kind kind)
{
    struct span_context context = {.trace_flags = 1, .is_valid = true};
    static const uint8_t parent[SPAN_ID_LEN] = {0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31};
    memset(span, 0, sizeof *span);
    memset(context.trace_id, 0x0a, TRACE_ID_LEN);
    memset(context.span_id, 0xcb, SPAN_ID_LEN);
    span->kind = (uint8_t)kind;
    span->pid = 4711;
    span->tid = 4712;
    span->start_unix_nano = 1699999999000001999;
    span->start_ns = 5000000000;
    span->end_ns = 5800000000;
    span_set_context(span, &context, parent);
    span_set_name(span, "POST /checkout", 14);
}

static const struct resource *some_resource(void)
{
    static struct resource resource;
    static const char attributes[] = "\x0f\0\x03\0service.version1.2";
    memset(&resource, 0, sizeof resource);
    memcpy(resource.service_name, "order-service", resource.service_name_len = 13);
    memcpy(resource.executable_name, "shop", resource.executable_name_len = 4);
    memcpy(resource.host_name, "box", resource.host_name_len = 3);
    memcpy(resource.attributes, attributes, resource.attributes_len = sizeof attributes - 1);
    return &resource;
}

/* One of each kind of everything. */
static void fill_server_span(struct span *span)
{
    static const struct attribute_element elements[] = {{"a\"b", 3}, {"\xff", 1}};
    static const struct span_link link = {{[15] = 1}, {[7] = 2}};
    fill_span(span, SPAN_KIND_SERVER);
    span_set_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD, "POST", 4);
    span_set_string(span, ATTRIBUTE_URL_SCHEME, "https", 5);
    span_set_string(span, ATTRIBUTE_URL_PATH, "/checkout", 9);
    span_set_string(span, ATTRIBUTE_URL_QUERY, "a=1", 3);
    span_set_string(span, ATTRIBUTE_SERVER_ADDRESS, "::1", 3);
    span_set_int(span, ATTRIBUTE_SERVER_PORT, 8443);
    span_set_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, 200);
    span_set_true(span, ATTRIBUTE_PARENT_AMBIGUOUS);
    span_set_custom_array(span, "http.request.header.x", 21, elements, 2);
    span_set_links(span, &link, 1);
    span_set_status(span, SPAN_STATUS_OK);
    span_add_event(span, SPAN_EVENT_RESPONSE_FIRST_BYTE, 5000100000);
}

/* Too little room: nothing is added; enough: what is over remains for the end. */
static void assert_room_is_heeded(const struct format *format)
{
    struct span span;
    unsigned refused = 0;
    fill_server_span(&span);
    for (size_t capacity = 0;; capacity += 1 + capacity % 7) {
        batch_begin(format, capacity);
        size_t begun_len = g_batch.text.len;
        if (batch_add(format, &span, some_resource()) == 0)
            break;
        cr_assert_eq(g_batch.text.len, begun_len, "%zu", capacity);
        cr_assert_not(g_batch.text.overflowed);
        refused++;
    }
    cr_assert_gt(refused, 50);
    cr_assert_geq(g_batch.text.capacity - g_batch.text.len, BATCH_END_LEN_MAX);
    cr_assert_not(format->finish(&g_batch, &g_out)->overflowed);
}

/* As many as there is room for, in @trace_count traces. Returns the message. */
static struct text *batch_fill(const struct format *format, uint32_t trace_count)
{
    struct span span;
    fill_span(&span, SPAN_KIND_CLIENT);
    batch_begin(format, BATCH_LEN_MAX);
    for (uint32_t i = 0; g_batch.span_count < BATCH_SPANS_MAX; i++) {
        uint32_t trace = i % trace_count + 1;
        memcpy(span.trace_id, &trace, sizeof trace);
        memcpy(span.span_id, &i, sizeof i);
        if (batch_add(format, &span, some_resource()))
            break;
    }
    struct text *message = format->finish(&g_batch, &g_out);
    cr_assert_not(message->overflowed);
    return message;
}

static void assert_no_span_is_refused(const struct format *format)
{
    for (int i = 0; i < 4; i++) {
        struct span span;
        fill_span(&span, SPAN_KIND_SERVER);
        if (i == 0)
            memset(span.trace_id, 0, TRACE_ID_LEN);
        else if (i == 1)
            memset(span.span_id, 0, SPAN_ID_LEN);
        else if (i == 2)
            span.kind = 3;
        else
            span.status = 3;
        batch_begin(format, BATCH_LEN_MAX);
        size_t begun_len = g_batch.text.len;
        cr_expect_eq(batch_add(format, &span, some_resource()), -EINVAL, "%d", i);
        cr_expect_eq(g_batch.text.len, begun_len);
    }
}

static uint64_t fixture_random(void)
{
    static uint64_t seed = 20240229;
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void fixture_random_fill(void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)fixture_random();
}

static void fixture_random_span(struct span *span, bool is_plausible)
{
    if (!is_plausible) {
        fixture_random_fill(span, sizeof *span);
        span->kind %= 3;
        span->status %= 3;
        return;
    }
    fill_server_span(span);
    for (uint64_t i = fixture_random() % 12; i > 0; i--)
        ((uint8_t *)span)[fixture_random() % (i & 1 ? sizeof *span : 320 + 200)] = (uint8_t)fixture_random();
}

/* Records and resources of any bytes: an error, or a message that @check takes. */
static void assert_random_records_are_valid(const struct format *format, bool (*check)(const struct text *message))
{
    static struct span span;
    static struct resource resource;
    unsigned taken = 0;
    for (int i = 0; i < 6000; i++) {
        fixture_random_span(&span, i & 1);
        resource = *some_resource();
        if (i & 2)
            fixture_random_fill(&resource, sizeof resource);
        batch_begin(format, BATCH_LEN_MAX);
        int result = batch_add(format, &span, &resource);
        cr_assert(result == 0 || result == -EINVAL, "%d", result);
        if (result == 0 && ++taken)
            cr_assert(check(format->finish(&g_batch, &g_out)), "%d", i);
    }
    cr_assert_gt(taken, 4000);
}

#endif
