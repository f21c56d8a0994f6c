/* client_hello.h - the first message of a TLS client, which goes in the clear: RFC 8446, sections 4.1.2 and 5.1. */
#ifndef RUN_TRACED_WIRE_CLIENT_HELLO_H
#define RUN_TRACED_WIRE_CLIENT_HELLO_H

#include "base/text.h"

enum { TLS_RANDOM_LEN = 32 };

struct client_hello {
    const uint8_t *random;       /* TLS_RANDOM_LEN bytes of the input */
    const char *server_name;     /* within the input; RFC 6066, section 3 */
    size_t server_name_len;      /* 0: none */
    const uint8_t *protocols;    /* RFC 7301: each with its length before it */
    size_t protocols_len;
};

/* client_hello_begins - could these be the first bytes of one? @len is at least 1. */
bool client_hello_begins(const char *bytes, size_t len);

/* client_hello_parse - reads as much as there is of it in @bytes, its records' payload but for the first one's header
 * not put together. Returns false if not even the random is there. Hot path, signal-safe. */
bool client_hello_parse(const char *bytes, size_t len, struct client_hello *out);

/* client_hello_append_protocols - "h2,http/1.1". What is not printable is left out. */
void client_hello_append_protocols(const struct client_hello *hello, struct text *text);

#endif
