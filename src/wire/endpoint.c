#include "wire/endpoint.h"

#include "base/compiler.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <string.h>

void endpoint_set(union endpoint *endpoint, const struct sockaddr *address, socklen_t len)
{
    sa_family_t family; /* copied: the application's address may stand anywhere in memory */
    endpoint->any.sa_family = AF_UNSPEC;
    if (len < sizeof family || len > sizeof *endpoint || !memory_is_readable(address, len))
        return;
    memcpy(&family, (const char *)address + offsetof(struct sockaddr, sa_family), sizeof family);
    bool is_whole = (family == AF_INET && len >= sizeof endpoint->v4) ||
                    (family == AF_INET6 && len >= sizeof endpoint->v6) || family == AF_UNIX;
    if (!is_whole)
        return;
    memcpy(endpoint, address, len);
    if (family == AF_UNIX && len < sizeof endpoint->local)
        ((char *)endpoint)[len] = '\0';
}

bool endpoint_is_known(const union endpoint *endpoint)
{
    return endpoint->any.sa_family != AF_UNSPEC;
}

static void v4_append(struct text *text, const uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        if (i)
            text_append_char(text, '.');
        text_append_decimal(text, bytes[i]);
    }
}

static void ip_describe(const union endpoint *endpoint, struct text *text)
{
    const uint8_t *v6 = endpoint->v6.sin6_addr.s6_addr;
    if (endpoint->any.sa_family == AF_INET) {
        v4_append(text, (const uint8_t *)&endpoint->v4.sin_addr);
    } else if (IN6_IS_ADDR_V4MAPPED(&endpoint->v6.sin6_addr)) {
        v4_append(text, v6 + 12);
    } else if (inet_ntop(AF_INET6, v6, text->bytes, (socklen_t)text->capacity)) {
        text->len = strlen(text->bytes);
    }
}

void endpoint_describe(const union endpoint *endpoint, struct span *span,
                       enum attribute_key address_key, enum attribute_key port_key)
{
    char bytes[INET6_ADDRSTRLEN + 1];
    struct text text = text_on(bytes, sizeof bytes);
    switch (endpoint->any.sa_family) {
    case AF_INET:
    case AF_INET6:
        ip_describe(endpoint, &text);
        span_set_string(span, address_key, text.bytes, text.len);
        /* The port lies at the same place in both. */
        span_set_int(span, port_key, ntohs(endpoint->v4.sin_port));
        break;
    case AF_UNIX:
        if (endpoint->local.sun_path[0])
            span_set_string(span, address_key, endpoint->local.sun_path,
                            strnlen(endpoint->local.sun_path, sizeof endpoint->local.sun_path));
        break;
    default:
        break;
    }
}

void endpoint_append_authority(const union endpoint *endpoint, struct text *text)
{
    char bytes[INET6_ADDRSTRLEN + 1];
    struct text address = text_on(bytes, sizeof bytes);
    if (endpoint->any.sa_family != AF_INET && endpoint->any.sa_family != AF_INET6)
        return;
    ip_describe(endpoint, &address);
    bool is_v6 = memchr(bytes, ':', address.len) != NULL;
    text_append_string(text, is_v6 ? "[" : "");
    text_append(text, bytes, address.len);
    text_append_string(text, is_v6 ? "]:" : ":");
    text_append_decimal(text, ntohs(endpoint->v4.sin_port));
}
