/* zipkin_endpoint.h - the other end of a call as Zipkin tells it. */
#ifndef RUN_TRACED_BACKEND_ZIPKIN_ENDPOINT_H
#define RUN_TRACED_BACKEND_ZIPKIN_ENDPOINT_H

#include "base/text.h"
#include "trace/span.h"

/* One end of a connection, out of attributes that may be there. */
struct zipkin_address {
    const char *bytes; /* NULL: not said */
    size_t len;
    int64_t port; /* 0: not said */
};

/* What a span says of the other end. */
struct zipkin_peer {
    struct zipkin_address server, client, network;
};

/* zipkin_peer_note - keeps what @attribute says; its bytes are not copied. */
void zipkin_peer_note(struct zipkin_peer *peer, const struct attribute *attribute);

/* zipkin_append_remote_endpoint - ,"remoteEndpoint":{…}, or nothing where nothing is known. A client's has the server's name,
 * which makes it a dependency, and where the connection went. A server's has the address of the client, and no name: that
 * would be one of a service. OpenTelemetry, "OpenTelemetry to Zipkin Transformation", section "Remote endpoint": of its
 * list, server.address and network.peer.* are what our spans have. */
void zipkin_append_remote_endpoint(struct text *text, const struct span *span, const struct zipkin_peer *peer);

#endif
