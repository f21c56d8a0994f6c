#include "wire/protocol.h"

#include "base/compiler.h"

/* In the order in which they are asked. */
static const struct protocol *const PROTOCOLS[] = {&PROTOCOL_HTTP1, &PROTOCOL_TLS, &PROTOCOL_FASTCGI};

const struct protocol *protocol_recognise(const char *bytes, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(PROTOCOLS); i++)
        if (PROTOCOLS[i]->recognise(bytes, len))
            return PROTOCOLS[i];
    return NULL;
}

void protocol_take_within_tls(struct connection *connection)
{
    connection->protocol = &PROTOCOL_WITHIN_TLS;
    connection->role = ROLE_CLIENT;
    connection->protocol->begin(connection);
}

void protocol_disown(struct connection *connection)
{
    bool is_first = connection->is_first_request && connection->role == ROLE_CLIENT;
    if (!is_first || !connection->tls || !connection->tls->is_client) {
        connection_set_opaque(connection);
        return;
    }
    connection->protocol->end(connection);
    protocol_take_within_tls(connection);
}

void protocol_take_tunnel(struct connection *connection, const char *bytes, size_t len, uint64_t now_ns)
{
    if (!PROTOCOL_TLS.recognise(bytes, len)) {
        connection_set_opaque(connection);
        return;
    }
    connection->protocol->end(connection);
    connection->protocol = &PROTOCOL_TLS;
    connection->protocol->begin(connection);
    if (!connection->is_opaque)
        connection->protocol->request_bytes(connection, bytes, len, 0, now_ns);
}
