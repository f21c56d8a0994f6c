/* Datadog: ids of 64 bits in decimal; the upper half of a trace id of 128 is a tag, _dd.p.tid, of 16 hex digits.
 * docs.datadoghq.com, "Trace Context Propagation". The other tags are not passed on. */
#include "base/hex.h"
#include "trace/propagator.h"
#include "trace/sampler.h"

#include <string.h>

static const char TID[] = "_dd.p.tid=";
enum { TID_KEY_LEN = sizeof TID - 1, HALF_LEN = TRACE_ID_LEN / 2 };

static bool decimal_parse(const struct carrier_value *value, uint64_t *out)
{
    uint64_t number = 0;
    for (size_t i = 0; i < value->len; i++) {
        unsigned digit = (unsigned)(value->bytes[i] - '0');
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return number != 0;
}

static void id_store(uint64_t number, uint8_t id[HALF_LEN])
{
    for (int i = HALF_LEN - 1; i >= 0; i--, number >>= 8)
        id[i] = (uint8_t)number;
}

static uint64_t id_load(const uint8_t id[HALF_LEN])
{
    uint64_t number = 0;
    for (int i = 0; i < HALF_LEN; i++)
        number = number << 8 | id[i];
    return number;
}

/* The upper half of the trace id; what is malformed counts as absent. */
static void tid_parse(const struct carrier_value *tags, uint8_t upper[HALF_LEN])
{
    const char *end = tags->bytes + tags->len;
    for (const char *tag = tags->bytes; tag < end;) {
        const char *comma = memchr(tag, ',', (size_t)(end - tag));
        const char *tag_end = comma ? comma : end;
        if (tag_end - tag == TID_KEY_LEN + 2 * HALF_LEN && memcmp(tag, TID, TID_KEY_LEN) == 0) {
            if (hex_decode(tag + TID_KEY_LEN, HALF_LEN, upper))
                memset(upper, 0, HALF_LEN);
            return;
        }
        tag = tag_end + 1;
    }
}

/* "2", "1": keep; "0", "-1": drop. No word leaves the decision to us. */
static uint8_t flags_of(const struct carrier *carrier, const uint8_t trace_id[TRACE_ID_LEN])
{
    struct carrier_value priority;
    if (!carrier_value_get(carrier, CARRIER_DATADOG_SAMPLING_PRIORITY, &priority) || !priority.len)
        return sampler_root_flags(trace_id);
    return priority.bytes[0] == '0' || priority.bytes[0] == '-' ? 0 : TRACE_FLAG_SAMPLED;
}

static enum propagator_result datadog_extract(const struct carrier *carrier, struct span_context *out,
                                              struct carrier_place *place)
{
    struct carrier_value trace_id, parent_id, tags;
    uint64_t lower, span_id;
    if (!carrier_value_get(carrier, CARRIER_DATADOG_TRACE_ID, &trace_id) ||
        !carrier_value_get(carrier, CARRIER_DATADOG_PARENT_ID, &parent_id) || !decimal_parse(&trace_id, &lower) ||
        !decimal_parse(&parent_id, &span_id))
        return PROPAGATOR_NOTHING;
    struct span_context found = {.is_valid = true};
    if (carrier_value_get(carrier, CARRIER_DATADOG_TAGS, &tags))
        tid_parse(&tags, found.trace_id);
    id_store(lower, found.trace_id + HALF_LEN);
    id_store(span_id, found.span_id);
    found.trace_flags = flags_of(carrier, found.trace_id);
    span_context_copy(out, &found);
    *place = (struct carrier_place){.field = CARRIER_DATADOG_PARENT_ID, .is_decimal = true, .len = parent_id.len};
    return PROPAGATOR_CONTEXT;
}

static void append_unsigned(struct text *text, uint64_t number)
{
    if (number / 10)
        text_append_decimal(text, (int64_t)(number / 10));
    text_append_char(text, (char)('0' + number % 10));
}

static void datadog_inject(const struct span_context *context, struct text *text)
{
    text_append_string(text, "x-datadog-trace-id: ");
    append_unsigned(text, id_load(context->trace_id + HALF_LEN));
    text_append_string(text, "\r\nx-datadog-parent-id: ");
    append_unsigned(text, id_load(context->span_id));
    text_append_string(text, "\r\nx-datadog-sampling-priority: ");
    text_append_string(text, context->trace_flags & TRACE_FLAG_SAMPLED ? "1\r\n" : "0\r\n");
    if (hex_is_all_zero(context->trace_id, HALF_LEN))
        return;
    text_append_string(text, "x-datadog-tags: ");
    text_append_string(text, TID);
    text_append_hex(text, context->trace_id, HALF_LEN);
    text_append_string(text, "\r\n");
}

const struct propagator PROPAGATOR_OF_DATADOG = {
    .name = "datadog",
    .id = PROPAGATOR_DATADOG,
    .first_field = CARRIER_DATADOG_TRACE_ID,
    .field_count = CARRIER_DATADOG_TAGS - CARRIER_DATADOG_TRACE_ID + 1,
    .extract = datadog_extract,
    .inject = datadog_inject,
};
