/* format_jaeger_thrift.c - a Batch of jaeger.thrift in Thrift's binary protocol, for Jaeger's collector by HTTP.
 * Apache Thrift, "Thrift Binary protocol encoding"; jaeger-idl, jaeger.thrift; what becomes of OpenTelemetry's parts:
 * OpenTelemetry, "Mapping to non-OTLP formats" and "OpenTelemetry to Jaeger transformation".
 *
 * A Batch has one process: add() says -EXDEV to a span of another. */
#include "backend/format.h"
#include "backend/span_text.h"
#include "backend/thrift.h"
#include "export/span_facts.h"

#include <errno.h>

enum { HALF_LEN = TRACE_ID_LEN / 2 };

enum tag_type { TAG_STRING = 0, TAG_BOOL = 2, TAG_LONG = 3 };
enum reference_type { CHILD_OF = 0, FOLLOWS_FROM = 1 };

/* Ids are numbers here, big-endian as their bytes are. */
static void append_id(struct text *text, uint16_t field_id, const uint8_t id[HALF_LEN])
{
    thrift_append_field(text, THRIFT_I64, field_id);
    text_append(text, (const char *)id, HALF_LEN);
}

/* Key and type of a struct Tag; the value follows. */
static void tag_begin(struct text *text, struct thrift_list *tags, const char *key, size_t key_len, enum tag_type type)
{
    tags->count++;
    thrift_append_utf8(text, 1, key, key_len);
    thrift_append_i32(text, 2, type);
}

static void append_tag(struct text *text, struct thrift_list *tags, const char *key, const char *value, size_t len)
{
    tag_begin(text, tags, key, strlen(key), TAG_STRING);
    thrift_append_utf8(text, 3, value, len);
    thrift_append_stop(text);
}

static void append_tag_string(struct text *text, struct thrift_list *tags, const char *key, const char *value)
{
    append_tag(text, tags, key, value, strlen(value));
}

static void append_tag_long(struct text *text, struct thrift_list *tags, const char *key, int64_t value)
{
    tag_begin(text, tags, key, strlen(key), TAG_LONG);
    thrift_append_i64(text, 6, value);
    thrift_append_stop(text);
}

static void append_bool(struct text *text, bool value)
{
    thrift_append_field(text, THRIFT_BOOL, 5);
    text_append_char(text, value);
    thrift_append_stop(text);
}

static void append_attribute(struct text *text, struct thrift_list *tags, const struct attribute *attribute)
{
    static const enum tag_type types[] = {[ATTRIBUTE_STRING] = TAG_STRING,
                                          [ATTRIBUTE_INT] = TAG_LONG,
                                          [ATTRIBUTE_BOOL] = TAG_BOOL,
                                          [ATTRIBUTE_STRING_ARRAY] = TAG_STRING};
    size_t key_len;
    const char *key = attribute_key_text(attribute, &key_len);
    tag_begin(text, tags, key, key_len, types[attribute->type]);
    if (attribute->type == ATTRIBUTE_BOOL) {
        append_bool(text, attribute->number);
        return;
    }
    if (attribute->type == ATTRIBUTE_INT) {
        thrift_append_i64(text, 6, attribute->number);
    } else {
        size_t at = thrift_string_begin(text, 3);
        attribute_append_text(text, attribute);
        thrift_string_end(text, at);
    }
    thrift_append_stop(text);
}

static void append_status(struct text *text, struct thrift_list *tags, const struct span *span)
{
    if (span->status != SPAN_STATUS_UNSET)
        append_tag_string(text, tags, "otel.status_code", span->status == SPAN_STATUS_ERROR ? "ERROR" : "OK");
    if (span->status == SPAN_STATUS_ERROR) {
        tag_begin(text, tags, "error", 5, TAG_BOOL);
        append_bool(text, true);
    }
    if (span_message_len(span))
        append_tag(text, tags, "otel.status_description", span->message, span_message_len(span));
}

static void append_tags(struct text *text, const struct span *span)
{
    struct attribute_iterator iterator;
    struct attribute attribute;
    struct span_values values;
    const char *tracestate;
    size_t tracestate_len = span_tracestate(span, &tracestate);
    struct thrift_list tags = thrift_list_begin(text, 10);
    append_tag_string(text, &tags, "otel.scope.name", "run-traced");
    append_tag_string(text, &tags, "otel.scope.version", RUN_TRACED_VERSION);
    for (attribute_begin(&iterator, span); attribute_next(&iterator, &attribute);)
        append_attribute(text, &tags, &attribute);
    span_values_read(&values, span);
    if (span_thread_id(span, &values))
        append_tag_long(text, &tags, "thread.id", span_thread_id(span, &values));
    append_tag_string(text, &tags, "span.kind", span_kind_text(span));
    append_status(text, &tags, span);
    if (tracestate_len)
        append_tag(text, &tags, "w3c.tracestate", tracestate, tracestate_len);
    if (span->dropped_attributes_count)
        append_tag_long(text, &tags, "otel.dropped_attributes_count", span->dropped_attributes_count);
    thrift_list_end(text, &tags);
}

static void append_reference(struct text *text, struct thrift_list *references, enum reference_type type,
                             const uint8_t *trace_id, const uint8_t *span_id)
{
    references->count++;
    thrift_append_i32(text, 1, type);
    append_id(text, 2, trace_id + HALF_LEN);
    append_id(text, 3, trace_id);
    append_id(text, 4, span_id);
    thrift_append_stop(text);
}

/* The parent first: readers take the first that a span is the child of for it. */
static void append_references(struct text *text, const struct span *span)
{
    struct span_link links[SPAN_LINKS_MAX];
    size_t count = span_links_valid(span, links);
    if (span_is_root(span) && !count)
        return;
    struct thrift_list references = thrift_list_begin(text, 6);
    if (!span_is_root(span))
        append_reference(text, &references, CHILD_OF, span->trace_id, span->parent_span_id);
    for (size_t i = 0; i < count; i++)
        append_reference(text, &references, FOLLOWS_FROM, links[i].trace_id, links[i].span_id);
    thrift_list_end(text, &references);
}

static void append_logs(struct text *text, const struct span *span)
{
    const struct span_event *sorted[SPAN_EVENT_COUNT];
    unsigned count = span_events_sort(span, sorted);
    if (!count)
        return;
    struct thrift_list logs = thrift_list_begin(text, 11);
    for (unsigned i = 0; i < count; i++) {
        logs.count++;
        thrift_append_i64(text, 1, (int64_t)(span_event_unix_nano(span, sorted[i]) / NANOS_PER_MICRO));
        struct thrift_list fields = thrift_list_begin(text, 2);
        append_tag_string(text, &fields, "event", span_event_name(span, sorted[i]->id));
        thrift_list_end(text, &fields);
        thrift_append_stop(text);
    }
    thrift_list_end(text, &logs);
}

static void append_span(struct text *text, const struct span *span)
{
    struct attribute_element name = span_name(span);
    append_id(text, 1, span->trace_id + HALF_LEN);
    append_id(text, 2, span->trace_id);
    append_id(text, 3, span->span_id);
    append_id(text, 4, span->parent_span_id);
    thrift_append_utf8(text, 5, name.bytes, name.len);
    append_references(text, span);
    thrift_append_i32(text, 7, span->trace_flags & TRACE_FLAG_SAMPLED); /* 2 is DEBUG there, and RANDOM here */
    thrift_append_i64(text, 8, (int64_t)(span->start_unix_nano / NANOS_PER_MICRO));
    thrift_append_i64(text, 9, span_duration_us(span));
    append_tags(text, span);
    append_logs(text, span);
    thrift_append_stop(text);
}

static void append_process(struct text *text, const struct span *span, const struct resource *resource)
{
    struct resource_attribute attribute;
    const char *service;
    size_t service_len = resource_service(resource, &service);
    thrift_append_field(text, THRIFT_STRUCT, 1);
    thrift_append_utf8(text, 1, service, service_len);
    struct thrift_list tags = thrift_list_begin(text, 2);
    append_tag_long(text, &tags, "process.pid", span->pid);
    for (size_t at = 0; resource_string_next(resource, &at, &attribute);) {
        tag_begin(text, &tags, attribute.key, attribute.key_len, TAG_STRING);
        thrift_append_utf8(text, 3, attribute.value, attribute.value_len);
        thrift_append_stop(text);
    }
    thrift_list_end(text, &tags);
    thrift_append_stop(text);
}

static int thrift_add(struct batch *batch, const struct span *span, const struct resource *resource, bool is_same_group)
{
    struct text text = batch->text;
    size_t group_at = batch->group_at;
    if (!span_is_valid(span))
        return -EINVAL;
    if (batch->span_count && !is_same_group)
        return -EXDEV;
    if (batch->span_count == BATCH_SPANS_MAX)
        return -ENOSPC;
    if (!batch->span_count) {
        append_process(&text, span, resource);
        group_at = thrift_list_begin(&text, 2).count_at;
    }
    size_t begin = text.len;
    append_span(&text, span);
    if (text.overflowed || text.capacity - text.len < BATCH_END_LEN_MAX)
        return -ENOSPC;
    batch->entries[batch->span_count].offset = (uint32_t)begin;
    batch->entries[batch->span_count].len = (uint32_t)(text.len - begin);
    batch->group_at = group_at;
    batch->text = text;
    return 0;
}

static struct text *thrift_finish(struct batch *batch, struct text *out)
{
    (void)out;
    const struct thrift_list spans = {.count_at = batch->group_at, .count = batch->span_count};
    thrift_list_end(&batch->text, &spans);
    thrift_append_stop(&batch->text);
    return &batch->text;
}

static void thrift_begin(struct batch *batch)
{
    (void)batch; /* what comes first is the process, which the first span tells of */
}

const struct format FORMAT_JAEGER_THRIFT = {
    .name = "jaeger-thrift",
    .content_type = "application/vnd.apache.thrift.binary",
    .usual_path = "/api/traces?format=jaeger.thrift",
    .begin = thrift_begin,
    .add = thrift_add,
    .finish = thrift_finish,
};
