/* protocol.h - what a protocol must be able to do. Nothing outside src/wire knows which one a
 * connection speaks. All calls are made with the connection's lock held: hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_PROTOCOL_H
#define RUN_TRACED_WIRE_PROTOCOL_H

#include "wire/connection.h"

struct protocol {
    const char *name;

    /* Could these be the first bytes of a request? @len is at least 1. */
    bool (*recognise)(const char *bytes, size_t len);

    /* The connection's first bytes were recognised. */
    void (*begin)(struct connection *connection);

    /* Bytes from the client. @offset: where they stand in what a client application sends, for
     * connection_edit_new; only used in the client's role. @now_ns: monotonic. */
    void (*request_bytes)(struct connection *connection, const char *bytes, size_t len,
                          uint64_t offset, uint64_t now_ns);

    /* Bytes from the server, that went by between @start_ns and @end_ns; 0: just now. */
    void (*response_bytes)(struct connection *connection, const char *bytes, size_t len,
                           uint64_t start_ns, uint64_t end_ns);

    /* @count bytes went by unseen. */
    void (*skip)(struct connection *connection, bool is_request, uint64_t count, uint64_t now_ns);

    /* No more bytes will come in this direction. */
    void (*stream_end)(struct connection *connection, bool is_request, uint64_t now_ns);

    /* Gives back what it holds. */
    void (*end)(struct connection *connection);
};

/* protocol_recognise - the protocol that @bytes may be the first of, or NULL. */
const struct protocol *protocol_recognise(const char *bytes, size_t len);

/* protocol_take_within_tls - whatever a TLS client is about to say: one span for it all. */
void protocol_take_within_tls(struct connection *connection);

/* protocol_disown - what is said turns out to be none of what it was taken for. If a TLS client says it, that is said; else
 * the connection is opaque. */
void protocol_disown(struct connection *connection);

/* protocol_handshake_ended - of the session that is @connection's, within the call that sent the first of it: what is
 * under way is told of it. */
void protocol_handshake_ended(struct connection *connection);

/* protocol_take_tunnel - the first of what a client says through a tunnel: TLS, or nothing that we look at. */
void protocol_take_tunnel(struct connection *connection, const char *bytes, size_t len, uint64_t now_ns);

extern const struct protocol PROTOCOL_HTTP1;
extern const struct protocol PROTOCOL_TLS;
extern const struct protocol PROTOCOL_FASTCGI;

/* What a client speaks within a TLS session if it is none of these; never recognised, only given. */
extern const struct protocol PROTOCOL_WITHIN_TLS;

#endif
