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
        text_append_literal(text, ",\"value\":{");
    }
    *is_first = false;
}

/* 64 bits are more than JSON's numbers hold for everybody: they are strings. */
static void append_int(struct text *text, int64_t number)
{
    text_append_literal(text, "\"intValue\":\"");
    text_append_decimal(text, number);
    text_append_literal(text, "\"");
}

static void append_string(struct text *text, const char *string, size_t len)
{
    text_append_literal(text, "\"stringValue\":");
    text_append_json(text, string, len);
}

static void append_array(struct text *text, const struct attribute *attribute)
{
    struct attribute_element element;
    bool is_first = true;
    text_append_literal(text, "\"arrayValue\":{\"values\":[");
    for (size_t at = 0; attribute_element_next(attribute, &at, &element); is_first = false) {
        text_append_string(text, is_first ? "{" : ",{");
        append_string(text, element.bytes, element.len);
        text_append_literal(text, "}");
    }
    text_append_literal(text, "]}");
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
        text_append_string(text, attribute->number ? "\"boolValue\":true" : "\"boolValue\":false");
        break;
    case ATTRIBUTE_STRING_ARRAY:
        append_array(text, attribute);
        break;
    }
    text_append_literal(text, "}}");
}

static void append_attributes(struct text *text, const struct span *span)
{
    struct attribute_walk walk;
    struct attribute attribute;
    bool is_first = true;
    text_append_literal(text, ",\"attributes\":[");
    attribute_walk_begin(&walk, span);
    while (attribute_walk_next(&walk, &attribute))
        append_attribute(text, &is_first, &attribute);
    text_append_literal(text, "]");
    if (span->dropped_attributes_count) {
        text_append_literal(text, ",\"droppedAttributesCount\":");
        text_append_decimal(text, span->dropped_attributes_count);
    }
}

static void append_events(struct text *text, const struct span *span)
{
    const struct span_event *sorted[SPAN_EVENT_COUNT];
    unsigned count = span_events_sort(span, sorted);
    for (unsigned i = 0; i < count; i++) {
        text_append_string(text, i ? "," : ",\"events\":[");
        text_append_literal(text, "{\"timeUnixNano\":\"");
        append_unsigned(text, span_event_unix_nano(span, sorted[i]));
        text_append_literal(text, "\",\"name\":\"");
        text_append_string(text, span_event_name(span, sorted[i]->id));
        text_append_literal(text, "\"}");
    }
    if (count)
        text_append_literal(text, "]");
}

/* The numbers of its codes are ours. A message goes with an error alone. */
static void append_status(struct text *text, const struct span *span)
{
    if (span->status == SPAN_STATUS_UNSET)
        return;
    text_append_literal(text, ",\"status\":{");
    if (span->status == SPAN_STATUS_ERROR && span->message_len) {
        text_append_literal(text, "\"message\":");
        text_append_json(text, span->message, span_message_len(span));
        text_append_literal(text, ",");
    }
    text_append_literal(text, "\"code\":");
    text_append_decimal(text, span->status);
    text_append_literal(text, "}");
}

static void append_ids(struct text *text, const struct span *span)
{
    const char *tracestate;
    size_t tracestate_len = span_tracestate(span, &tracestate);
    text_append_literal(text, "{\"traceId\":\"");
    text_append_hex(text, span->trace_id, TRACE_ID_LEN);
    text_append_literal(text, "\",\"spanId\":\"");
    text_append_hex(text, span->span_id, SPAN_ID_LEN);
    text_append_literal(text, "\"");
    if (tracestate_len) {
        text_append_literal(text, ",\"traceState\":");
        text_append_json(text, tracestate, tracestate_len);
    }
    if (!span_is_root(span)) {
        text_append_literal(text, ",\"parentSpanId\":\"");
        text_append_hex(text, span->parent_span_id, SPAN_ID_LEN);
        text_append_literal(text, "\"");
    }
    if (span->trace_flags) {
        text_append_literal(text, ",\"flags\":");
        text_append_decimal(text, span->trace_flags);
    }
}

static void append_span(struct text *text, const struct span *span)
{
    struct attribute_element name = span_name(span);
    append_ids(text, span);
    text_append_literal(text, ",\"name\":");
    text_append_json(text, name.bytes, name.len);
    text_append_literal(text, ",\"kind\":");
    text_append_decimal(text, span->kind + 1); /* 0 is UNSPECIFIED */
    text_append_literal(text, ",\"startTimeUnixNano\":\"");
    append_unsigned(text, span->start_unix_nano);
    text_append_literal(text, "\",\"endTimeUnixNano\":\"");
    append_unsigned(text, span_end_unix_nano(span));
    text_append_literal(text, "\"");
    append_attributes(text, span);
    append_events(text, span);
    span_append_links_json(text, span);
    append_status(text, span);
    text_append_literal(text, "}");
}

/* ResourceSpans up to the first span. */
static void append_group(struct text *text, const struct span *span, const struct resource *resource)
{
    struct resource_walk walk = resource_walk_of(span, resource);
    struct resource_entry entry;
    bool is_first = true;
    text_append_literal(text, "{\"resource\":{\"attributes\":[");
    for (; resource_walk_next(&walk, &entry); is_first = false) {
        text_append_string(text, is_first ? "{\"key\":" : ",{\"key\":");
        text_append_json(text, entry.key, entry.key_len);
        text_append_literal(text, ",\"value\":{");
        if (entry.string)
            append_string(text, entry.string, entry.len);
        else
            append_int(text, entry.number);
        text_append_literal(text, "}}");
    }
    text_append_literal(text, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"" SCOPE_NAME "\",\"version\":\"" SCOPE_VERSION
                         "\"},\"schemaUrl\":\"" SCOPE_SCHEMA_URL "\",\"spans\":[");
}

#define GROUP_END "]}]}"

static void otlp_json_begin(struct batch *batch)
{
    text_append_literal(&batch->text, "{\"resourceSpans\":[");
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
    text_append_literal(&batch->text, GROUP_END "]}");
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
