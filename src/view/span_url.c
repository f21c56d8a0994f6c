#include "view/span_url.h"

#include "base/compiler.h"
#include "base/text.h"
#include "view/span_decode.h"

#include <string.h>

/* Up to the first byte of @set, or all. */
static size_t len_until(const char *bytes, size_t len, const char *set)
{
    size_t i = 0;
    while (i < len && !strchr(set, bytes[i]))
        i++;
    return i;
}

/* The first @len bytes or fewer: cut so that no UTF-8 sequence is split. */
static const char *intern_cut(struct string_pool *pool, const char *bytes, size_t len)
{
    if (len > VIEW_STRING_LEN_MAX) {
        len = VIEW_STRING_LEN_MAX;
        while (len && ((unsigned char)bytes[len] & 0xc0) == 0x80)
            len--;
    }
    return len ? string_pool_intern(pool, bytes, len) : NULL;
}

static bool has_text(const struct span_value *value)
{
    return value->type == VALUE_STRING && value->len;
}

/* What follows "scheme://" in url.full. Returns false if it is no such URL. */
static bool url_authority(const struct span_fields *fields, const char **authority, size_t *len)
{
    const struct span_value *url = &fields->values[FIELD_URL_FULL];
    const char *scheme_end = has_text(url) ? memmem(url->text, url->len, "://", 3) : NULL;
    if (!scheme_end)
        return false;
    *authority = scheme_end + 3;
    *len = (size_t)(url->text + url->len - *authority);
    return true;
}

const char *span_url_path(const struct span_fields *fields, struct string_pool *pool)
{
    const struct span_value *value = &fields->values[FIELD_URL_PATH];
    const char *path = value->text;
    size_t len = value->len;
    if (!has_text(value)) {
        if (!url_authority(fields, &path, &len))
            return NULL;
        size_t authority_len = len_until(path, len, "/?#");
        path += authority_len;
        len -= authority_len;
    }
    return intern_cut(pool, path, len_until(path, len, "?#"));
}

static const char *address_intern(const struct span_value *address, const struct span_value *port,
                                  struct string_pool *pool)
{
    char bytes[VIEW_STRING_LEN_MAX];
    struct text text = text_on(bytes, sizeof bytes);
    bool is_ipv6 = memchr(address->text, ':', address->len) && address->text[0] != '[';
    text_append_string(&text, is_ipv6 ? "[" : "");
    text_append(&text, address->text, MIN(address->len, (size_t)VIEW_STRING_LEN_MAX - 16));
    text_append_string(&text, is_ipv6 ? "]" : "");
    if (port->type == VALUE_NUMBER && port->number > 0 && port->number <= 65535) {
        text_append_char(&text, ':');
        text_append_decimal(&text, (int64_t)port->number);
    }
    return string_pool_intern(pool, bytes, text.len);
}

const char *span_url_callee(const struct span_fields *fields, struct string_pool *pool)
{
    const struct span_value *values = fields->values;
    const char *authority;
    size_t len;
    if (has_text(&values[FIELD_SERVER_ADDRESS]))
        return address_intern(&values[FIELD_SERVER_ADDRESS], &values[FIELD_SERVER_PORT], pool);
    if (has_text(&values[FIELD_PEER_ADDRESS]))
        return address_intern(&values[FIELD_PEER_ADDRESS], &values[FIELD_PEER_PORT], pool);
    if (!url_authority(fields, &authority, &len))
        return NULL;
    len = len_until(authority, len, "/?#");
    const char *at = memrchr(authority, '@', len);
    size_t userinfo_len = at ? (size_t)(at + 1 - authority) : 0;
    return intern_cut(pool, authority + userinfo_len, len - userinfo_len);
}
