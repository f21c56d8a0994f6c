#include "view/span_url.h"

#include "base/compiler.h"
#include "base/text.h"
#include "view/span_decode.h"

#include <string.h>

static const char *attribute_string(const cJSON *attributes, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(attributes, key);
    return cJSON_IsString(value) && value->valuestring[0] ? value->valuestring : NULL;
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

/* What follows "scheme://", or NULL if it is no such URL. */
static const char *url_authority(const char *url)
{
    const char *scheme_end = url ? strstr(url, "://") : NULL;
    return scheme_end ? scheme_end + 3 : NULL;
}

const char *span_url_path(const cJSON *attributes, struct string_pool *pool)
{
    const char *path = attribute_string(attributes, "url.path");
    if (!path) {
        const char *authority = url_authority(attribute_string(attributes, "url.full"));
        if (!authority)
            return NULL;
        path = authority + strcspn(authority, "/?#");
    }
    return intern_cut(pool, path, strcspn(path, "?#"));
}

static const char *address_intern(const cJSON *attributes, const char *address,
                                  const char *port_key, struct string_pool *pool)
{
    char bytes[VIEW_STRING_LEN_MAX];
    struct text text = text_on(bytes, sizeof bytes);
    const cJSON *port = cJSON_GetObjectItemCaseSensitive(attributes, port_key);
    bool is_ipv6 = strchr(address, ':') && address[0] != '[';
    text_append_string(&text, is_ipv6 ? "[" : "");
    text_append(&text, address, strnlen(address, VIEW_STRING_LEN_MAX - 16));
    text_append_string(&text, is_ipv6 ? "]" : "");
    if (cJSON_IsNumber(port) && port->valuedouble > 0 && port->valuedouble <= 65535) {
        text_append_char(&text, ':');
        text_append_decimal(&text, (int64_t)port->valuedouble);
    }
    return string_pool_intern(pool, bytes, text.len);
}

const char *span_url_callee(const cJSON *attributes, struct string_pool *pool)
{
    const char *address = attribute_string(attributes, "server.address");
    if (address)
        return address_intern(attributes, address, "server.port", pool);
    address = attribute_string(attributes, "network.peer.address");
    if (address)
        return address_intern(attributes, address, "network.peer.port", pool);
    const char *authority = url_authority(attribute_string(attributes, "url.full"));
    if (!authority)
        return NULL;
    size_t len = strcspn(authority, "/?#");
    const char *at = memrchr(authority, '@', len);
    size_t userinfo_len = at ? (size_t)(at + 1 - authority) : 0;
    return intern_cut(pool, authority + userinfo_len, len - userinfo_len);
}
