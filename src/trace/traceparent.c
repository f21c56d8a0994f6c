#include "trace/traceparent.h"

#include "base/hex.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>

enum {
    TRACESTATE_MEMBERS_MAX = 32,
    TRACESTATE_KEY_LEN_MAX = 256,
    TRACESTATE_VALUE_LEN_MAX = 256,
    TRACESTATE_LARGE_LEN = 128, /* what is longer goes first where the list is too long */
};

int traceparent_parse(const char *value, size_t len, struct span_context *out)
{
    uint8_t version, flags, trace_id[TRACE_ID_LEN], span_id[SPAN_ID_LEN];
    text_trim(&value, &len);
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
    if (hex_is_all_zero(trace_id, TRACE_ID_LEN) || hex_is_all_zero(span_id, SPAN_ID_LEN))
        return -EINVAL;
    memcpy(out->trace_id, trace_id, TRACE_ID_LEN);
    memcpy(out->span_id, span_id, SPAN_ID_LEN);
    out->trace_flags = flags & TRACE_FLAGS_SENT;
    out->is_valid = true;
    out->tracestate_len = out->baggage_len = 0;
    return 0;
}

void traceparent_format(const struct span_context *context, char out[TRACEPARENT_LEN])
{
    memcpy(out, "00-", 3);
    hex_encode(context->trace_id, TRACE_ID_LEN, out + 3);
    out[35] = '-';
    hex_encode(context->span_id, SPAN_ID_LEN, out + TRACEPARENT_PARENT_ID_AT);
    out[52] = '-';
    const uint8_t flags = context->trace_flags & TRACE_FLAGS_SENT;
    hex_encode(&flags, 1, out + 53);
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

struct member {
    const char *bytes;
    size_t len;
};

/* Takes the next member that is not empty, without the white space around it; false at the end. */
static bool member_next(const char **at, const char *end, struct member *out)
{
    while (*at < end) {
        const char *comma = memchr(*at, ',', (size_t)(end - *at));
        *out = (struct member){*at, (size_t)((comma ? comma : end) - *at)};
        *at += out->len + (comma ? 1 : 0);
        text_trim(&out->bytes, &out->len);
        if (out->len)
            return true;
    }
    return false;
}

/* What the list takes with its commas. */
static size_t members_len(const struct member *members, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        if (members[i].len)
            len += members[i].len + (len ? 1 : 0);
    return len;
}

/* Makes the list fit: from its end, members of more than 128 characters go first, then any. Section 3.3.1.5. */
static COLD void members_drop(struct member *members, size_t count)
{
    for (size_t i = count; i > 0 && members_len(members, count) > TRACESTATE_LEN_MAX; i--)
        if (members[i - 1].len > TRACESTATE_LARGE_LEN)
            members[i - 1].len = 0;
    for (size_t i = count; i > 0 && members_len(members, count) > TRACESTATE_LEN_MAX; i--)
        members[i - 1].len = 0;
}

static void member_append(struct span_context *context, const struct member *member)
{
    if (!member->len)
        return;
    if (context->tracestate_len)
        context->tracestate[context->tracestate_len++] = ',';
    memcpy(context->tracestate + context->tracestate_len, member->bytes, member->len);
    context->tracestate_len = (uint16_t)(context->tracestate_len + member->len);
}

/* Level 2, 3.3.1.3: only one entry per key. */
static bool has_same_key(const struct member *a, const struct member *b)
{
    size_t len = (size_t)((const char *)memchr(a->bytes, '=', a->len) - a->bytes) + 1;
    return b->len >= len && memcmp(a->bytes, b->bytes, len) == 0;
}

static bool is_repeated(const struct member *member, const struct member *earlier, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_same_key(member, &earlier[i]))
            return true;
    return false;
}

int tracestate_parse(const char *value, size_t len, struct span_context *context)
{
    struct member members[TRACESTATE_MEMBERS_MAX], member;
    const char *end = value + len;
    size_t count = 0;
    context->tracestate_len = 0;
    while (member_next(&value, end, &member)) {
        if (!is_member(member.bytes, member.len) || count == ARRAY_LEN(members) ||
            is_repeated(&member, members, count))
            return -EINVAL;
        members[count++] = member;
    }
    if (len > TRACESTATE_LEN_MAX)
        members_drop(members, count);
    for (size_t i = 0; i < count; i++)
        member_append(context, &members[i]);
    return 0;
}
