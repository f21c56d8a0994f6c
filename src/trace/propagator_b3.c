/* B3, in one header and in several: github.com/openzipkin/b3-propagation. Ids are lower-case hex; a trace id of 16
 * digits is the lower half of one of 32. No word on sampling leaves the decision to us. */
#include "base/compiler.h"
#include "base/hex.h"
#include "trace/propagator.h"
#include "trace/sampler.h"

#include <string.h>

enum { ID_LEN = 2 * SPAN_ID_LEN, LONG_ID_LEN = 2 * TRACE_ID_LEN };

/* What "1", "0" and "d" (debug) say; older senders write "true" and "false". */
static enum propagator_result decision_parse(const char *bytes, size_t len)
{
    if (len == 1 && (*bytes == '1' || *bytes == 'd'))
        return PROPAGATOR_SAMPLE;
    return len == 1 && *bytes == '0' ? PROPAGATOR_DROP : PROPAGATOR_NOTHING;
}

static uint8_t flags_of(enum propagator_result decision, const uint8_t trace_id[TRACE_ID_LEN])
{
    if (decision == PROPAGATOR_NOTHING)
        return sampler_root_flags(trace_id);
    return decision == PROPAGATOR_SAMPLE ? TRACE_FLAG_SAMPLED : 0;
}

static bool trace_id_parse(const char *bytes, size_t len, uint8_t trace_id[TRACE_ID_LEN])
{
    if (len != ID_LEN && len != LONG_ID_LEN)
        return false;
    memset(trace_id, 0, TRACE_ID_LEN);
    return hex_decode(bytes, len / 2, trace_id + TRACE_ID_LEN - len / 2) == 0 &&
           !hex_is_all_zero(trace_id, TRACE_ID_LEN);
}

static bool span_id_parse(const char *bytes, size_t len, uint8_t span_id[SPAN_ID_LEN])
{
    return len == ID_LEN && hex_decode(bytes, SPAN_ID_LEN, span_id) == 0 && !hex_is_all_zero(span_id, SPAN_ID_LEN);
}

static bool ids_parse(struct span_context *out, const char *trace_id, size_t trace_id_len, const char *span_id,
                      size_t span_id_len)
{
    struct span_context found = {.is_valid = true};
    if (!trace_id_parse(trace_id, trace_id_len, found.trace_id) || !span_id_parse(span_id, span_id_len, found.span_id))
        return false;
    span_context_copy(out, &found);
    return true;
}

/* {trace-id}-{span-id}[-{sampled}[-{parent-span-id}]], or the decision alone. */
static enum propagator_result b3_extract(const struct carrier *carrier, struct span_context *out,
                                         struct carrier_place *place)
{
    struct carrier_value value;
    uint8_t parent[SPAN_ID_LEN];
    enum propagator_result decision = PROPAGATOR_NOTHING;
    if (!carrier_value_get(carrier, CARRIER_B3, &value))
        return PROPAGATOR_NOTHING;
    if (value.len == 1)
        return decision_parse(value.bytes, 1);
    const char *dash = value.len ? memchr(value.bytes, '-', value.len) : NULL;
    size_t trace_id_len = dash ? (size_t)(dash - value.bytes) : 0;
    size_t span_at = trace_id_len + 1, rest_at = span_at + ID_LEN;
    if (!dash || value.len < rest_at || (value.len > rest_at && value.bytes[rest_at] != '-'))
        return PROPAGATOR_NOTHING;
    if (value.len > rest_at) { /* -1 or -1-{parent-span-id} */
        decision = decision_parse(value.bytes + rest_at + 1, value.len > rest_at + 1);
        size_t tail_len = value.len - rest_at - MIN(value.len - rest_at, 2U);
        if (decision == PROPAGATOR_NOTHING ||
            (tail_len && (value.bytes[rest_at + 2] != '-' ||
                          !span_id_parse(value.bytes + rest_at + 3, tail_len - 1, parent))))
            return PROPAGATOR_NOTHING;
    }
    if (!ids_parse(out, value.bytes, trace_id_len, value.bytes + span_at, ID_LEN))
        return PROPAGATOR_NOTHING;
    out->trace_flags = flags_of(decision, out->trace_id);
    *place = (struct carrier_place){.field = CARRIER_B3, .at = (uint16_t)span_at, .len = ID_LEN};
    return PROPAGATOR_CONTEXT;
}

static bool value_is(const struct carrier *carrier, enum carrier_field field, const char *expected)
{
    struct carrier_value value;
    return carrier_value_get(carrier, field, &value) && text_is_name(value.bytes, value.len, expected);
}

static enum propagator_result multi_decision(const struct carrier *carrier)
{
    if (value_is(carrier, CARRIER_B3_FLAGS, "1") || value_is(carrier, CARRIER_B3_SAMPLED, "1") ||
        value_is(carrier, CARRIER_B3_SAMPLED, "true") || value_is(carrier, CARRIER_B3_SAMPLED, "d"))
        return PROPAGATOR_SAMPLE;
    if (value_is(carrier, CARRIER_B3_SAMPLED, "0") || value_is(carrier, CARRIER_B3_SAMPLED, "false"))
        return PROPAGATOR_DROP;
    return PROPAGATOR_NOTHING;
}

static enum propagator_result b3multi_extract(const struct carrier *carrier, struct span_context *out,
                                              struct carrier_place *place)
{
    struct carrier_value trace_id = carrier->values[CARRIER_B3_TRACE_ID];
    struct carrier_value span_id = carrier->values[CARRIER_B3_SPAN_ID];
    enum propagator_result decision = multi_decision(carrier);
    if (!trace_id.count && !span_id.count)
        return decision;
    if (trace_id.count != 1 || span_id.count != 1 ||
        !ids_parse(out, trace_id.bytes, trace_id.len, span_id.bytes, span_id.len))
        return PROPAGATOR_NOTHING;
    out->trace_flags = flags_of(decision, out->trace_id);
    *place = (struct carrier_place){.field = CARRIER_B3_SPAN_ID, .len = ID_LEN};
    return PROPAGATOR_CONTEXT;
}

static const char *decision_text(const struct span_context *context)
{
    return context->trace_flags & TRACE_FLAG_SAMPLED ? "1" : "0";
}

static void b3_inject(const struct span_context *context, struct text *text)
{
    text_append_string(text, "b3: ");
    text_append_hex(text, context->trace_id, TRACE_ID_LEN);
    text_append_char(text, '-');
    text_append_hex(text, context->span_id, SPAN_ID_LEN);
    text_append_char(text, '-');
    text_append_string(text, decision_text(context));
    text_append_string(text, "\r\n");
}

static void b3multi_inject(const struct span_context *context, struct text *text)
{
    text_append_string(text, "X-B3-TraceId: ");
    text_append_hex(text, context->trace_id, TRACE_ID_LEN);
    text_append_string(text, "\r\nX-B3-SpanId: ");
    text_append_hex(text, context->span_id, SPAN_ID_LEN);
    text_append_string(text, "\r\nX-B3-Sampled: ");
    text_append_string(text, decision_text(context));
    text_append_string(text, "\r\n");
}

const struct propagator PROPAGATOR_OF_B3 = {
    .name = "b3",
    .id = PROPAGATOR_B3,
    .first_field = CARRIER_B3,
    .field_count = 1,
    .extract = b3_extract,
    .inject = b3_inject,
};

const struct propagator PROPAGATOR_OF_B3MULTI = {
    .name = "b3multi",
    .id = PROPAGATOR_B3MULTI,
    .first_field = CARRIER_B3_TRACE_ID,
    .field_count = CARRIER_B3_FLAGS - CARRIER_B3_TRACE_ID + 1,
    .extract = b3multi_extract,
    .inject = b3multi_inject,
};
