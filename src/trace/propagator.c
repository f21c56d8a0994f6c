#include "trace/propagator.h"

#include "base/compiler.h"
#include "base/hex.h"
#include "trace/traceparent.h"

#include <stdlib.h>
#include <string.h>

static ALWAYS_INLINE void traceparent_inject(const struct span_context *context, struct text *text)
{
    enum { NAME_LEN = sizeof "traceparent: " - 1, LINE_LEN = NAME_LEN + TRACEPARENT_LEN + 2 };
    if (UNLIKELY(text->capacity - text->len < LINE_LEN)) {
        text->overflowed = true;
        return;
    }
    char *line = text->bytes + text->len;
    memcpy(line, "traceparent: ", NAME_LEN);
    traceparent_format(context, line + NAME_LEN);
    memcpy(line + NAME_LEN + TRACEPARENT_LEN, "\r\n", 2);
    text->len += LINE_LEN;
}

static void tracestate_inject(const struct span_context *context, struct text *text)
{
    text_append(text, "tracestate: ", 12);
    text_append(text, context->tracestate, context->tracestate_len);
    text_append(text, "\r\n", 2);
}

static void baggage_inject(const struct span_context *context, struct text *text)
{
    text_append(text, "baggage: ", 9);
    text_append(text, context->baggage, context->baggage_len);
    text_append(text, "\r\n", 2);
}

static const struct propagator TRACECONTEXT = {.name = "tracecontext", .id = PROPAGATOR_TRACECONTEXT};
static const struct propagator BAGGAGE = {.name = "baggage", .id = PROPAGATOR_BAGGAGE};
#define PROPAGATORS_OF_W3C (1U << PROPAGATOR_TRACECONTEXT | 1U << PROPAGATOR_BAGGAGE)

static const struct propagator *const KNOWN[] = {
    &TRACECONTEXT,          &BAGGAGE,           &PROPAGATOR_OF_B3, &PROPAGATOR_OF_B3MULTI, &PROPAGATOR_OF_JAEGER,
    &PROPAGATOR_OF_XRAY, &PROPAGATOR_OF_DATADOG,
};

#define DEFAULT_PROPAGATORS                                                                        \
    {                                                                                              \
        .list = {&TRACECONTEXT, &BAGGAGE}, .count = 2,                                             \
        .ids = 1U << PROPAGATOR_TRACECONTEXT | 1U << PROPAGATOR_BAGGAGE                            \
    }

struct propagators g_propagators = DEFAULT_PROPAGATORS;

static const struct propagator *propagator_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(KNOWN); i++)
        if (text_is_name(name, len, KNOWN[i]->name))
            return KNOWN[i];
    return NULL;
}

static void propagator_add(struct propagators *to, const struct propagator *propagator)
{
    if (to->ids >> propagator->id & 1)
        return;
    to->list[to->count++] = propagator;
    to->ids |= 1U << propagator->id;
}

void propagators_parse(const char *list, struct propagators *out, void (*unknown)(const char *name, size_t len))
{
    struct propagators found = {.count = 0};
    bool is_none = false, is_empty = true;
    while (list && *list) {
        list += strspn(list, ", \t");
        size_t field_len = strcspn(list, ","), len = field_len;
        while (len && (list[len - 1] == ' ' || list[len - 1] == '\t'))
            len--;
        const struct propagator *propagator = propagator_find(list, len);
        is_empty = is_empty && !len;
        if (propagator)
            propagator_add(&found, propagator);
        else if (text_is_name(list, len, "none"))
            is_none = true;
        else if (len && unknown)
            unknown(list, len);
        list += field_len;
    }
    *out = is_empty  ? (struct propagators)DEFAULT_PROPAGATORS
           : is_none ? (struct propagators){.count = 0}
                     : found;
}

void propagators_init_from_environment(void)
{
    propagators_parse(getenv("OTEL_PROPAGATORS"), &g_propagators, NULL);
}

static COLD void all_inject(const struct span_context *context, uint32_t left_out, struct text *text)
{
    uint32_t ids = g_propagators.ids & ~left_out;
    if (ids >> PROPAGATOR_TRACECONTEXT & 1)
        traceparent_inject(context, text);
    if (context->tracestate_len && propagators_have(PROPAGATOR_TRACECONTEXT) &&
        !(left_out >> PROPAGATOR_TRACESTATE & 1))
        tracestate_inject(context, text);
    if (context->baggage_len && ids >> PROPAGATOR_BAGGAGE & 1)
        baggage_inject(context, text);
    for (uint8_t i = 0; i < g_propagators.count; i++) {
        const struct propagator *propagator = g_propagators.list[i];
        if (propagator->inject && ids >> propagator->id & 1)
            propagator->inject(context, text);
    }
}

void propagators_inject(const struct span_context *context, uint32_t left_out, struct text *text)
{
    bool is_plain = !(left_out | context->tracestate_len | context->baggage_len) &&
                    (g_propagators.ids | 1U << PROPAGATOR_BAGGAGE) == PROPAGATORS_OF_W3C;
    if (LIKELY(is_plain))
        traceparent_inject(context, text);
    else
        all_inject(context, left_out, text);
}

const char *carrier_field_name(enum carrier_field field)
{
    static const char names[CARRIER_FIELD_COUNT][28] = {
        [CARRIER_B3] = "b3",
        [CARRIER_B3_TRACE_ID] = "x-b3-traceid",
        [CARRIER_B3_SPAN_ID] = "x-b3-spanid",
        [CARRIER_B3_PARENT_SPAN_ID] = "x-b3-parentspanid",
        [CARRIER_B3_SAMPLED] = "x-b3-sampled",
        [CARRIER_B3_FLAGS] = "x-b3-flags",
        [CARRIER_JAEGER] = "uber-trace-id",
        [CARRIER_XRAY] = "x-amzn-trace-id",
        [CARRIER_DATADOG_TRACE_ID] = "x-datadog-trace-id",
        [CARRIER_DATADOG_PARENT_ID] = "x-datadog-parent-id",
        [CARRIER_DATADOG_SAMPLING_PRIORITY] = "x-datadog-sampling-priority",
        [CARRIER_DATADOG_TAGS] = "x-datadog-tags",
    };
    return names[field];
}

int carrier_field_find(const char *name, size_t len)
{
    for (int field = 0; field < CARRIER_FIELD_COUNT; field++)
        if (text_is_name(name, len, carrier_field_name((enum carrier_field)field)))
            return field;
    return -1;
}

bool carrier_place_write(const struct carrier_place *place, const uint8_t span_id[SPAN_ID_LEN],
                         char out[CARRIER_PLACE_LEN_MAX])
{
    uint64_t number = 0;
    if (!place->is_decimal) {
        if (place->len == 2 * SPAN_ID_LEN)
            hex_encode(span_id, SPAN_ID_LEN, out);
        return place->len == 2 * SPAN_ID_LEN;
    }
    if (place->len > CARRIER_PLACE_LEN_MAX)
        return false;
    for (int i = 0; i < SPAN_ID_LEN; i++)
        number = number << 8 | span_id[i];
    for (size_t at = place->len; at > 0; number /= 10)
        out[--at] = (char)('0' + number % 10);
    return number == 0;
}

bool carrier_has(const struct carrier *carrier, const struct propagator *propagator)
{
    for (uint8_t i = 0; i < propagator->field_count; i++)
        if (carrier->values[propagator->first_field + i].count)
            return true;
    return false;
}
