#include "trace/baggage.h"

#include "base/compiler.h"
#include "base/percent.h"
#include "base/text.h"
#include "trace/name_list.h"
#include "trace/redact.h"

#include <stdlib.h>
#include <string.h>

static BULKY struct name_list g_attributes;
static bool g_all_are_attributes;

void baggage_init(void)
{
    const char *names = getenv("RUN_TRACED_BAGGAGE_ATTRIBUTES");
    if (!names)
        return;
    name_list_parse(&g_attributes, names, false);
    g_all_are_attributes = name_list_find(&g_attributes, "*", 1) >= 0;
}

/* RFC 9110, section 5.6.2. */
static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* baggage-octet: what is printable but blanks, quotes, commas, semicolons and backslashes. */
static bool is_value_char(char c)
{
    return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

static const char *blanks_skip(const char *at, const char *end)
{
    while (at < end && text_is_blank(*at))
        at++;
    return at;
}

/* key OWS "=" OWS value OWS, up to a semicolon or the end. A property may be a key alone. NULL if malformed. */
static const char *pair_parse(const char *at, const char *end, bool is_property, struct baggage_member *out)
{
    at = blanks_skip(at, end);
    out->key = at;
    while (at < end && is_token_char(*at))
        at++;
    out->key_len = (size_t)(at - out->key);
    at = blanks_skip(at, end);
    out->value = at;
    out->value_len = 0;
    if (out->key_len == 0)
        return NULL;
    if (at == end || *at != '=')
        return is_property && (at == end || *at == ';') ? at : NULL;
    at = blanks_skip(at + 1, end);
    out->value = at;
    while (at < end && is_value_char(*at))
        at++;
    out->value_len = (size_t)(at - out->value);
    at = blanks_skip(at, end);
    return at == end || *at == ';' ? at : NULL;
}

static bool member_parse(const char *at, const char *end, struct baggage_member *out)
{
    struct baggage_member property;
    at = pair_parse(at, end, false, out);
    while (at && at < end)
        at = pair_parse(at + 1, end, true, &property);
    return at != NULL;
}

bool baggage_next(const char **at, const char *end, struct baggage_member *out, const char **whole, size_t *whole_len)
{
    while (*at < end) {
        const char *comma = memchr(*at, ',', (size_t)(end - *at));
        const char *member = blanks_skip(*at, end), *member_end = comma ? comma : end;
        *at = comma ? comma + 1 : end;
        while (member_end > member && text_is_blank(member_end[-1]))
            member_end--;
        if (member >= member_end || !member_parse(member, member_end, out))
            continue;
        *whole = member;
        *whole_len = (size_t)(member_end - member);
        return true;
    }
    return false;
}

static size_t members_count(const struct span_context *context)
{
    size_t count = context->baggage_len > 0;
    for (size_t i = 0; i < context->baggage_len; i++)
        count += context->baggage[i] == ',';
    return count;
}

void baggage_add(struct span_context *context, const char *value, size_t len)
{
    struct baggage_member member;
    const char *whole, *end = value + len;
    size_t whole_len, count = members_count(context);
    while (baggage_next(&value, end, &member, &whole, &whole_len)) {
        size_t comma = context->baggage_len > 0;
        if (context->baggage_len + comma + whole_len > BAGGAGE_LEN_MAX || ++count > BAGGAGE_MEMBERS_MAX)
            return;
        if (comma)
            context->baggage[context->baggage_len++] = ',';
        memcpy(context->baggage + context->baggage_len, whole, whole_len);
        context->baggage_len = (uint16_t)(context->baggage_len + whole_len);
    }
}

static void member_describe(struct span *span, const struct baggage_member *member, bool is_named)
{
    char bytes[BAGGAGE_LEN_MAX], shown_bytes[BAGGAGE_LEN_MAX + 16];
    if (g_redact_choices.has_patterns && redact_matches(member->key, member->key_len))
        return;
    struct text text = text_on(bytes, sizeof bytes), shown = text_on(shown_bytes, sizeof shown_bytes);
    if (percent_decode(member->value, member->value_len, &text))
        text_append(&text, member->value, member->value_len); /* as it came, then */
    redact_append_member(&shown, member->key, member->key_len, is_named, text.bytes, text.len);
    span_set_custom(span, member->key, member->key_len, shown.bytes, shown.len);
}

void baggage_members_describe(struct span *span, const struct span_context *context)
{
    struct baggage_member member;
    const char *at = context->baggage, *end = at + context->baggage_len, *whole;
    size_t whole_len;
    if (!g_attributes.count || !span)
        return;
    while (baggage_next(&at, end, &member, &whole, &whole_len)) {
        bool is_named = name_list_find(&g_attributes, member.key, member.key_len) >= 0;
        if (is_named || g_all_are_attributes)
            member_describe(span, &member, is_named);
    }
}
