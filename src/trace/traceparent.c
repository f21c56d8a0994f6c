#include "trace/traceparent.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>

enum { TRACESTATE_MEMBERS_MAX = 32, TRACESTATE_KEY_LEN_MAX = 256, TRACESTATE_VALUE_LEN_MAX = 256 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex_decode(const char *hex, size_t byte_count, uint8_t *out)
{
    for (size_t i = 0; i < byte_count; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return -EINVAL;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static bool is_all_zero(const uint8_t *bytes, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= bytes[i];
    return any == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char **value, size_t *len)
{
    while (*len && is_blank(**value)) {
        (*value)++;
        (*len)--;
    }
    while (*len && is_blank((*value)[*len - 1]))
        (*len)--;
}

int traceparent_parse(const char *value, size_t len, struct span_context *out)
{
    uint8_t version, flags, trace_id[TRACE_ID_LEN], span_id[SPAN_ID_LEN];
    trim(&value, &len);
    if (len < TRACEPARENT_LEN || hex_decode(value, 1, &version) || version == 0xff)
        return -EINVAL;
    if (len > TRACEPARENT_LEN && (version == 0 || value[TRACEPARENT_LEN] != '-'))
        return -EINVAL;
    if (value[2] != '-' || value[35] != '-' || value[52] != '-')
        return -EINVAL;
    if (hex_decode(value + 3, TRACE_ID_LEN, trace_id) ||
        hex_decode(value + TRACEPARENT_PARENT_ID_AT, SPAN_ID_LEN, span_id) ||
        hex_decode(value + 53, 1, &flags))
        return -EINVAL;
    if (is_all_zero(trace_id, TRACE_ID_LEN) || is_all_zero(span_id, SPAN_ID_LEN))
        return -EINVAL;
    memcpy(out->trace_id, trace_id, TRACE_ID_LEN);
    memcpy(out->span_id, span_id, SPAN_ID_LEN);
    out->trace_flags = flags & (TRACE_FLAG_SAMPLED | TRACE_FLAG_RANDOM);
    out->is_valid = true;
    out->tracestate_len = 0;
    return 0;
}

static ALWAYS_INLINE void hex_encode(const uint8_t *bytes, size_t len, char *out)
{
#pragma GCC unroll 16
    for (size_t i = 0; i < len; i++)
        memcpy(out + 2 * i, HEX_PAIRS + 2 * bytes[i], 2);
}

void traceparent_format(const struct span_context *context, char out[TRACEPARENT_LEN])
{
    memcpy(out, "00-", 3);
    hex_encode(context->trace_id, TRACE_ID_LEN, out + 3);
    out[35] = '-';
    hex_encode(context->span_id, SPAN_ID_LEN, out + TRACEPARENT_PARENT_ID_AT);
    out[52] = '-';
    hex_encode(&context->trace_flags, 1, out + 53);
}

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' ||
           c == '/' || c == '@';
}

/* Level 2: key = ( lcalpha / DIGIT ) 0*255 ( keychar ). */
static bool is_key(const char *key, size_t len)
{
    if (len == 0 || len > TRACESTATE_KEY_LEN_MAX || !is_key_char(key[0]) || key[0] == '_' ||
        key[0] == '-' || key[0] == '*' || key[0] == '/' || key[0] == '@')
        return false;
    for (size_t i = 1; i < len; i++)
        if (!is_key_char(key[i]))
            return false;
    return true;
}

/* value = 0*255(chr) nblk-chr: printable ASCII but ',' and '=', and not ending in a space. */
static bool is_value(const char *value, size_t len)
{
    if (len == 0 || len > TRACESTATE_VALUE_LEN_MAX || value[len - 1] == ' ')
        return false;
    for (size_t i = 0; i < len; i++)
        if (value[i] < 0x20 || value[i] > 0x7e || value[i] == ',' || value[i] == '=')
            return false;
    return true;
}

static bool is_member(const char *member, size_t len)
{
    const char *equals = memchr(member, '=', len);
    if (!equals)
        return false;
    size_t key_len = (size_t)(equals - member);
    return is_key(member, key_len) && is_value(equals + 1, len - key_len - 1);
}

static void member_append(struct span_context *context, const char *member, size_t len)
{
    if (context->tracestate_len)
        context->tracestate[context->tracestate_len++] = ',';
    memcpy(context->tracestate + context->tracestate_len, member, len);
    context->tracestate_len = (uint16_t)(context->tracestate_len + len);
}

int tracestate_parse(const char *value, size_t len, struct span_context *context)
{
    const char *end = value + len;
    bool full = false;
    int count = 0;
    context->tracestate_len = 0;
    while (value < end) {
        const char *comma_at = memchr(value, ',', (size_t)(end - value));
        const char *member = value;
        size_t member_len = (size_t)((comma_at ? comma_at : end) - value);
        value += member_len + (comma_at ? 1 : 0);
        trim(&member, &member_len);
        if (member_len == 0)
            continue;
        if (!is_member(member, member_len) || ++count > TRACESTATE_MEMBERS_MAX) {
            context->tracestate_len = 0;
            return -EINVAL;
        }
        size_t comma = context->tracestate_len ? 1 : 0;
        full = full || context->tracestate_len + comma + member_len > TRACESTATE_LEN_MAX;
        if (!full)
            member_append(context, member, member_len);
    }
    return 0;
}
