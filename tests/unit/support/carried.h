/* carried.h - a carrier made of header fields, and contexts as text, for the tests of propagators. */
#ifndef RUN_TRACED_TESTS_CARRIED_H
#define RUN_TRACED_TESTS_CARRIED_H

#include "base/compiler.h"
#include "support/guarded.h"
#include "trace/propagator.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* carried - @fields: name, value, name, value, NULL. The last value ends where readable memory ends. */
static inline struct carrier carried(const char *const *fields)
{
    struct carrier carrier = {0};
    for (; fields[0]; fields += 2) {
        int field = carrier_field_find(fields[0], strlen(fields[0]));
        cr_assert_geq(field, 0, "%s", fields[0]);
        struct carrier_value *value = &carrier.values[field];
        value->len = (uint16_t)strlen(fields[1]);
        value->bytes = fields[2] ? fields[1] : guarded(fields[1], value->len);
        value->count++;
    }
    return carrier;
}

/* context_text - "TRACE-ID SPAN-ID FLAGS" in hex; or what the result says. Good until the next call. */
static inline const char *extracted(const struct propagator *propagator, const struct carrier *carrier,
                                    struct carrier_place *place)
{
    static char text[80];
    struct span_context context;
    memset(&context, 0xa5, sizeof context);
    enum propagator_result result = propagator->extract(carrier, &context, place);
    if (result != PROPAGATOR_CONTEXT) {
        cr_assert_eq(context.trace_flags, 0xa5, "the output was touched");
        return result == PROPAGATOR_SAMPLE ? "sample" : result == PROPAGATOR_DROP ? "drop" : "nothing";
    }
    cr_assert(context.is_valid);
    cr_assert_eq(context.tracestate_len + context.baggage_len, 0);
    struct text out = text_on(text, sizeof text);
    text_append_hex(&out, context.trace_id, TRACE_ID_LEN);
    text_append_char(&out, ' ');
    text_append_hex(&out, context.span_id, SPAN_ID_LEN);
    text_append_char(&out, ' ');
    text_append_hex(&out, &context.trace_flags, 1);
    return text_terminate(&out);
}

struct carried_row {
    const char *name;
    const char *fields[9];
    const char *expected;
};

/* carried_check - each row gives what it says. */
static inline void carried_check(const struct propagator *propagator, const struct carried_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct carrier_place place;
        struct carrier carrier = carried(rows[i].fields);
        cr_assert_str_eq(extracted(propagator, &carrier, &place), rows[i].expected, "%s", rows[i].name);
    }
}

/* carried_truncations_check - @fields, the last one cut at every byte and replaced byte by byte, is read within bounds,
 * and the span id is where it is said to be. */
static inline void carried_truncations_check(const struct propagator *propagator, const char *const *fields)
{
    struct carrier whole = carried(fields);
    size_t last = 0;
    while (fields[last + 2])
        last += 2;
    int field = carrier_field_find(fields[last], strlen(fields[last]));
    struct carrier_place place;
    for (size_t len = 0; len <= strlen(fields[last + 1]); len++)
        for (int c = 0; c < 256 && len; c += c < 128 ? 1 : 32) {
            char value[256];
            memcpy(value, fields[last + 1], len);
            value[len - 1] = (char)c;
            whole.values[field].bytes = guarded(value, len);
            whole.values[field].len = (uint16_t)len;
            if (strlen(extracted(propagator, &whole, &place)) > 10)
                cr_assert_leq(place.at + place.len, whole.values[place.field].len);
        }
}

/* injected - the header lines for a trace id of two halves and a span id, with "|" for each line break. */
static inline const char *injected(const struct propagator *propagator, const char *trace_id, uint8_t flags)
{
    static char bytes[512];
    struct span_context context = {.is_valid = true, .trace_flags = flags, .span_id = {0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 2, 0xb7}};
    struct text text = text_on(bytes, sizeof bytes);
    for (size_t i = 0; i < TRACE_ID_LEN; i++)
        sscanf(trace_id + 2 * i, "%2hhx", &context.trace_id[i]);
    propagator->inject(&context, &text);
    text_terminate(&text);
    cr_assert_not(text.overflowed);
    for (char *c; (c = strstr(bytes, "\r\n"));)
        memmove(memcpy(c, "|", 1) + 1, c + 2, strlen(c + 2) + 1);
    for (size_t capacity = 0; capacity < 40; capacity++) { /* too little room */
        char small[40];
        struct text cut = text_on(small, capacity);
        propagator->inject(&context, &cut);
        cr_assert(cut.overflowed);
    }
    return bytes;
}

#define TRACE_HEX "4bf92f3577b34da6a3ce929d0e0e4736"
#define LOW_HEX "a3ce929d0e0e4736"
#define SPAN_HEX "00f067aa0ba902b7"
#define PADDED_HEX "0000000000000000" LOW_HEX

#endif
