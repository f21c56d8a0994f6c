#include "wire/http_extras.h"

#include "base/compiler.h"
#include "base/slab.h"
#include "trace/baggage.h"
#include "trace/name_list.h"
#include "trace/redact.h"

#include <stdlib.h>
#include <string.h>

/* Host; User-Agent and tracestate; traceparent; X-Request-ID: what wire/http_head.c knows; and baggage. */
#define FIELDS_DEFAULT                                                                                                 \
    {                                                                                                                  \
        HTTP1_LETTER('h') | HTTP1_LETTER('u') | HTTP1_LETTER('t') | HTTP1_LETTER('b') | HTTP1_LETTER('x'),             \
            1U << 4 | 1U << 7 | 1U << 10 | 1U << 11 | 1U << 12                                                         \
    }

struct http_extras_wanted g_http_extras_wanted = {.told = FIELDS_DEFAULT};

static BULKY struct name_list g_captured;
static uint32_t g_fields; /* bit 1 << enum carrier_field: of a propagator in use */
static BULKY_DATA struct slab g_extras = SLAB_INITIALIZER(sizeof(struct http_extras), 16, 512);

static void told_add(struct http1_fields *told, const char *name)
{
    told->letters |= HTTP1_LETTER(name[0]);
    told->lens |= HTTP1_NAME_LEN(strlen(name));
}

static void captured_init(const char *list)
{
    name_list_parse(&g_captured, list, true);
    for (unsigned i = 0; i < g_captured.count; i++)
        told_add(&g_http_extras_wanted.told, g_captured.names[i]);
    g_http_extras_wanted.is_capturing = g_captured.count > 0;
}

void http_extras_init(void)
{
    const struct propagators *propagators = propagators_current();
    struct http1_fields told = {0};
    g_fields = 0;
    told_add(&told, "host");
    told_add(&told, "user-agent");
    told_add(&told, "x-request-id");
    if (propagators_have(PROPAGATOR_TRACECONTEXT)) {
        told_add(&told, "traceparent");
        told_add(&told, "tracestate");
    }
    if (propagators_have(PROPAGATOR_BAGGAGE))
        told_add(&told, "baggage");
    for (unsigned i = 0; i < propagators->count; i++)
        for (unsigned j = 0; j < propagators->list[i]->field_count; j++) {
            unsigned field = propagators->list[i]->first_field + j;
            told_add(&told, carrier_field_name((enum carrier_field)field));
            g_fields |= 1U << field;
        }
    const char *captured = getenv("RUN_TRACED_CAPTURE_HEADERS");
    g_http_extras_wanted.told = told;
    if (captured)
        captured_init(captured);
}

static struct http_extras *extras_ensure(struct http_extras **extras)
{
    uint32_t index;
    if (*extras)
        return *extras;
    *extras = slab_alloc(&g_extras, &index);
    if (!*extras)
        return NULL;
    memset(*extras, 0, offsetof(struct http_extras, captured));
    (*extras)->index = index;
    (*extras)->baggage.baggage_len = 0;
    return *extras;
}

/* NULL if there is no room. */
static const char *bytes_keep(struct http_extras *extras, const char *bytes, size_t len)
{
    if (len > sizeof extras->bytes - extras->bytes_len)
        return NULL;
    char *room = extras->bytes + extras->bytes_len;
    memcpy(room, bytes, len);
    extras->bytes_len = (uint16_t)(extras->bytes_len + len);
    return room;
}

static void carrier_note(struct http_extras *extras, enum carrier_field field, const struct http1_event *event)
{
    struct carrier_value *value = &extras->carrier.values[field];
    const char *bytes = event->is_cut ? NULL : bytes_keep(extras, event->value, event->value_len);
    extras->last_field = (int8_t)field;
    extras->offsets[field] = HTTP_EXTRAS_NO_OFFSET;
    value->count = (uint8_t)MIN(value->count + 1, 2);
    if (!bytes)
        value->count = 2; /* as bad as two */
    value->bytes = bytes;
    value->len = (uint16_t)event->value_len;
}

void http_extras_note(struct http_extras **extras, const struct http1_event *event)
{
    bool is_baggage = propagators_have(PROPAGATOR_BAGGAGE) && HTTP1_NAME_IS(event, "baggage");
    int field = g_fields && !is_baggage ? carrier_field_find(event->name, event->name_len) : -1;
    if (field >= 0 && !(g_fields >> field & 1))
        field = -1;
    if (*extras)
        (*extras)->last_field = -1;
    if ((!is_baggage && field < 0) || !extras_ensure(extras))
        return;
    (*extras)->last_field = -1;
    if (field >= 0) {
        carrier_note(*extras, (enum carrier_field)field, event);
        return;
    }
    (*extras)->has_baggage = true;
    if (!event->is_cut)
        baggage_add(&(*extras)->baggage, event->value, event->value_len);
}

void http_extras_note_offset(struct http_extras *extras, uint64_t offset)
{
    if (extras->last_field >= 0)
        extras->offsets[extras->last_field] = offset;
}

void http_extras_capture(struct http_extras **extras, const struct http1_event *event)
{
    int name = name_list_find(&g_captured, event->name, event->name_len);
    if (name < 0 || !extras_ensure(extras) || (*extras)->captured_count == HTTP_CAPTURED_MAX)
        return;
    size_t len = MIN(event->value_len, HTTP_CAPTURED_LEN_MAX);
    const char *bytes = bytes_keep(*extras, event->value, len);
    if (bytes)
        (*extras)->captured[(*extras)->captured_count++] = (struct http_captured){
            .name = (uint8_t)name, .at = (uint16_t)(bytes - (*extras)->bytes), .len = (uint16_t)len};
}

/* The attribute of the header field with number @name in the list. */
static void captured_describe(const struct http_extras *extras, unsigned name, struct span *span)
{
    char bytes[sizeof "http.request.header." + NAME_LIST_NAME_LEN_MAX];
    struct text attribute = text_on(bytes, sizeof bytes);
    char value_bytes[SPAN_BYTES_LEN];
    struct text values = text_on(value_bytes, sizeof value_bytes);
    struct attribute_element elements[HTTP_CAPTURED_MAX];
    size_t count = 0;
    for (unsigned i = 0; i < extras->captured_count; i++) {
        const struct http_captured *captured = &extras->captured[i];
        size_t at = values.len;
        if (captured->name != name)
            continue;
        redact_append_header(&values, g_captured.names[name], extras->bytes + captured->at, captured->len);
        elements[count++] = (struct attribute_element){value_bytes + at, values.len - at};
    }
    if (count == 0)
        return;
    text_append_string(&attribute, "http.request.header.");
    text_append_string(&attribute, g_captured.names[name]);
    span_set_custom_array(span, attribute.bytes, attribute.len, elements, count);
}

void http_extras_captured_describe(const struct http_extras *extras, struct span *span)
{
    for (unsigned name = 0; name < g_captured.count; name++)
        captured_describe(extras, name, span);
}

void http_extras_free(struct http_extras **extras)
{
    if (*extras)
        slab_free(&g_extras, (*extras)->index);
    *extras = NULL;
}
