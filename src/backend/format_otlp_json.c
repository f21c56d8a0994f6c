/* ExportTraceServiceRequest of opentelemetry-proto in JSON: proto3's mapping, but ids in hex and enums as numbers alone.
 * OpenTelemetry, "OTLP Specification", section "JSON Protobuf Encoding". */
#include "backend/format_shared.h"
#include "export/span_facts.h"
#include "export/span_json.h"

#include <errno.h>

/* {"key":"…","value":{ of an attribute. Our own keys are plain text. */
static void append_key(struct text *text, bool *is_first, const struct attribute *attribute)
{
    static const struct {
        const char *text;
        size_t len;
    } keys[] = {
#define HEAD(name) ",{\"key\":\"" name "\",\"value\":{"
#define ATTRIBUTE(key, name) {HEAD(name), sizeof HEAD(name) - 1},
#include "trace/attributes.def"
#undef ATTRIBUTE
#undef HEAD
    };
    if (attribute->key < ATTRIBUTE_COUNT) {
        text_append(text, keys[attribute->key].text + *is_first, keys[attribute->key].len - *is_first);
    } else {
        text_append_string(text, *is_first ? "{\"key\":" : ",{\"key\":");
        text_append_json(text, attribute->name, attribute->name_len);
        APPEND_LITERAL(text, ",\"value\":{");
    }
    *is_first = false;
}

/* 64 bits are more than JSON's numbers hold for everybody: they are strings. */
static void append_int(struct text *text, int64_t number)
{
    APPEND_LITERAL(text, "\"intValue\":\"");
    text_append_decimal(text, number);
    APPEND_LITERAL(text, "\"");
}

static void append_string(struct text *text, const char *string, size_t len)
{
    APPEND_LITERAL(text, "\"stringValue\":");
    text_append_json(text, string, len);
}

static void append_array(struct text *text, const struct attribute *attribute)
{
    struct attribute_element element;
    bool is_first = true;
    APPEND_LITERAL(text, "\"arrayValue\":{\"values\":[");
    for (size_t at = 0; attribute_element_next(attribute, &at, &element); is_first = false) {
        text_append_string(text, is_first ? "{" : ",{");
        append_string(text, element.bytes, element.len);
        APPEND_LITERAL(text, "}");
    }
    APPEND_LITERAL(text, "]}");
}

static void append_attribute(struct text *text, bool *is_first, const struct attribute *attribute)
{
    append_key(text, is_first, attribute);
    switch (attribute->type) {
    case ATTRIBUTE_STRING:
        append_string(text, attribute->string, attribute->len);
        break;
    case ATTRIBUTE_INT:
        append_int(text, attribute->number);
        break;
    case ATTRIBUTE_BOOL:
        APPEND_LITERAL(text, "\"boolValue\":true");
        break;
    case ATTRIBUTE_STRING_ARRAY:
        append_array(text, attribute);
        break;
    }
    APPEND_LITERAL(text, "}}");
}

static void append_attributes(struct text *text, const struct span *span)
{
    struct attribute_walk walk;
    struct attribute attribute;
    bool is_first = true;
    APPEND_LITERAL(text, ",\"attributes\":[");
    attribute_walk_begin(&walk, span);
    while (attribute_walk_next(&walk, &attribute))
        append_attribute(text, &is_first, &attribute);
    APPEND_LITERAL(text, "]");
    if (span->dropped_attributes_count) {
        APPEND_LITERAL(text, ",\"droppedAttributesCount\":");
        text_append_decimal(text, span->dropped_attributes_count);
    }
}

static void append_events(struct text *text, const struct span *span)
{
    const struct span_event *sorted[SPAN_EVENT_COUNT];
    unsigned count = span_events_sort(span, sorted);
    for (unsigned i = 0; i < count; i++) {
        text_append_string(text, i ? "," : ",\"events\":[");
        APPEND_LITERAL(text, "{\"timeUnixNano\":\"");
        append_unsigned(text, span_event_unix_nano(span, sorted[i]));
        APPEND_LITERAL(text, "\",\"name\":\"");
        text_append_string(text, span_event_name(sorted[i]->id));
        APPEND_LITERAL(text, "\"}");
    }
    if (count)
        APPEND_LITERAL(text, "]");
}

/* The numbers of its codes are ours. A message goes with an error alone. */
static void append_status(struct text *text, const struct span *span)
{
    if (span->status == SPAN_STATUS_UNSET)
        return;
    APPEND_LITERAL(text, ",\"status\":{");
    if (span->status == SPAN_STATUS_ERROR && span->message_len) {
        APPEND_LITERAL(text, "\"message\":");
        text_append_json(text, span->message, span_message_len(span));
        APPEND_LITERAL(text, ",");
    }
    APPEND_LITERAL(text, "\"code\":");
    text_append_decimal(text, span->status);
    APPEND_LITERAL(text, "}");
}

static void append_ids(struct text *text, const struct span *span)
{
    const char *tracestate;
    size_t tracestate_len = span_tracestate(span, &tracestate);
    APPEND_LITERAL(text, "{\"traceId\":\"");
    text_append_hex(text, span->trace_id, TRACE_ID_LEN);
    APPEND_LITERAL(text, "\",\"spanId\":\"");
    text_append_hex(text, span->span_id, SPAN_ID_LEN);
    APPEND_LITERAL(text, "\"");
    if (tracestate_len) {
        APPEND_LITERAL(text, ",\"traceState\":");
        text_append_json(text, tracestate, tracestate_len);
    }
    if (!span_is_root(span)) {
        APPEND_LITERAL(text, ",\"parentSpanId\":\"");
        text_append_hex(text, span->parent_span_id, SPAN_ID_LEN);
        APPEND_LITERAL(text, "\"");
    }
    if (span->trace_flags) {
        APPEND_LITERAL(text, ",\"flags\":");
        text_append_decimal(text, span->trace_flags);
    }
}

static void append_span(struct text *text, const struct span *span)
{
    append_ids(text, span);
    APPEND_LITERAL(text, ",\"name\":");
    text_append_json(text, span->name, span_name_len(span));
    APPEND_LITERAL(text, ",\"kind\":");
    text_append_decimal(text, span->kind + 1); /* 0 is UNSPECIFIED */
    APPEND_LITERAL(text, ",\"startTimeUnixNano\":\"");
    append_unsigned(text, span->start_unix_nano);
    APPEND_LITERAL(text, "\",\"endTimeUnixNano\":\"");
    append_unsigned(text, span_end_unix_nano(span));
    APPEND_LITERAL(text, "\"");
    append_attributes(text, span);
    append_events(text, span);
    span_append_links_json(text, span);
    append_status(text, span);
    APPEND_LITERAL(text, "}");
}

/* ResourceSpans up to the first span. */
static void append_group(struct text *text, const struct span *span, const struct resource *resource)
{
    struct resource_walk walk = resource_walk_of(span, resource);
    struct resource_entry entry;
    bool is_first = true;
    APPEND_LITERAL(text, "{\"resource\":{\"attributes\":[");
    for (; resource_walk_next(&walk, &entry); is_first = false) {
        text_append_string(text, is_first ? "{\"key\":" : ",{\"key\":");
        text_append_json(text, entry.key, entry.key_len);
        APPEND_LITERAL(text, ",\"value\":{");
        if (entry.string)
            append_string(text, entry.string, entry.len);
        else
            append_int(text, entry.number);
        APPEND_LITERAL(text, "}}");
    }
    APPEND_LITERAL(text, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"" SCOPE_NAME "\",\"version\":\"" SCOPE_VERSION
                         "\"},\"schemaUrl\":\"" SCOPE_SCHEMA_URL "\",\"spans\":[");
}

#define GROUP_END "]}]}"

static void otlp_json_begin(struct batch *batch)
{
    APPEND_LITERAL(&batch->text, "{\"resourceSpans\":[");
}

static int otlp_json_add(struct batch *batch, const struct span *span, const struct resource *resource,
                         bool is_same_group)
{
    struct text room = batch_room(batch);
    if (!span_is_valid(span))
        return -EINVAL;
    if (batch->span_count > 0)
        text_append_string(&room, is_same_group ? "," : GROUP_END ",");
    if (batch->span_count == 0 || !is_same_group)
        append_group(&room, span, resource);
    append_span(&room, span);
    return batch_keep(batch, &room);
}

static struct text *otlp_json_finish(struct batch *batch, struct text *out)
{
    (void)out;
    APPEND_LITERAL(&batch->text, GROUP_END "]}");
    return &batch->text;
}

const struct format FORMAT_OTLP_JSON = {
    .name = "otlp-json",
    .content_type = "application/json",
    .usual_path = "/v1/traces",
    .begin = otlp_json_begin,
    .add = otlp_json_add,
    .finish = otlp_json_finish,
};
