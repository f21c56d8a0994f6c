/* ExportTraceServiceRequest of opentelemetry-proto, written by hand. Field numbers as in its trace.proto, common.proto and
 * resource.proto. */
#include "backend/format_shared.h"
#include "backend/span_text.h"
#include "backend/protobuf.h"
#include "base/utf8.h"
#include "export/span_facts.h"

#include <errno.h>

_Static_assert((int)BATCH_LEN_MAX <= (int)PROTOBUF_LEN_MAX, "every length fits in what is reserved for it");

enum { REQUEST_RESOURCE_SPANS = 1 };
enum { RESOURCE_SPANS_RESOURCE = 1, RESOURCE_SPANS_SCOPE_SPANS = 2 };
enum { RESOURCE_ATTRIBUTES = 1 };
enum { SCOPE_SPANS_SCOPE = 1, SCOPE_SPANS_SPANS = 2, SCOPE_SPANS_SCHEMA_URL = 3 };
enum { SCOPE_FIELD_NAME = 1, SCOPE_FIELD_VERSION = 2 };
enum {
    SPAN_TRACE_ID = 1,
    SPAN_SPAN_ID = 2,
    SPAN_TRACE_STATE = 3,
    SPAN_PARENT_SPAN_ID = 4,
    SPAN_NAME = 5,
    SPAN_KIND = 6,
    SPAN_START = 7,
    SPAN_END = 8,
    SPAN_ATTRIBUTES = 9,
    SPAN_DROPPED_ATTRIBUTES_COUNT = 10,
    SPAN_EVENTS = 11,
    SPAN_LINKS = 13,
    SPAN_STATUS = 15,
    SPAN_FLAGS = 16,
};
enum { EVENT_TIME = 1, EVENT_NAME = 2 };
enum { LINK_TRACE_ID = 1, LINK_SPAN_ID = 2 };
enum { STATUS_MESSAGE = 2, STATUS_CODE = 3 };
enum { KEY_VALUE_KEY = 1, KEY_VALUE_VALUE = 2 };
enum { ANY_STRING = 1, ANY_BOOL = 2, ANY_INT = 3, ANY_ARRAY = 5 };
enum { ARRAY_VALUES = 1 };

/* Of a KeyValue, all but its key and the bytes of a string. */
enum { KEY_VALUE_HEADS_LEN_MAX = 4 + 4 * PROTOBUF_VARINT_LEN_MAX };

/* Writes a KeyValue up to what is in its AnyValue. @any_len: bytes of that. This is where the time goes: room is asked for once
 * an attribute. */
static ALWAYS_INLINE char *put_key(char *at, unsigned field, const char *key, size_t key_len, size_t any_len)
{
    *at++ = PROTOBUF_TAG(field, PROTOBUF_LEN);
    at = protobuf_put_varint(at, 2 + protobuf_varint_len(key_len) + key_len + protobuf_varint_len(any_len) + any_len);
    *at++ = PROTOBUF_TAG(KEY_VALUE_KEY, PROTOBUF_LEN);
    at = protobuf_put_varint(at, key_len);
    memcpy(at, key, key_len);
    at += key_len;
    *at++ = PROTOBUF_TAG(KEY_VALUE_VALUE, PROTOBUF_LEN);
    return protobuf_put_varint(at, any_len);
}

static void append_string(struct text *text, unsigned field, const char *key, size_t key_len, const char *string,
                          size_t len)
{
    size_t repaired_len = utf8_repaired_len(string, len);
    char *at = protobuf_room(text, KEY_VALUE_HEADS_LEN_MAX + key_len + repaired_len);
    if (UNLIKELY(!at))
        return;
    at = put_key(at, field, key, key_len, 1 + protobuf_varint_len(repaired_len) + repaired_len);
    *at++ = PROTOBUF_TAG(ANY_STRING, PROTOBUF_LEN);
    at = protobuf_put_varint(at, repaired_len);
    protobuf_room_use(text, protobuf_put_repaired(at, string, len, repaired_len));
}

/* @any_field: ANY_INT, or ANY_BOOL for 1. */
static void append_number(struct text *text, unsigned field, const char *key, size_t key_len, unsigned any_field,
                          int64_t number)
{
    char *at = protobuf_room(text, KEY_VALUE_HEADS_LEN_MAX + key_len);
    if (UNLIKELY(!at))
        return;
    at = put_key(at, field, key, key_len, 1 + protobuf_varint_len((uint64_t)number));
    *at++ = PROTOBUF_TAG(any_field, PROTOBUF_VARINT);
    protobuf_room_use(text, protobuf_put_varint(at, (uint64_t)number));
}

/* Arrays are rare: their lengths are reserved. */
static NOINLINE void append_array(struct text *text, const char *key, size_t key_len, const struct attribute *attribute)
{
    struct attribute_element element;
    size_t key_value = protobuf_message_begin(text, SPAN_ATTRIBUTES);
    protobuf_append_bytes(text, KEY_VALUE_KEY, key, key_len);
    size_t any = protobuf_message_begin(text, KEY_VALUE_VALUE);
    size_t array = protobuf_message_begin(text, ANY_ARRAY);
    for (size_t at = 0; attribute_element_next(attribute, &at, &element);) {
        size_t value = protobuf_message_begin(text, ARRAY_VALUES);
        protobuf_append_string(text, ANY_STRING, element.bytes, element.len);
        protobuf_message_end(text, value);
    }
    protobuf_message_end(text, array);
    protobuf_message_end(text, any);
    protobuf_message_end(text, key_value);
}

static void append_attribute(struct text *text, const struct attribute *attribute)
{
    size_t key_len;
    const char *key = attribute_key_text(attribute, &key_len);
    switch (attribute->type) {
    case ATTRIBUTE_STRING:
        append_string(text, SPAN_ATTRIBUTES, key, key_len, attribute->string, attribute->len);
        break;
    case ATTRIBUTE_INT:
        append_number(text, SPAN_ATTRIBUTES, key, key_len, ANY_INT, attribute->number);
        break;
    case ATTRIBUTE_BOOL:
        append_number(text, SPAN_ATTRIBUTES, key, key_len, ANY_BOOL, attribute->number);
        break;
    case ATTRIBUTE_STRING_ARRAY:
        append_array(text, key, key_len, attribute);
        break;
    }
}

static void append_attributes(struct text *text, const struct span *span)
{
    struct attribute_walk walk;
    struct attribute attribute;
    attribute_walk_begin(&walk, span);
    while (attribute_walk_next(&walk, &attribute))
        append_attribute(text, &attribute);
    if (span->dropped_attributes_count)
        protobuf_append_uint(text, SPAN_DROPPED_ATTRIBUTES_COUNT, span->dropped_attributes_count);
}

static void append_events(struct text *text, const struct span *span)
{
    const struct span_event *sorted[SPAN_EVENT_COUNT];
    unsigned count = span_events_sort(span, sorted);
    for (unsigned i = 0; i < count; i++) {
        const char *name = span_event_name(span, sorted[i]->id);
        size_t event = protobuf_message_begin(text, SPAN_EVENTS);
        protobuf_append_fixed64(text, EVENT_TIME, span_event_unix_nano(span, sorted[i]));
        protobuf_append_bytes(text, EVENT_NAME, name, strlen(name));
        protobuf_message_end(text, event);
    }
}

static void append_links(struct text *text, const struct span *span)
{
    struct span_link links[SPAN_LINKS_MAX];
    size_t count = span_links(span, links);
    for (size_t i = 0; i < count; i++) {
        size_t link = protobuf_message_begin(text, SPAN_LINKS);
        protobuf_append_bytes(text, LINK_TRACE_ID, links[i].trace_id, TRACE_ID_LEN);
        protobuf_append_bytes(text, LINK_SPAN_ID, links[i].span_id, SPAN_ID_LEN);
        protobuf_message_end(text, link);
    }
}

/* The numbers of its codes are ours. A message goes with an error alone. */
static void append_status(struct text *text, const struct span *span)
{
    if (span->status == SPAN_STATUS_UNSET)
        return;
    size_t status = protobuf_message_begin(text, SPAN_STATUS);
    if (span->status == SPAN_STATUS_ERROR && span->message_len)
        protobuf_append_string(text, STATUS_MESSAGE, span->message, span_message_len(span));
    protobuf_append_uint(text, STATUS_CODE, span->status);
    protobuf_message_end(text, status);
}

static void append_ids(struct text *text, const struct span *span)
{
    const char *tracestate;
    size_t tracestate_len = span_tracestate(span, &tracestate);
    protobuf_append_bytes(text, SPAN_TRACE_ID, span->trace_id, TRACE_ID_LEN);
    protobuf_append_bytes(text, SPAN_SPAN_ID, span->span_id, SPAN_ID_LEN);
    if (tracestate_len)
        protobuf_append_string(text, SPAN_TRACE_STATE, tracestate, tracestate_len);
    if (!span_is_root(span))
        protobuf_append_bytes(text, SPAN_PARENT_SPAN_ID, span->parent_span_id, SPAN_ID_LEN);
    if (span->trace_flags) {
        const char flags[] = {(char)(0x80 | (SPAN_FLAGS << 3 & 0x7f) | PROTOBUF_FIXED32), SPAN_FLAGS >> 4,
                              (char)span->trace_flags, 0, 0, 0};
        text_append(text, flags, sizeof flags);
    }
}

static void append_span(struct text *text, const struct span *span)
{
    struct attribute_element name = span_name(span);
    size_t begin = protobuf_message_begin(text, SCOPE_SPANS_SPANS);
    append_ids(text, span);
    protobuf_append_string(text, SPAN_NAME, name.bytes, name.len);
    protobuf_append_uint(text, SPAN_KIND, span->kind + 1u); /* 0 is UNSPECIFIED */
    protobuf_append_fixed64(text, SPAN_START, span->start_unix_nano);
    protobuf_append_fixed64(text, SPAN_END, span_end_unix_nano(span));
    append_attributes(text, span);
    append_events(text, span);
    append_links(text, span);
    append_status(text, span);
    protobuf_message_end(text, begin);
}

static void append_resource(struct text *text, const struct span *span, const struct resource *resource)
{
    struct resource_walk walk = resource_walk_of(span, resource);
    struct resource_entry entry;
    size_t begin = protobuf_message_begin(text, RESOURCE_SPANS_RESOURCE);
    while (resource_walk_next(&walk, &entry)) {
        if (entry.string)
            append_string(text, RESOURCE_ATTRIBUTES, entry.key, entry.key_len, entry.string, entry.len);
        else
            append_number(text, RESOURCE_ATTRIBUTES, entry.key, entry.key_len, ANY_INT, entry.number);
    }
    protobuf_message_end(text, begin);
}

/* ResourceSpans: the resource, then ScopeSpans, to whose end spans are added. */
static void append_group(struct text *text, const struct span *span, const struct resource *resource)
{
    protobuf_message_begin(text, REQUEST_RESOURCE_SPANS);
    append_resource(text, span, resource);
    protobuf_message_begin(text, RESOURCE_SPANS_SCOPE_SPANS);
    size_t scope = protobuf_message_begin(text, SCOPE_SPANS_SCOPE);
    protobuf_append_bytes(text, SCOPE_FIELD_NAME, SCOPE_NAME, sizeof SCOPE_NAME - 1);
    protobuf_append_bytes(text, SCOPE_FIELD_VERSION, SCOPE_VERSION, sizeof SCOPE_VERSION - 1);
    protobuf_message_end(text, scope);
    protobuf_append_bytes(text, SCOPE_SPANS_SCHEMA_URL, SCOPE_SCHEMA_URL, sizeof SCOPE_SCHEMA_URL - 1);
}

/* The group ends here, for the time being: what is in the batch is a message after every span. */
static void group_close(struct batch *batch)
{
    const size_t head_len = 1 + PROTOBUF_LEN_WIDTH;
    size_t group = batch->group_at + head_len, resource = group + head_len;
    size_t scope_spans = resource + protobuf_message_len(&batch->text, resource) + head_len;
    protobuf_message_end(&batch->text, group);
    protobuf_message_end(&batch->text, scope_spans);
}

static void otlp_proto_begin(struct batch *batch)
{
    batch->group_at = batch->text.len;
}

static int otlp_proto_add(struct batch *batch, const struct span *span, const struct resource *resource,
                          bool is_same_group)
{
    struct text room = batch_room(batch);
    bool is_new_group = batch->span_count == 0 || !is_same_group;
    if (!span_is_valid(span))
        return -EINVAL;
    if (is_new_group)
        append_group(&room, span, resource);
    append_span(&room, span);
    size_t end = batch->text.len;
    int error = batch_keep(batch, &room);
    if (error)
        return error;
    if (is_new_group)
        batch->group_at = end;
    group_close(batch);
    return 0;
}

static struct text *otlp_proto_finish(struct batch *batch, struct text *out)
{
    (void)out;
    return &batch->text;
}

const struct format FORMAT_OTLP_PROTOBUF = {
    .name = "otlp-protobuf",
    .content_type = "application/x-protobuf",
    .usual_path = "/v1/traces",
    .begin = otlp_proto_begin,
    .add = otlp_proto_add,
    .finish = otlp_proto_finish,
};
