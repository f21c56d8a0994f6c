/* Zipkin v2 JSON. OpenTelemetry, "OpenTelemetry to Zipkin Transformation" and, for what that leaves out, "OpenTelemetry
 * Transformation to non-OTLP Formats". What both leave open: a resource's attributes become tags, as the first wants for
 * service.namespace; tracestate and links have no place. */
#include "backend/format_shared.h"
#include "backend/span_text.h"
#include "backend/zipkin_endpoint.h"
#include "export/span_facts.h"

#include <errno.h>

/* Tags that are not the span's to set: what we say in them must not come twice. */
static bool is_reserved(const char *key, size_t len)
{
    static const char *const reserved[] = {"error",           "otel.status_code",   "otel.dropped_attributes_count",
                                           "otel.scope.name", "otel.scope.version", "service.name"};
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
        if (strlen(reserved[i]) == len && memcmp(reserved[i], key, len) == 0)
            return true;
    return false;
}

static bool attribute_is(const struct attribute *attribute, const char *key, size_t key_len)
{
    size_t len;
    const char *name = attribute_key_text(attribute, &len);
    return len == key_len && memcmp(name, key, len) == 0;
}

/* Has the span an attribute of this name? Few have any with a name of their own, which have to be looked for. */
static bool span_has(const struct span *span, bool has_custom, const char *key, size_t key_len)
{
    struct attribute_walk walk;
    struct attribute attribute = {0};
    bool is_own = false;
    for (unsigned i = 0; i < ATTRIBUTE_COUNT && !is_own; i++) {
        attribute.key = (enum attribute_key)i;
        is_own = attribute_is(&attribute, key, key_len);
    }
    if (!is_own && !has_custom)
        return false;
    attribute_walk_begin(&walk, span);
    while (attribute_walk_next(&walk, &attribute))
        if (attribute_is(&attribute, key, key_len))
            return true;
    return false;
}

/* "key": of a tag that is not the first. */
static void append_key(struct text *text, const char *key, size_t len)
{
    text_append_literal(text, ",");
    text_append_json(text, key, len);
    text_append_literal(text, ":");
}

static void append_int(struct text *text, int64_t number)
{
    text_append_literal(text, "\"");
    text_append_decimal(text, number);
    text_append_literal(text, "\"");
}

/* As the text of a JSON list, in a JSON string. */
static void append_array(struct text *text, const struct attribute *attribute)
{
    char bytes[6 * SPAN_BYTES_LEN]; /* each byte of a text becomes six at most, and the two of its length become "", */
    struct text list = text_on(bytes, sizeof bytes);
    struct attribute_element element;
    text_append_literal(&list, "[");
    for (size_t at = 0; attribute_element_next(attribute, &at, &element);) {
        if (list.len > 1)
            text_append_literal(&list, ",");
        text_append_json(&list, element.bytes, element.len);
    }
    text_append_literal(&list, "]");
    text_append_json(text, list.bytes, list.len);
}

static void append_attribute(struct text *text, const struct attribute *attribute)
{
    size_t key_len;
    const char *key = attribute_key_text(attribute, &key_len);
    if (attribute->key != ATTRIBUTE_CUSTOM) {
        text_append_literal(text, ",\""); /* plain text */
        text_append(text, key, key_len);
        text_append_literal(text, "\":");
    } else if (is_reserved(key, key_len)) {
        return;
    } else {
        append_key(text, key, key_len);
    }
    switch (attribute->type) {
    case ATTRIBUTE_STRING:
        text_append_json(text, attribute->string, attribute->len);
        break;
    case ATTRIBUTE_INT:
        append_int(text, attribute->number);
        break;
    case ATTRIBUTE_BOOL:
        text_append_string(text, attribute->number ? "\"true\"" : "\"false\"");
        break;
    case ATTRIBUTE_STRING_ARRAY:
        append_array(text, attribute);
        break;
    }
}

static void append_status(struct text *text, const struct span *span)
{
    if (span->status == SPAN_STATUS_OK)
        text_append_literal(text, ",\"otel.status_code\":\"OK\"");
    if (span->status != SPAN_STATUS_ERROR)
        return;
    text_append_literal(text, ",\"otel.status_code\":\"ERROR\",\"error\":");
    text_append_json(text, span->message, span_message_len(span));
}

/* service.name is the local endpoint's. Of what the span says too, the span's is told. @has_custom: it has attributes with a
 * name of their own. */
static void append_resource(struct text *text, const struct span *span, bool has_custom, const struct resource *resource)
{
    struct resource_walk walk = resource_walk_of(span, resource);
    struct resource_entry entry;
    while (resource_walk_next(&walk, &entry)) {
        if (is_reserved(entry.key, entry.key_len) || span_has(span, has_custom, entry.key, entry.key_len))
            continue;
        append_key(text, entry.key, entry.key_len);
        if (entry.string)
            text_append_json(text, entry.string, entry.len);
        else
            append_int(text, entry.number);
    }
}

static void append_tags(struct text *text, const struct span *span, const struct resource *resource)
{
    struct zipkin_peer peer = {0};
    struct attribute_walk walk;
    struct attribute attribute;
    bool has_custom = false;
    text_append_literal(text, ",\"tags\":{\"otel.scope.name\":\"" SCOPE_NAME "\",\"otel.scope.version\":\"" SCOPE_VERSION
                         "\"");
    attribute_walk_begin(&walk, span);
    while (attribute_walk_next(&walk, &attribute)) {
        append_attribute(text, &attribute);
        zipkin_peer_note(&peer, &attribute);
        has_custom = has_custom || attribute.key == ATTRIBUTE_CUSTOM;
    }
    append_status(text, span);
    if (span->dropped_attributes_count) {
        text_append_literal(text, ",\"otel.dropped_attributes_count\":");
        append_int(text, span->dropped_attributes_count);
    }
    append_resource(text, span, has_custom, resource);
    text_append_literal(text, "}");
    zipkin_append_remote_endpoint(text, span, &peer);
}

static void append_annotations(struct text *text, const struct span *span)
{
    const struct span_event *sorted[SPAN_EVENT_COUNT];
    unsigned count = span_events_sort(span, sorted);
    for (unsigned i = 0; i < count; i++) {
        text_append_string(text, i ? "," : ",\"annotations\":[");
        text_append_literal(text, "{\"timestamp\":");
        text_append_decimal(text, (int64_t)(span_event_unix_nano(span, sorted[i]) / NANOS_PER_MICRO));
        text_append_literal(text, ",\"value\":\"");
        text_append_string(text, span_event_name(span, sorted[i]->id));
        text_append_literal(text, "\"}");
    }
    if (count)
        text_append_literal(text, "]");
}

static void append_ids(struct text *text, const struct span *span)
{
    text_append_literal(text, "{\"traceId\":\"");
    text_append_hex(text, span->trace_id, TRACE_ID_LEN);
    if (!span_is_root(span)) {
        text_append_literal(text, "\",\"parentId\":\"");
        text_append_hex(text, span->parent_span_id, SPAN_ID_LEN);
    }
    text_append_literal(text, "\",\"id\":\"");
    text_append_hex(text, span->span_id, SPAN_ID_LEN);
    text_append_literal(text, "\"");
}

static void append_what_and_when(struct text *text, const struct span *span, const struct resource *resource)
{
    static const char *const kinds[] = {[SPAN_KIND_INTERNAL] = "",
                                        [SPAN_KIND_SERVER] = ",\"kind\":\"SERVER\"",
                                        [SPAN_KIND_CLIENT] = ",\"kind\":\"CLIENT\""};
    struct resource_walk walk = resource_walk_of(span, resource);
    struct resource_entry service;
    struct attribute_element name = span_name(span);
    resource_walk_next(&walk, &service); /* service.name comes first, and always */
    text_append_string(text, kinds[span->kind]);
    text_append_literal(text, ",\"name\":");
    text_append_json(text, name.bytes, name.len);
    text_append_literal(text, ",\"timestamp\":");
    text_append_decimal(text, (int64_t)(span->start_unix_nano / NANOS_PER_MICRO));
    text_append_literal(text, ",\"duration\":");
    text_append_decimal(text, MAX(span_duration_us(span), 1)); /* Zipkin takes 0 for unknown */
    text_append_literal(text, ",\"localEndpoint\":{\"serviceName\":");
    text_append_json(text, service.string, service.len);
    text_append_literal(text, "}");
}

static void zipkin_begin(struct batch *batch)
{
    text_append_literal(&batch->text, "[");
}

static int zipkin_add(struct batch *batch, const struct span *span, const struct resource *resource,
                      bool is_same_group)
{
    struct text room = batch_room(batch);
    (void)is_same_group; /* each span says all of itself */
    if (!span_is_valid(span))
        return -EINVAL;
    if (batch->span_count > 0)
        text_append_literal(&room, ",");
    append_ids(&room, span);
    append_what_and_when(&room, span, resource);
    append_annotations(&room, span);
    append_tags(&room, span, resource);
    text_append_literal(&room, "}");
    return batch_keep(batch, &room);
}

static struct text *zipkin_finish(struct batch *batch, struct text *out)
{
    (void)out;
    text_append_literal(&batch->text, "]");
    return &batch->text;
}

const struct format FORMAT_ZIPKIN = {
    .name = "zipkin",
    .content_type = "application/json",
    .usual_path = "/api/v2/spans",
    .begin = zipkin_begin,
    .add = zipkin_add,
    .finish = zipkin_finish,
};
