/* sample_batch.h - spans with something in each field, and batches to put them in. */
#ifndef RUN_TRACED_TESTS_SAMPLE_BATCH_H
#define RUN_TRACED_TESTS_SAMPLE_BATCH_H

#include "backend/format.h"

#include <stdlib.h>
#include <string.h>

/* sample_span_begin - what there is before attributes. */
static inline void sample_span_begin(struct span *span)
{
    static const uint8_t parent[SPAN_ID_LEN] = {0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31};
    struct span_context context = {.trace_flags = 3, .is_valid = true};
    memset(span, 0, sizeof *span);
    memset(context.trace_id, 0x0a, TRACE_ID_LEN);
    memset(context.span_id, 0xcb, SPAN_ID_LEN);
    memcpy(context.tracestate, "a=1,b=2", context.tracestate_len = 7);
    span->kind = SPAN_KIND_CLIENT;
    span->pid = 4711;
    span->tid = 4712;
    span->start_unix_nano = 1699999999000000999;
    span->start_ns = 5000000000;
    span->end_ns = 5800000000;
    span_set_context(span, &context, parent);
    span_set_name(span, "POST", 4);
}

/* sample_span - a call that failed, with all that a span can have. */
static inline void sample_span(struct span *span)
{
    static const struct attribute_element elements[] = {{"a\"b", 3}, {"", 0}};
    struct span_link link;
    sample_span_begin(span);
    memset(link.trace_id, 0x11, TRACE_ID_LEN);
    memset(link.span_id, 0x22, SPAN_ID_LEN);
    span_set_links(span, &link, 1);
    span_set_string(span, ATTRIBUTE_SERVER_ADDRESS, "shop.example", 12);
    span_set_int(span, ATTRIBUTE_SERVER_PORT, 8080);
    span_set_string(span, ATTRIBUTE_NETWORK_PEER_ADDRESS, "192.0.2.7", 9);
    span_set_int(span, ATTRIBUTE_SENT_BYTES, -1);
    span_set_true(span, ATTRIBUTE_PARENT_AMBIGUOUS);
    span_set_custom_array(span, "http.request.header.x", 21, elements, 2);
    span_add_event(span, SPAN_EVENT_CONNECTED, 5000100000);
    span_add_event(span, SPAN_EVENT_CONNECT, 5000000000 - 1000);
    span_set_error(span, "ECONNRESET", "reset");
    span->dropped_attributes_count = 2;
}

/* sample_span_small - a root span with what no span can be without. */
static inline void sample_span_small(struct span *span)
{
    memset(span, 0, sizeof *span);
    memset(span->trace_id, 1, TRACE_ID_LEN);
    memset(span->span_id, 2, SPAN_ID_LEN);
    span->start_unix_nano = 1000000000;
    span->start_ns = 1;
    span->end_ns = 1 + 400;
}

/* sample_resource - with one further attribute. */
static inline struct resource *sample_resource(struct resource *resource)
{
    memset(resource, 0, sizeof *resource);
    memcpy(resource->service_name, "order", resource->service_name_len = 5);
    memcpy(resource->executable_name, "shop", resource->executable_name_len = 4);
    memcpy(resource->host_name, "box", resource->host_name_len = 3);
    memcpy(resource->attributes, (uint16_t[]){22, 4}, 4);
    memcpy(resource->attributes + 4, "deployment.environmenttest", 26);
    resource->attributes_len = 30;
    return resource;
}

/* sample_batch - empty, begun; to be given to sample_batch_free(). @capacity: bytes of its text, and not one more. */
static inline struct batch *sample_batch(const struct format *format, size_t capacity)
{
    struct batch *batch = calloc(1, sizeof *batch);
    batch->text = text_on(malloc(capacity), capacity);
    format->begin(batch);
    return batch;
}

/* sample_batch_add - what the caller of add() does. */
static inline int sample_batch_add(const struct format *format, struct batch *batch, const struct span *span,
                                   const struct resource *resource)
{
    bool is_same = batch->span_count > 0 && batch->pid == span->pid &&
                   memcmp(&batch->resource, resource, sizeof *resource) == 0;
    int error = format->add(batch, span, resource, is_same);
    if (error)
        return error;
    memcpy(batch->entries[batch->span_count++].trace_id, span->trace_id, TRACE_ID_LEN);
    batch->resource = *resource;
    batch->pid = span->pid;
    return 0;
}

static inline void sample_batch_free(struct batch *batch)
{
    free(batch->text.bytes);
    free(batch);
}

#endif
