/* uber-trace-id: {trace-id}:{span-id}:{parent-span-id}:{flags}, hex without leading zeros if the sender likes; the
 * colons may be percent-encoded. www.jaegertracing.io/docs/client-libraries, "Trace/Span Identity". */
#include "base/hex.h"
#include "trace/propagator.h"

#include <string.h>

enum { FLAG_SAMPLED = 1, FLAG_DEBUG = 2 };

struct part {
    const char *digits;
    size_t len;
};

/* Digits up to the next colon, or to the end where it @is_last; false if there are none, or no colon. */
static bool part_take(const char **at, const char *end, bool is_last, struct part *out)
{
    const char *c = *at;
    while (c < end && *c != ':' && *c != '%')
        c++;
    *out = (struct part){*at, (size_t)(c - *at)};
    if (is_last)
        return c == end && out->len > 0;
    if (c < end && *c == ':')
        *at = c + 1;
    else if (end - c >= 3 && c[1] == '3' && (c[2] | 32) == 'a')
        *at = c + 3;
    else
        return false;
    return out->len > 0;
}

/* Up to 2 * @len digits in either case, the last ones being the last bytes. */
static bool id_parse(const struct part *part, size_t len, uint8_t *out)
{
    if (part->len > 2 * len)
        return false;
    memset(out, 0, len);
    for (size_t i = 0; i < part->len; i++) {
        char c = part->digits[part->len - 1 - i];
        int digit = hex_digit(c >= 'A' && c <= 'F' ? (char)(c | 32) : c);
        if (digit < 0)
            return false;
        out[len - 1 - i / 2] |= (uint8_t)(digit << (i % 2 * 4));
    }
    return true;
}

static enum propagator_result jaeger_extract(const struct carrier *carrier, struct span_context *out,
                                             struct carrier_place *place)
{
    struct carrier_value value;
    struct span_context found = {.is_valid = true};
    struct part trace_id, span_id, parent, flags;
    uint8_t flag, parent_id[SPAN_ID_LEN];
    if (!carrier_value_get(carrier, CARRIER_JAEGER, &value))
        return PROPAGATOR_NOTHING;
    const char *at = value.bytes, *end = value.bytes + value.len;
    if (!part_take(&at, end, false, &trace_id) || !part_take(&at, end, false, &span_id) ||
        !part_take(&at, end, false, &parent) || !part_take(&at, end, true, &flags))
        return PROPAGATOR_NOTHING;
    if (!id_parse(&trace_id, TRACE_ID_LEN, found.trace_id) || !id_parse(&span_id, SPAN_ID_LEN, found.span_id) ||
        !id_parse(&parent, SPAN_ID_LEN, parent_id) || !id_parse(&flags, 1, &flag) ||
        hex_is_all_zero(found.trace_id, TRACE_ID_LEN) || hex_is_all_zero(found.span_id, SPAN_ID_LEN))
        return PROPAGATOR_NOTHING;
    found.trace_flags = flag & (FLAG_SAMPLED | FLAG_DEBUG) ? TRACE_FLAG_SAMPLED : 0;
    span_context_copy(out, &found);
    *place = (struct carrier_place){
        .field = CARRIER_JAEGER, .at = (uint16_t)(span_id.digits - value.bytes), .len = (uint16_t)span_id.len};
    return PROPAGATOR_CONTEXT;
}

static void jaeger_inject(const struct span_context *context, struct text *text)
{
    text_append_string(text, "uber-trace-id: ");
    text_append_hex(text, context->trace_id, TRACE_ID_LEN);
    text_append_char(text, ':');
    text_append_hex(text, context->span_id, SPAN_ID_LEN);
    text_append_string(text, context->trace_flags & TRACE_FLAG_SAMPLED ? ":0:1\r\n" : ":0:0\r\n");
}

const struct propagator PROPAGATOR_OF_JAEGER = {
    .name = "jaeger",
    .id = PROPAGATOR_JAEGER,
    .first_field = CARRIER_JAEGER,
    .field_count = 1,
    .extract = jaeger_extract,
    .inject = jaeger_inject,
};
