/* propagator.h - the formats in which a context travels in the headers of a request, and which of them are in use.
 * OpenTelemetry SDK configuration, OTEL_PROPAGATORS. */
#ifndef RUN_TRACED_TRACE_PROPAGATOR_H
#define RUN_TRACED_TRACE_PROPAGATOR_H

#include "base/text.h"
#include "trace/context.h"

enum propagator_id {
    PROPAGATOR_TRACECONTEXT,
    PROPAGATOR_BAGGAGE,
    PROPAGATOR_B3,
    PROPAGATOR_B3MULTI,
    PROPAGATOR_JAEGER,
    PROPAGATOR_XRAY,
    PROPAGATOR_DATADOG,
    PROPAGATOR_COUNT,
    PROPAGATOR_TRACESTATE = PROPAGATOR_COUNT, /* in a set of what is left out: the second header of tracecontext */
};

/* All headers of one request, as long as they can become. */
enum { PROPAGATION_LEN_MAX = TRACESTATE_LEN_MAX + BAGGAGE_LEN_MAX + 640, PROPAGATION_LINES_MAX = 16 };

/* The header fields that say whose child a request is, but for those of W3C, which wire/http_head.h knows. */
enum carrier_field {
    CARRIER_B3,
    CARRIER_B3_TRACE_ID,
    CARRIER_B3_SPAN_ID,
    CARRIER_B3_PARENT_SPAN_ID,
    CARRIER_B3_SAMPLED,
    CARRIER_B3_FLAGS,
    CARRIER_JAEGER,
    CARRIER_XRAY,
    CARRIER_DATADOG_TRACE_ID,
    CARRIER_DATADOG_PARENT_ID,
    CARRIER_DATADOG_SAMPLING_PRIORITY,
    CARRIER_DATADOG_TAGS,
    CARRIER_FIELD_COUNT,
};

/* What one request has of them. A field that comes twice has no value that could be relied on. */
struct carrier {
    struct carrier_value {
        const char *bytes; /* not NUL-terminated, without white space around it */
        uint16_t len;
        uint8_t count; /* 0, 1, or 2 for more */
    } values[CARRIER_FIELD_COUNT];
};

/* Where the span id was found. */
struct carrier_place {
    uint8_t field; /* enum carrier_field */
    bool is_decimal;
    uint16_t at, len; /* bytes of the field's value */
};

enum propagator_result {
    PROPAGATOR_NOTHING, /* or nothing that is valid */
    PROPAGATOR_CONTEXT,
    PROPAGATOR_SAMPLE, /* no ids, but a decision for the trace that begins here */
    PROPAGATOR_DROP,
};

struct propagator {
    const char *name; /* in OTEL_PROPAGATORS */
    uint8_t id;       /* enum propagator_id */
    uint8_t first_field, field_count;
    /* Takes the context from its fields: ids and flags, without tracestate or baggage. @out and @place are written
     * only where it returns PROPAGATOR_CONTEXT. NULL: it is W3C's, whose fields are read where they are met. Hot
     * path, signal-safe. */
    enum propagator_result (*extract)(const struct carrier *carrier, struct span_context *out,
                                      struct carrier_place *place);
    /* Adds its header lines, each with its line break; NULL as well for those of W3C. Hot path, signal-safe. */
    void (*inject)(const struct span_context *context, struct text *text);
};

extern const struct propagator PROPAGATOR_OF_B3, PROPAGATOR_OF_B3MULTI, PROPAGATOR_OF_JAEGER, PROPAGATOR_OF_XRAY,
    PROPAGATOR_OF_DATADOG;

/* Those in use, in the order in which they are asked. */
struct propagators {
    const struct propagator *list[PROPAGATOR_COUNT];
    uint8_t count;
    uint32_t ids; /* bit 1 << enum propagator_id */
};

/* The names that propagators_parse knows, for people. */
#define PROPAGATORS_KNOWN "tracecontext, baggage, b3, b3multi, jaeger, xray, datadog, none"

/* propagators_parse - @out becomes what @list, names parted by commas, says; NULL or without a name: tracecontext
 * and baggage. Names count in any case, once each; "none" among them: none at all. @unknown is called for each
 * other name, which is passed over; it may be NULL. */
void propagators_parse(const char *list, struct propagators *out, void (*unknown)(const char *name, size_t len));

/* propagators_init_from_environment - OTEL_PROPAGATORS says which are in use. Library start-up only; before,
 * tracecontext and baggage are. */
void propagators_init_from_environment(void);

/* propagators_current - those in use. Hot path, signal-safe. */
extern struct propagators g_propagators;
static inline const struct propagators *propagators_current(void)
{
    return &g_propagators;
}

/* propagators_have - is it in use? */
static inline bool propagators_have(enum propagator_id id)
{
    return g_propagators.ids >> id & 1;
}

/* propagators_inject - adds the header lines of all that are in use but those in @left_out, bits as in ids and
 * 1 << PROPAGATOR_TRACESTATE. Needs up to PROPAGATION_LEN_MAX bytes. Hot path, signal-safe. */
void propagators_inject(const struct span_context *context, uint32_t left_out, struct text *text);

/* propagators_will_inject - would propagators_inject add anything? Hot path, signal-safe. */
static inline bool propagators_will_inject(const struct span_context *context, uint32_t left_out)
{
    uint32_t ids = g_propagators.ids;
    if (context->tracestate_len && ids >> PROPAGATOR_TRACECONTEXT & 1)
        ids |= 1U << PROPAGATOR_TRACESTATE;
    if (!context->baggage_len)
        ids &= ~(1U << PROPAGATOR_BAGGAGE);
    return (ids & ~left_out) != 0;
}

/* carrier_field_name - in lower case. */
const char *carrier_field_name(enum carrier_field field);

/* carrier_field_find - the field of this name, in any case, or -1. It need not belong to one in use. Signal-safe. */
int carrier_field_find(const char *name, size_t len);

/* carrier_value_get - the value of a field that came once; false if it did not. */
static inline bool carrier_value_get(const struct carrier *carrier, enum carrier_field field,
                                     struct carrier_value *out)
{
    *out = carrier->values[field];
    return out->count == 1;
}

enum { CARRIER_PLACE_LEN_MAX = 20 };

/* carrier_place_write - @span_id as it is to stand in @place, of the same length: @out, place->len bytes. False if
 * that cannot be: a number that is too long, digits that were left out. Hot path, signal-safe. */
bool carrier_place_write(const struct carrier_place *place, const uint8_t span_id[SPAN_ID_LEN],
                         char out[CARRIER_PLACE_LEN_MAX]);

/* carrier_has - has it any field of @propagator? */
bool carrier_has(const struct carrier *carrier, const struct propagator *propagator);

#endif
