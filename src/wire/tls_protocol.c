/* TLS that no library we know speaks (Node, Go, Java, Rust carry their own): what goes over the connection cannot be
 * seen. A client's is recorded as one span that says so; a server's is let go. */
#include "wire/client_hello.h"
#include "wire/protocol.h"
#include "wire/tls_session.h"

#include "base/compiler.h"
#include "base/silence.h"

#include <string.h>

enum { CONTENT_ALERT = 21, ALERT_AT = 6, SERVER_NAME_LEN_MAX = 255 };

static bool tls_recognise(const char *bytes, size_t len)
{
    return client_hello_begins(bytes, len);
}

/* What a library sends for a session that we see into is its own business. */
static void tls_begin(struct connection *connection)
{
    if (silence_is_on() && !t_tls_below) /* the first: a later one may be of a callback's */
        t_tls_below = connection->fd + 1;
    if (connection->role != ROLE_CLIENT || silence_is_on())
        connection_set_opaque(connection);
}

static bool is_host_name(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] >= 0x7f)
            return false;
    return len > 0 && len <= SERVER_NAME_LEN_MAX;
}

static void ends_describe(struct span *span, const char *name, size_t name_len, const union endpoint *peer)
{
    endpoint_describe(peer, span, ATTRIBUTE_SERVER_ADDRESS, ATTRIBUTE_SERVER_PORT);
    if (is_host_name(name, name_len))
        span_set_string(span, ATTRIBUTE_SERVER_ADDRESS, name, name_len);
    endpoint_describe(peer, span, ATTRIBUTE_NETWORK_PEER_ADDRESS, ATTRIBUTE_NETWORK_PEER_PORT);
}

static void hello_describe(struct span *span, const struct client_hello *hello, const union endpoint *peer)
{
    char bytes[128];
    struct text text = text_on(bytes, sizeof bytes);
    ends_describe(span, hello->server_name, hello->server_name_len, peer);
    client_hello_append_protocols(hello, &text);
    if (text.len)
        span_set_string(span, ATTRIBUTE_TLS_OFFERED_PROTOCOLS, text.bytes, text.len);
}

/* One span for all that is said, from connecting on; NULL if there is no room. @start_ns: of the handshake, or 0. */
static struct exchange *opaque_begin(struct connection *connection, uint64_t start_ns)
{
    struct exchange *exchange =
        exchange_begin_opaque(connection->connect_start_ns ? connection->connect_start_ns : start_ns);
    if (!exchange) {
        connection_set_opaque(connection);
        return NULL;
    }
    exchange_choose_parent(exchange, &connection->connect);
    exchange_opaque_describe(exchange, SPAN_NAME_TLS);
    if (connection->connect_start_ns)
        span_add_event(exchange->span, SPAN_EVENT_CONNECT, connection->connect_start_ns);
    if (connection->connected_ns)
        span_add_event(exchange->span, SPAN_EVENT_CONNECTED, connection->connected_ns);
    if (start_ns)
        span_add_event(exchange->span, SPAN_EVENT_TLS_START, start_ns);
    connection_push(connection, exchange);
    return exchange;
}

static void hello_seen(struct connection *connection, const char *bytes, size_t len, uint64_t now_ns)
{
    struct client_hello hello;
    if (!client_hello_parse(bytes, len, &hello) || tls_session_claim(hello.random, connection)) {
        connection_set_opaque(connection);
        return;
    }
    struct exchange *exchange = opaque_begin(connection, now_ns);
    if (exchange && exchange->span)
        hello_describe(exchange->span, &hello, &connection->peer);
}

static void tls_request_bytes(struct connection *connection, const char *bytes, size_t len, uint64_t offset,
                              uint64_t now_ns)
{
    if (offset == 0 && !connection->first)
        hello_seen(connection, bytes, len, now_ns);
    if (connection->first)
        connection->first->request_body_len += len;
}

/* RFC 8446, section 6. */
static const char *alert_name(unsigned description)
{
    static const struct {
        uint8_t description;
        const char *name;
    } names[] = {{40, "handshake_failure"},   {42, "bad_certificate"},       {47, "illegal_parameter"},
                 {48, "unknown_ca"},          {49, "access_denied"},         {50, "decode_error"},
                 {70, "protocol_version"},    {71, "insufficient_security"}, {80, "internal_error"},
                 {112, "unrecognized_name"},  {116, "certificate_required"}, {120, "no_application_protocol"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].description == description)
            return names[i].name;
    return "alert";
}

static void response_count(struct exchange *exchange, uint64_t len)
{
    exchange->response_body_len += len;
    exchange->is_response_started = exchange->is_response_head_done = true;
}

static void tls_response_bytes(struct connection *connection, const char *bytes, size_t len, uint64_t start_ns,
                               uint64_t end_ns)
{
    struct exchange *exchange = connection->first;
    (void)start_ns;
    if (!exchange)
        return;
    bool is_refusal = !exchange->is_response_started && (uint8_t)bytes[0] == CONTENT_ALERT;
    response_count(exchange, len);
    if (is_refusal)
        exchange_fail(connection_pop(connection), alert_name(len > ALERT_AT ? (uint8_t)bytes[ALERT_AT] : 0),
                      "the server refused the TLS handshake", end_ns);
    else
        exchange_resume(exchange);
}

static void tls_skip(struct connection *connection, bool is_request, uint64_t count, uint64_t now_ns)
{
    (void)now_ns;
    if (connection->first && is_request)
        connection->first->request_body_len += count;
    else if (connection->first)
        connection->first->response_body_len += count;
}

static void tls_stream_end(struct connection *connection, bool is_request, uint64_t now_ns)
{
    if (!is_request && connection->first && connection->first->is_response_started)
        exchange_end(connection_pop(connection), now_ns);
}

static void tls_end(struct connection *connection)
{
    (void)connection;
}

const struct protocol PROTOCOL_TLS = {
    .name = "tls",
    .recognise = tls_recognise,
    .begin = tls_begin,
    .request_bytes = tls_request_bytes,
    .response_bytes = tls_response_bytes,
    .skip = tls_skip,
    .stream_end = tls_stream_end,
    .end = tls_end,
};

/* ---- within a session that we see into ---- */

static bool none_recognise(const char *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return false;
}

/* RFC 7301: HTTP/2 is the one that users meet. */
static void protocol_describe(struct span *span, const struct tls_facts *tls)
{
    bool is_http2 = strcmp(tls->protocol, "h2") == 0;
    const char *name = is_http2 ? "http" : tls->protocol;
    if (*name)
        span_set_string(span, ATTRIBUTE_NETWORK_PROTOCOL_NAME, name, strlen(name));
    if (is_http2)
        span_set_string(span, ATTRIBUTE_NETWORK_PROTOCOL_VERSION, "2", 1);
}

void protocol_handshake_ended(struct connection *connection)
{
    struct span *span = connection->first ? connection->first->span : NULL;
    span_add_event(span, SPAN_EVENT_TLS_DONE, connection->tls->handshake_end_ns);
    if (span)
        tls_facts_describe(connection->tls, span);
    if (span && connection->protocol == &PROTOCOL_WITHIN_TLS)
        protocol_describe(span, connection->tls);
}

static void within_begin(struct connection *connection)
{
    const struct tls_facts *tls = connection->tls;
    struct exchange *exchange = opaque_begin(connection, tls->handshake_start_ns);
    if (!exchange || !exchange->span)
        return;
    ends_describe(exchange->span, tls->server_name, strlen(tls->server_name), &connection->peer);
    if (tls->handshake_end_ns)
        protocol_handshake_ended(connection);
}

/* What is offered may not be taken: what went out before it was. */
static void within_sent(struct connection *connection)
{
    if (connection->first)
        connection->first->request_body_len = connection->sent_len;
}

static void within_request_bytes(struct connection *connection, const char *bytes, size_t len, uint64_t offset,
                                 uint64_t now_ns)
{
    (void)bytes;
    (void)len;
    (void)offset;
    (void)now_ns;
    within_sent(connection);
}

static void within_skip(struct connection *connection, bool is_request, uint64_t count, uint64_t now_ns)
{
    if (!is_request)
        tls_skip(connection, is_request, count, now_ns);
}

static void within_response_bytes(struct connection *connection, const char *bytes, size_t len, uint64_t start_ns,
                                  uint64_t end_ns)
{
    (void)bytes;
    (void)start_ns;
    (void)end_ns;
    if (!connection->first)
        return;
    within_sent(connection);
    response_count(connection->first, len);
    exchange_resume(connection->first);
}

/* Nobody can say whether an answer was to come. */
static void within_stream_end(struct connection *connection, bool is_request, uint64_t now_ns)
{
    within_sent(connection);
    if (!is_request && connection->first)
        exchange_end(connection_pop(connection), now_ns);
}

const struct protocol PROTOCOL_WITHIN_TLS = {
    .name = "within tls",
    .recognise = none_recognise,
    .begin = within_begin,
    .request_bytes = within_request_bytes,
    .response_bytes = within_response_bytes,
    .skip = within_skip,
    .stream_end = within_stream_end,
    .end = tls_end,
};
