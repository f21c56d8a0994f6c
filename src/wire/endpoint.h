/* endpoint.h - a socket address in the words of a span. */
#ifndef RUN_TRACED_WIRE_ENDPOINT_H
#define RUN_TRACED_WIRE_ENDPOINT_H

#include "base/text.h"
#include "trace/span.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

union endpoint {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local; /* sun_path always NUL-terminated here, if shorter than the array */
};

/* endpoint_set - copies an address of a family we know; else @endpoint becomes AF_UNSPEC. */
void endpoint_set(union endpoint *endpoint, const struct sockaddr *address, socklen_t len);

/* endpoint_is_known - it holds an address. */
bool endpoint_is_known(const union endpoint *endpoint);

/* endpoint_describe - adds the address, and for IP the port, under the two keys. IPv4 in IPv6 is
 * written as IPv4; an abstract or nameless unix socket gets no address. Hot path, signal-safe. */
void endpoint_describe(const union endpoint *endpoint, struct span *span,
                       enum attribute_key address_key, enum attribute_key port_key);

/* endpoint_append_authority - adds it as it stands in a URL: 127.0.0.1:8080, [::1]:80; nothing for
 * other families than IP. */
void endpoint_append_authority(const union endpoint *endpoint, struct text *text);

#endif
