#include "backend/record_read.h"

#include "backend/json_line.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/hex.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a record's own clock stands: events may have come before the span's start. */
static const uint64_t START_NS = 1000000000000000000;

static const double TIME_MAX_US = 9007199254740992.0; /* beyond, doubles are no integers */

/* A string or "". */
static const char *string_of(const cJSON *object, const char *key)
{
    const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return string ? string : "";
}

static bool number_of(const cJSON *object, const char *key, uint64_t *out)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(number) || !(number->valuedouble >= 0 && number->valuedouble <= TIME_MAX_US))
        return false;
    *out = (uint64_t)number->valuedouble;
    return true;
}

static bool id_of(const cJSON *object, const char *key, uint8_t *out, size_t len)
{
    const char *hex = string_of(object, key);
    return strlen(hex) == 2 * len && hex_decode(hex, len, out) == 0;
}

/* Of @names the one that a string is; @count: none. */
static uint8_t word_find(const char *const *names, uint8_t count, const char *word)
{
    uint8_t i = 0;
    while (i < count && strcmp(names[i], word))
        i++;
    return i;
}

/* The text of a value that is none, for where only text has a place. */
static char *text_make(const cJSON *value)
{
    return cJSON_IsString(value) ? strdup(value->valuestring) : cJSON_PrintUnformatted(value);
}

static int ids_read(const cJSON *json, struct span *span)
{
    static const char *const kinds[] = {
        [SPAN_KIND_INTERNAL] = "INTERNAL", [SPAN_KIND_SERVER] = "SERVER", [SPAN_KIND_CLIENT] = "CLIENT"};
    uint64_t start_us, duration_us;
    const char *kind = string_of(json, "kind");
    if (!id_of(json, "traceId", span->trace_id, TRACE_ID_LEN) || !id_of(json, "spanId", span->span_id, SPAN_ID_LEN) ||
        !number_of(json, "timestamp", &start_us) || !number_of(json, "duration", &duration_us))
        return -EINVAL;
    id_of(json, "parentSpanId", span->parent_span_id, SPAN_ID_LEN);
    span->kind = *kind ? word_find(kinds, ARRAY_LEN(kinds), kind) : SPAN_KIND_INTERNAL;
    if (span->kind == ARRAY_LEN(kinds))
        return -EINVAL;
    span->start_unix_nano = start_us * NANOS_PER_MICRO;
    span->start_ns = START_NS;
    span->end_ns = START_NS + duration_us * NANOS_PER_MICRO;
    return 0;
}

/* After the tracestate: a long name stands behind it. */
static bool name_read(const cJSON *json, struct span *span)
{
    const char *name = string_of(json, "name");
    span_set_long_name(span, name, strlen(name));
    return span_name(span).len == strlen(name);
}

static bool status_read(const cJSON *json, struct span *span)
{
    static const char *const codes[] = {
        [SPAN_STATUS_UNSET] = "UNSET", [SPAN_STATUS_OK] = "OK", [SPAN_STATUS_ERROR] = "ERROR"};
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(json, "status");
    const char *message = string_of(status, "message");
    uint8_t code = word_find(codes, ARRAY_LEN(codes), string_of(status, "code"));
    span->status = code < ARRAY_LEN(codes) ? code : SPAN_STATUS_UNSET;
    span->message_len = (uint16_t)MIN(strlen(message), sizeof span->message);
    memcpy(span->message, message, span->message_len);
    return strlen(message) <= sizeof span->message;
}

/* Before any attribute: these stand behind it. */
static bool tracestate_read(const cJSON *json, struct span *span)
{
    const char *tracestate = string_of(json, "traceState");
    size_t len = strlen(tracestate);
    if (len > TRACESTATE_LEN_MAX)
        return false;
    span->tracestate_len = (uint16_t)len;
    memcpy(span->bytes, tracestate, len);
    return true;
}

static bool links_read(const cJSON *json, struct span *span)
{
    struct span_link links[SPAN_LINKS_MAX];
    const cJSON *link, *array = cJSON_GetObjectItemCaseSensitive(json, "links");
    size_t count = 0;
    bool is_whole = true;
    cJSON_ArrayForEach(link, array)
    {
        if (count < SPAN_LINKS_MAX && id_of(link, "traceId", links[count].trace_id, TRACE_ID_LEN) &&
            id_of(link, "spanId", links[count].span_id, SPAN_ID_LEN))
            count++;
        else
            is_whole = false;
        is_whole = is_whole && !cJSON_GetObjectItemCaseSensitive(link, "attributes");
    }
    span_set_links(span, links, count);
    return is_whole;
}

static bool event_read(const cJSON *event, uint64_t start_us, struct span *span)
{
    uint64_t at_us;
    unsigned id = 0;
    const char *name = string_of(event, "name");
    while (id < SPAN_EVENT_COUNT && strcmp(span_event_name(span, id), name))
        id++;
    if (!*name || !number_of(event, "timestamp", &at_us))
        return false;
    double after_us = (double)at_us - (double)start_us;
    if (fabs(after_us) * NANOS_PER_MICRO >= (double)START_NS)
        return false;
    uint16_t dropped_count = span->dropped_attributes_count;
    uint64_t at_ns = START_NS + (uint64_t)((int64_t)after_us * (int64_t)NANOS_PER_MICRO);
    if (id < SPAN_EVENT_COUNT)
        span_add_event(span, (enum span_event_id)id, at_ns);
    else
        span_add_custom_event(span, name, strlen(name), at_ns);
    return span->dropped_attributes_count == dropped_count && !cJSON_GetObjectItemCaseSensitive(event, "attributes");
}

static bool events_read(const cJSON *json, struct span *span)
{
    const cJSON *event, *array = cJSON_GetObjectItemCaseSensitive(json, "events");
    bool is_whole = true;
    cJSON_ArrayForEach(event, array) is_whole &=
        event_read(event, span->start_unix_nano / NANOS_PER_MICRO, span);
    return is_whole;
}

/* ATTRIBUTE_COUNT: it has none of attributes.def's names. */
static enum attribute_key key_find(const char *name)
{
    unsigned key = 0;
    while (key < ATTRIBUTE_COUNT && strcmp(attribute_name(key), name))
        key++;
    return (enum attribute_key)key;
}

static bool array_read(const cJSON *array, struct span *span)
{
    enum { ELEMENTS_MAX = 64 };
    struct attribute_element elements[ELEMENTS_MAX];
    const cJSON *element;
    size_t count = 0;
    cJSON_ArrayForEach(element, array)
    {
        if (count == ELEMENTS_MAX || !cJSON_IsString(element))
            return false;
        elements[count++] = (struct attribute_element){element->valuestring, strlen(element->valuestring)};
    }
    span_set_custom_array(span, array->string, strlen(array->string), elements, count);
    return true;
}

/* What has a type that a record has no room for becomes text. */
static bool text_read(const cJSON *value, enum attribute_key key, struct span *span)
{
    char *text = text_make(value);
    if (text && key < ATTRIBUTE_COUNT)
        span_set_string(span, key, text, strlen(text));
    else if (text)
        span_set_custom(span, value->string, strlen(value->string), text, strlen(text));
    free(text);
    return text && cJSON_IsString(value);
}

static bool attribute_read(const cJSON *value, struct span *span)
{
    enum attribute_key key = key_find(value->string);
    bool is_known = key < ATTRIBUTE_COUNT;
    bool is_integer = cJSON_IsNumber(value) && fabs(value->valuedouble) <= TIME_MAX_US &&
                      value->valuedouble == (double)(int64_t)value->valuedouble;
    if (is_known && is_integer)
        span_set_int(span, key, (int64_t)value->valuedouble);
    else if (is_integer)
        span_set_custom_int(span, value->string, strlen(value->string), (int64_t)value->valuedouble);
    else if (is_known && cJSON_IsTrue(value))
        span_set_true(span, key);
    else if (!is_known && cJSON_IsBool(value))
        span_set_custom_bool(span, value->string, strlen(value->string), cJSON_IsTrue(value));
    else if (is_known || !cJSON_IsArray(value) || !array_read(value, span))
        return text_read(value, key, span);
    return true;
}

static bool attributes_read(const cJSON *json, struct span *span)
{
    const cJSON *value, *object = cJSON_GetObjectItemCaseSensitive(json, "attributes");
    bool is_whole = true;
    uint64_t dropped;
    cJSON_ArrayForEach(value, object) is_whole &= attribute_read(value, span);
    is_whole = is_whole && span->dropped_attributes_count == 0;
    if (number_of(json, "droppedAttributesCount", &dropped))
        span->dropped_attributes_count += (uint16_t)MIN(dropped, UINT16_MAX / 2);
    return is_whole;
}

static bool resource_attribute_add(struct resource *resource, const char *key, const char *value)
{
    uint16_t lens[] = {(uint16_t)strlen(key), (uint16_t)strlen(value)};
    size_t len = sizeof lens + lens[0] + lens[1];
    if (strlen(key) > UINT8_MAX || strlen(value) > RESOURCE_ATTRIBUTES_LEN_MAX ||
        len > sizeof resource->attributes - resource->attributes_len)
        return false;
    char *at = resource->attributes + resource->attributes_len;
    memcpy(at, lens, sizeof lens);
    memcpy(at + sizeof lens, key, lens[0]);
    memcpy(at + sizeof lens + lens[0], value, lens[1]);
    resource->attributes_len += (uint16_t)len;
    return true;
}

static bool resource_value_read(const cJSON *value, struct span *span, struct resource *resource)
{
    const struct {
        const char *key;
        char *bytes;
        uint16_t *len;
        size_t size;
    } fields[] = {
        {"service.name", resource->service_name, &resource->service_name_len, sizeof resource->service_name},
        {"process.executable.name", resource->executable_name, &resource->executable_name_len,
         sizeof resource->executable_name},
        {"host.name", resource->host_name, &resource->host_name_len, sizeof resource->host_name},
    };
    char *text = text_make(value);
    bool is_whole = text && cJSON_IsString(value);
    for (size_t i = 0; text && i < ARRAY_LEN(fields); i++) {
        if (strcmp(value->string, fields[i].key))
            continue;
        *fields[i].len = (uint16_t)MIN(strlen(text), fields[i].size);
        memcpy(fields[i].bytes, text, *fields[i].len);
        is_whole = is_whole && strlen(text) <= fields[i].size;
        free(text);
        return is_whole;
    }
    if (strcmp(value->string, "process.pid") == 0 && cJSON_IsNumber(value)) {
        span->pid = value->valueint;
        is_whole = true;
    } else if (text) {
        is_whole = resource_attribute_add(resource, value->string, text) && is_whole;
    }
    free(text);
    return is_whole;
}

static bool resource_read(const cJSON *json, struct span *span, struct resource *resource)
{
    const cJSON *value, *object = cJSON_GetObjectItemCaseSensitive(json, "resource");
    bool is_whole = true;
    cJSON_ArrayForEach(value, object) is_whole &= resource_value_read(value, span, resource);
    return is_whole;
}

int record_read(const char *line, size_t len, struct span *span, struct resource *resource, bool *is_whole)
{
    memset(span, 0, sizeof *span);
    memset(resource, 0, sizeof *resource);
    cJSON *json = json_line_parse(line, len);
    int result = json ? ids_read(json, span) : -EINVAL;
    if (result == 0) {
        *is_whole = tracestate_read(json, span);
        *is_whole &= name_read(json, span);
        *is_whole &= status_read(json, span);
        *is_whole &= links_read(json, span);
        *is_whole &= attributes_read(json, span);
        *is_whole &= events_read(json, span);
        *is_whole &= resource_read(json, span, resource);
    }
    cJSON_Delete(json);
    return result;
}
