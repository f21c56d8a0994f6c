/* X-Amzn-Trace-Id: Root=1-{8 hex of time}-{24 hex};Parent={16 hex};Sampled={0, 1 or ?}, in any order, and others'
 * parts among them. docs.aws.amazon.com/xray, "Tracing header". The trace id is the 8 and the 24 digits. */
#include "base/hex.h"
#include "trace/propagator.h"
#include "trace/sampler.h"

#include <string.h>

enum { TIME_LEN = 8, ROOT_LEN = 2 + TIME_LEN + 1 + 24, PARENT_LEN = 2 * SPAN_ID_LEN };

struct xray_parts {
    struct span_context context;
    bool has_root, has_parent;
    char sampled; /* '?': the decision is left to us */
    size_t parent_at;
};

static bool root_parse(const char *root, size_t len, uint8_t trace_id[TRACE_ID_LEN])
{
    return len == ROOT_LEN && memcmp(root, "1-", 2) == 0 && root[2 + TIME_LEN] == '-' &&
           hex_decode(root + 2, TIME_LEN / 2, trace_id) == 0 &&
           hex_decode(root + 2 + TIME_LEN + 1, 12, trace_id + TIME_LEN / 2) == 0 &&
           !hex_is_all_zero(trace_id, TRACE_ID_LEN);
}

static bool starts_with(const char *bytes, size_t len, const char *prefix, size_t prefix_len)
{
    return len >= prefix_len && memcmp(bytes, prefix, prefix_len) == 0;
}

/* False if it is one that we know, and malformed. */
static bool part_note(struct xray_parts *parts, const char *value, const char *part, size_t len)
{
    if (starts_with(part, len, "Root=", 5)) {
        if (parts->has_root || !root_parse(part + 5, len - 5, parts->context.trace_id))
            return false;
        parts->has_root = true;
    } else if (starts_with(part, len, "Parent=", 7)) {
        if (parts->has_parent || len != 7 + PARENT_LEN ||
            hex_decode(part + 7, SPAN_ID_LEN, parts->context.span_id) ||
            hex_is_all_zero(parts->context.span_id, SPAN_ID_LEN))
            return false;
        parts->has_parent = true;
        parts->parent_at = (size_t)(part + 7 - value);
    } else if (starts_with(part, len, "Sampled=", 8)) {
        if (len != 9 || !part[8] || !strchr("01?", part[8]))
            return false;
        parts->sampled = part[8];
    }
    return true;
}

static enum propagator_result xray_extract(const struct carrier *carrier, struct span_context *out,
                                           struct carrier_place *place)
{
    struct carrier_value value;
    struct xray_parts parts = {.context = {.is_valid = true}, .sampled = '?'};
    if (!carrier_value_get(carrier, CARRIER_XRAY, &value))
        return PROPAGATOR_NOTHING;
    const char *end = value.bytes + value.len;
    for (const char *part = value.bytes; part < end;) {
        const char *semicolon = memchr(part, ';', (size_t)(end - part));
        const char *part_end = semicolon ? semicolon : end;
        while (part < part_end && *part == ' ')
            part++;
        if (!part_note(&parts, value.bytes, part, (size_t)(part_end - part)))
            return PROPAGATOR_NOTHING;
        part = part_end + 1;
    }
    if (!parts.has_root || !parts.has_parent)
        return PROPAGATOR_NOTHING;
    parts.context.trace_flags = parts.sampled == '1'   ? TRACE_FLAG_SAMPLED
                                : parts.sampled == '0' ? 0
                                                       : sampler_root_flags(parts.context.trace_id);
    span_context_copy(out, &parts.context);
    *place = (struct carrier_place){.field = CARRIER_XRAY, .at = (uint16_t)parts.parent_at, .len = PARENT_LEN};
    return PROPAGATOR_CONTEXT;
}

static void xray_inject(const struct span_context *context, struct text *text)
{
    text_append_string(text, "X-Amzn-Trace-Id: Root=1-");
    text_append_hex(text, context->trace_id, TIME_LEN / 2);
    text_append_char(text, '-');
    text_append_hex(text, context->trace_id + TIME_LEN / 2, TRACE_ID_LEN - TIME_LEN / 2);
    text_append_string(text, ";Parent=");
    text_append_hex(text, context->span_id, SPAN_ID_LEN);
    text_append_string(text, context->trace_flags & TRACE_FLAG_SAMPLED ? ";Sampled=1\r\n" : ";Sampled=0\r\n");
}

const struct propagator PROPAGATOR_OF_XRAY = {
    .name = "xray",
    .id = PROPAGATOR_XRAY,
    .first_field = CARRIER_XRAY,
    .field_count = 1,
    .extract = xray_extract,
    .inject = xray_inject,
};
