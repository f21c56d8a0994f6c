#include "export/format_native.h"

#include "base/compiler.h"
#include "export/span_facts.h"
#include "export/span_json.h"

#include <errno.h>
#include <string.h>

/* ,"key": of an attribute; without the comma for the first of its object. Our own keys are plain text. */
static void append_key(struct text *text, bool *is_first, enum attribute_key key)
{
    static const struct {
        uint8_t len;
        char text[sizeof(",\"\":") + ATTRIBUTE_NAME_LEN_MAX];
    } keys[] = {
#define ATTRIBUTE(key, name) {sizeof(",\"" name "\":") - 1, ",\"" name "\":"},
#include "trace/attributes.def"
#undef ATTRIBUTE
    };
    text_append(text, keys[key].text + *is_first, (size_t)keys[key].len - *is_first);
    *is_first = false;
}

static void append_ids(struct text *text, const struct span *span)
{
    text_append_literal(text, "{\"traceId\":\"");
    text_append_hex(text, span->trace_id, TRACE_ID_LEN);
    text_append_literal(text, "\",\"spanId\":\"");
    text_append_hex(text, span->span_id, SPAN_ID_LEN);
    if (!span_is_root(span)) {
        text_append_literal(text, "\",\"parentSpanId\":\"");
        text_append_hex(text, span->parent_span_id, SPAN_ID_LEN);
    }
    text_append_literal(text, "\"");
}

static void append_what_and_when(struct text *text, const struct span *span)
{
    static const char *const kinds[] = {[SPAN_KIND_INTERNAL] = "INTERNAL",
                                        [SPAN_KIND_SERVER] = "SERVER",
                                        [SPAN_KIND_CLIENT] = "CLIENT"};
    struct attribute_element name = span_name(span);
    text_append_literal(text, ",\"name\":");
    text_append_json(text, name.bytes, name.len);
    text_append_literal(text, ",\"timestamp\":");
    text_append_decimal(text, (int64_t)(span->start_unix_nano / NANOS_PER_MICRO));
    text_append_literal(text, ",\"duration\":");
    text_append_decimal(text, span_duration_us(span));
    text_append_literal(text, ",\"kind\":\"");
    text_append_string(text, kinds[span->kind]);
    text_append_literal(text, "\"");
}

static void append_status(struct text *text, const struct span *span)
{
    static const char *const codes[] = {
        [SPAN_STATUS_UNSET] = "UNSET", [SPAN_STATUS_OK] = "OK", [SPAN_STATUS_ERROR] = "ERROR"};
    text_append_literal(text, ",\"status\":{\"code\":\"");
    text_append_string(text, codes[span->status]);
    text_append_literal(text, "\"");
    if (span->message_len) {
        text_append_literal(text, ",\"message\":");
        text_append_json(text, span->message, span_message_len(span));
    }
    text_append_literal(text, "}");
}

static void append_custom_key(struct text *text, bool *is_first, const struct attribute *attribute)
{
    if (!*is_first)
        text_append_literal(text, ",");
    *is_first = false;
    text_append_json(text, attribute->name, attribute->name_len);
    text_append_literal(text, ":");
}

static void append_attribute(struct text *text, bool *is_first, const struct attribute *attribute)
{
    if (attribute->key == ATTRIBUTE_CUSTOM)
        append_custom_key(text, is_first, attribute);
    else
        append_key(text, is_first, attribute->key);
    attribute_append_json(text, attribute);
}

static void append_attributes(struct text *text, const struct span *span)
{
    struct attribute_iterator iterator;
    struct attribute attribute;
    bool is_first = true, has_thread_id = false;
    text_append_literal(text, ",\"attributes\":{");
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, &attribute)) {
        append_attribute(text, &is_first, &attribute);
        has_thread_id = has_thread_id || attribute.key == ATTRIBUTE_THREAD_ID;
    }
    if (!has_thread_id && span->tid > 0) {
        append_key(text, &is_first, ATTRIBUTE_THREAD_ID);
        text_append_decimal(text, span->tid);
    }
    text_append_literal(text, "}");
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
        text_append_literal(text, "{\"name\":\"");
        text_append_string(text, span_event_name(span, sorted[i]->id));
        text_append_literal(text, "\",\"timestamp\":");
        text_append_decimal(text, (int64_t)(span_event_unix_nano(span, sorted[i]) / NANOS_PER_MICRO));
        text_append_literal(text, "}");
    }
    if (count)
        text_append_literal(text, "]");
}

static void append_tracestate(struct text *text, const struct span *span)
{
    const char *tracestate;
    size_t len = span_tracestate(span, &tracestate);
    if (len == 0)
        return;
    text_append_literal(text, ",\"traceState\":");
    text_append_json(text, tracestate, len);
}

static void append_resource(struct text *text, const struct span *span, const struct resource *r)
{
    struct resource_attribute attribute;
    text_append_literal(text, ",\"resource\":{\"service.name\":");
    text_append_json(text, r->service_name, MIN(r->service_name_len, sizeof r->service_name));
    text_append_literal(text, ",\"process.pid\":");
    text_append_decimal(text, span->pid);
    text_append_literal(text, ",\"process.executable.name\":");
    text_append_json(text, r->executable_name,
                     MIN(r->executable_name_len, sizeof r->executable_name));
    text_append_literal(text, ",\"host.name\":");
    text_append_json(text, r->host_name, MIN(r->host_name_len, sizeof r->host_name));
    for (size_t at = 0; resource_attribute_next(r, &at, &attribute);) {
        text_append_literal(text, ",");
        text_append_json(text, attribute.key, attribute.key_len);
        text_append_literal(text, ":");
        text_append_json(text, attribute.value, attribute.value_len);
    }
    text_append_literal(text, "}");
}

int native_format(const struct span *span, const struct resource *resource, struct text *text)
{
    struct text line = *text;
    if (!span_is_valid(span))
        return -EINVAL;
    append_ids(&line, span);
    append_what_and_when(&line, span);
    append_status(&line, span);
    append_attributes(&line, span);
    append_events(&line, span);
    span_append_links_json(&line, span);
    append_tracestate(&line, span);
    append_resource(&line, span, resource);
    text_append_literal(&line, "}\n");
    if (line.overflowed)
        return -ENOSPC;
    *text = line;
    return 0;
}
