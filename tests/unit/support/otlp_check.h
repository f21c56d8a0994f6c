/* otlp_check.h - is this an ExportTraceServiceRequest? By a table of the fields that we write, as opentelemetry-proto has
 * them. */
#ifndef RUN_TRACED_TESTS_OTLP_CHECK_H
#define RUN_TRACED_TESTS_OTLP_CHECK_H

#include "utf8_check.h"

enum otlp_type { OTLP_NONE, OTLP_VARINT, OTLP_FIXED64, OTLP_FIXED32, OTLP_TRACE_ID, OTLP_SPAN_ID, OTLP_STRING, OTLP_MESSAGE };

struct otlp_message {
    struct otlp_field {
        enum otlp_type type;
        const struct otlp_message *message;
        bool is_once;
    } fields[17];
};

/* How many there were. */
struct otlp_count {
    unsigned resource_spans, spans;
};

#define OTLP_ONE(type) {type, NULL, true}

static const struct otlp_message OTLP_ANY_VALUE, OTLP_ELEMENT = {{[1] = OTLP_ONE(OTLP_STRING)}},
    OTLP_ARRAY = {{[1] = {OTLP_MESSAGE, &OTLP_ELEMENT, false}}},
    OTLP_ANY_VALUE = {{[1] = OTLP_ONE(OTLP_STRING), [2] = OTLP_ONE(OTLP_VARINT), [3] = OTLP_ONE(OTLP_VARINT),
                       [5] = {OTLP_MESSAGE, &OTLP_ARRAY, true}}},
    OTLP_KEY_VALUE = {{[1] = OTLP_ONE(OTLP_STRING), [2] = {OTLP_MESSAGE, &OTLP_ANY_VALUE, true}}},
    OTLP_EVENT = {{[1] = OTLP_ONE(OTLP_FIXED64), [2] = OTLP_ONE(OTLP_STRING)}},
    OTLP_LINK = {{[1] = OTLP_ONE(OTLP_TRACE_ID), [2] = OTLP_ONE(OTLP_SPAN_ID)}},
    OTLP_STATUS = {{[2] = OTLP_ONE(OTLP_STRING), [3] = OTLP_ONE(OTLP_VARINT)}},
    OTLP_SPAN = {{[1] = OTLP_ONE(OTLP_TRACE_ID), [2] = OTLP_ONE(OTLP_SPAN_ID), [3] = OTLP_ONE(OTLP_STRING),
                  [4] = OTLP_ONE(OTLP_SPAN_ID), [5] = OTLP_ONE(OTLP_STRING), [6] = OTLP_ONE(OTLP_VARINT),
                  [7] = OTLP_ONE(OTLP_FIXED64), [8] = OTLP_ONE(OTLP_FIXED64),
                  [9] = {OTLP_MESSAGE, &OTLP_KEY_VALUE, false}, [10] = OTLP_ONE(OTLP_VARINT),
                  [11] = {OTLP_MESSAGE, &OTLP_EVENT, false}, [13] = {OTLP_MESSAGE, &OTLP_LINK, false},
                  [15] = {OTLP_MESSAGE, &OTLP_STATUS, true}, [16] = OTLP_ONE(OTLP_FIXED32)}},
    OTLP_SCOPE = {{[1] = OTLP_ONE(OTLP_STRING), [2] = OTLP_ONE(OTLP_STRING)}},
    OTLP_SCOPE_SPANS = {{[1] = {OTLP_MESSAGE, &OTLP_SCOPE, true}, [2] = {OTLP_MESSAGE, &OTLP_SPAN, false},
                         [3] = OTLP_ONE(OTLP_STRING)}},
    OTLP_RESOURCE = {{[1] = {OTLP_MESSAGE, &OTLP_KEY_VALUE, false}}},
    OTLP_RESOURCE_SPANS = {{[1] = {OTLP_MESSAGE, &OTLP_RESOURCE, true}, [2] = {OTLP_MESSAGE, &OTLP_SCOPE_SPANS, true}}},
    OTLP_REQUEST = {{[1] = {OTLP_MESSAGE, &OTLP_RESOURCE_SPANS, false}}};

/* Where the varint at @at ends; NULL where that is not before @end, or after more than ten bytes. */
static inline const uint8_t *otlp_varint(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; at < end && shift < 70; shift += 7) {
        *value |= (uint64_t)(*at & 0x7f) << shift;
        if (!(*at++ & 0x80))
            return at;
    }
    return NULL;
}

static const char *otlp_problem_in(const struct otlp_message *message, const uint8_t *at, const uint8_t *end,
                                   struct otlp_count *count);

/* A field with a length. */
static inline const char *otlp_problem_of(const struct otlp_field *field, const uint8_t *at, size_t len,
                                          struct otlp_count *count)
{
    count->resource_spans += field->message == &OTLP_RESOURCE_SPANS;
    count->spans += field->message == &OTLP_SPAN;
    switch (field->type) {
    case OTLP_TRACE_ID:
        return len == 16 ? NULL : "a trace id of another length";
    case OTLP_SPAN_ID:
        return len == 8 ? NULL : "a span id of another length";
    case OTLP_STRING:
        return utf8_is_all(at, len) ? NULL : "a string that is no UTF-8";
    default:
        return otlp_problem_in(field->message, at, at + len, count);
    }
}

static const char *otlp_problem_in(const struct otlp_message *message, const uint8_t *at, const uint8_t *end,
                                   struct otlp_count *count)
{
    static const uint8_t wire_types[] = {[OTLP_VARINT] = 0,   [OTLP_FIXED64] = 1, [OTLP_FIXED32] = 5, [OTLP_TRACE_ID] = 2,
                                         [OTLP_SPAN_ID] = 2, [OTLP_STRING] = 2,  [OTLP_MESSAGE] = 2};
    uint32_t seen = 0;
    while (at < end) {
        uint64_t tag, value;
        at = otlp_varint(at, end, &tag);
        if (!at || tag >> 3 > 16 || message->fields[tag >> 3].type == OTLP_NONE)
            return "an unknown field";
        const struct otlp_field *field = &message->fields[tag >> 3];
        if (wire_types[field->type] != (tag & 7) || (field->is_once && seen & 1u << (tag >> 3)))
            return "a field of another type, or twice";
        seen |= 1u << (tag >> 3);
        if ((tag & 7) == 0 || (tag & 7) == 2)
            at = otlp_varint(at, end, &value);
        else
            value = (tag & 7) == 1 ? 8 : 4;
        if (!at || ((tag & 7) && value > (uint64_t)(end - at)))
            return "a field that does not end in time";
        const char *problem = (tag & 7) == 2 ? otlp_problem_of(field, at, (size_t)value, count) : NULL;
        if (problem)
            return problem;
        at += (tag & 7) ? value : 0;
    }
    return NULL;
}

/* otlp_problem - what is wrong with these bytes, or NULL; @count: set. */
static inline const char *otlp_problem(const void *bytes, size_t len, struct otlp_count *count)
{
    *count = (struct otlp_count){0};
    return otlp_problem_in(&OTLP_REQUEST, bytes, (const uint8_t *)bytes + len, count);
}

#endif
