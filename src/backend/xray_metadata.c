#include "backend/xray_metadata.h"

#include "backend/json_object.h"
#include "export/span_facts.h"

enum { ANNOTATION_LEN_MAX = 1000 }; /* characters in truth */

bool xray_is_in_http(const struct span_values *values, const struct attribute *attribute)
{
    bool has_parts = span_value(values, ATTRIBUTE_URL_PATH, ATTRIBUTE_STRING) &&
                     !span_value(values, ATTRIBUTE_URL_FULL, ATTRIBUTE_STRING);
    switch (attribute->key) {
    case ATTRIBUTE_URL_SCHEME:
    case ATTRIBUTE_URL_PATH:
    case ATTRIBUTE_URL_QUERY:
        return has_parts && attribute->type == ATTRIBUTE_STRING;
    case ATTRIBUTE_HTTP_REQUEST_METHOD:
    case ATTRIBUTE_URL_FULL:
    case ATTRIBUTE_CLIENT_ADDRESS:
    case ATTRIBUTE_USER_AGENT_ORIGINAL:
        return attribute->type == ATTRIBUTE_STRING;
    case ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE:
    case ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE:
        return attribute->type == ATTRIBUTE_INT;
    default:
        return false;
    }
}

/* The key of an annotation, which is for searching: there are fifty for a whole trace, so that a span has few. */
static const char *annotation_key(const struct attribute *attribute)
{
    switch (attribute->key) {
    case ATTRIBUTE_ERROR_TYPE:
        return "error_type";
    case ATTRIBUTE_CODE_FUNCTION_NAME:
        return "code_function_name";
    case ATTRIBUTE_SERVER_ADDRESS:
        return "server_address";
    case ATTRIBUTE_SERVER_PORT:
        return "server_port";
    default:
        return NULL;
    }
}

void xray_append_annotations(struct text *text, const struct span_values *values)
{
    text_append_literal(text, ",\"annotations\":{");
    for (unsigned key = 0; key < ATTRIBUTE_COUNT; key++) {
        const char *name = values->has[key] ? annotation_key(&values->known[key]) : NULL;
        if (!name)
            continue;
        struct attribute value = values->known[key];
        value.len = MIN(value.len, ANNOTATION_LEN_MAX);
        json_append_key(text, name);
        attribute_append_json(text, &value);
    }
    text_append_literal(text, "}");
}

static void append_attributes(struct text *text, const struct span *span, const struct span_values *values)
{
    struct attribute_iterator iterator;
    struct attribute attribute;
    size_t key_len;
    text_append_literal(text, "\"default\":{");
    for (attribute_begin(&iterator, span); attribute_next(&iterator, &attribute);) {
        if (xray_is_in_http(values, &attribute) || annotation_key(&attribute))
            continue;
        const char *key = attribute_key_text(&attribute, &key_len);
        json_append_any_key(text, key, key_len);
        attribute_append_json(text, &attribute);
    }
    if (span_thread_id(span, values))
        json_append_number(text, "thread.id", span_thread_id(span, values));
    text_append_literal(text, "}");
}

/* What documents have no field for. */
static void append_span(struct text *text, const struct span *span)
{
    const char *tracestate;
    size_t tracestate_len = span_tracestate(span, &tracestate);
    struct attribute_element name = span_name(span);
    text_append_literal(text, ",\"span\":{");
    json_append_string(text, "name", name.bytes, name.len);
    json_append_string(text, "kind", span_kind_text(span), strlen(span_kind_text(span)));
    if (tracestate_len)
        json_append_string(text, "w3c.tracestate", tracestate, tracestate_len);
    if (span->dropped_attributes_count)
        json_append_number(text, "dropped_attributes_count", span->dropped_attributes_count);
    text_append_literal(text, "}");
}

static void append_resource(struct text *text, const struct span *span, const struct resource *resource)
{
    struct resource_attribute attribute;
    text_append_literal(text, ",\"resource\":{");
    json_append_string(text, "service.name", resource->service_name,
                       MIN(resource->service_name_len, sizeof resource->service_name));
    json_append_number(text, "process.pid", span->pid);
    for (size_t at = 0; resource_string_next(resource, &at, &attribute);) {
        json_append_any_key(text, attribute.key, attribute.key_len);
        text_append_json(text, attribute.value, attribute.value_len);
    }
    text_append_literal(text, "}");
}

static bool is_repeated(const struct span *span, const struct span_event *const sorted[], unsigned which)
{
    for (unsigned i = 0; i < which; i++)
        if (strcmp(span_event_name(span, sorted[i]->id), span_event_name(span, sorted[which]->id)) == 0)
            return true;
    return false;
}

static void append_events(struct text *text, const struct span *span)
{
    const struct span_event *sorted[SPAN_EVENT_COUNT];
    unsigned count = span_events_sort(span, sorted);
    text_append_literal(text, ",\"events\":{");
    for (unsigned i = 0; i < count; i++)
        if (!is_repeated(span, sorted, i)) /* a key comes once */
            json_append_seconds(text, span_event_name(span, sorted[i]->id), span_event_unix_nano(span, sorted[i]));
    text_append_literal(text, "}");
}

void xray_append_metadata(struct text *text, const struct span *span, const struct resource *resource,
                          const struct span_values *values)
{
    text_append_literal(text, ",\"metadata\":{");
    append_attributes(text, span, values);
    append_span(text, span);
    append_resource(text, span, resource);
    append_events(text, span);
    text_append_literal(text, "}");
}
