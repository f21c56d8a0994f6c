#include "wire/http_request.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "base/raw.h"
#include "trace/traceparent.h"
#include "wire/sending.h"

#include <string.h>

/* A connection that idles between connect and its first request for longer was made ahead of time:
 * its connecting is not part of the request. */
#define CONNECT_IDLE_MAX_NS NANOS_PER_SECOND

/* When the first exchange on a connection began: with connecting, unless that was long ago. */
static uint64_t request_start_ns(const struct connection *connection)
{
    const struct tls_facts *tls = connection->tls;
    uint64_t first_byte_ns = connection->requests.message_start_ns;
    uint64_t begin_ns = connection->connect_start_ns;
    uint64_t idle_since_ns = connection->connected_ns;
    if (!begin_ns && tls) /* who connected was not seen */
        begin_ns = tls->handshake_start_ns;
    if (tls && tls->handshake_end_ns)
        idle_since_ns = tls->handshake_end_ns;
    if (!idle_since_ns)
        idle_since_ns = first_byte_ns;
    if (!connection->is_first_request || !begin_ns || connection->role != ROLE_CLIENT ||
        first_byte_ns - idle_since_ns > CONNECT_IDLE_MAX_NS)
        return first_byte_ns;
    return begin_ns;
}

/* Of the handshake, what lies within the span. */
static void handshake_describe(struct span *span, const struct tls_facts *tls, uint64_t start_ns)
{
    if (tls->handshake_start_ns >= start_ns)
        span_add_event(span, SPAN_EVENT_TLS_START, tls->handshake_start_ns);
    if (tls->handshake_end_ns >= start_ns)
        span_add_event(span, SPAN_EVENT_TLS_DONE, tls->handshake_end_ns);
}

/* @line: NULL where the head is the known one. */
static ALWAYS_INLINE void request_begin(struct connection *connection, const struct http1_event *line, bool is_whole)
{
    bool is_client = connection->role == ROLE_CLIENT;
    enum span_kind kind = is_client ? SPAN_KIND_CLIENT : SPAN_KIND_SERVER;
    uint64_t start_ns = request_start_ns(connection);
    struct exchange *exchange = line ? exchange_begin(kind, start_ns, line, is_whole)
                                     : exchange_begin_known(kind, start_ns, connection->requests.head.known);
    if (!exchange) {
        connection_set_opaque(connection);
        return;
    }
    if (is_client)
        exchange_choose_parent(exchange, connection->is_first_request || connection->connect.is_said
                                             ? &connection->connect
                                             : NULL);
    connection->connect.is_said = false;
    if (start_ns == connection->connect_start_ns)
        span_add_event(exchange->span, SPAN_EVENT_CONNECT, start_ns);
    if (start_ns == connection->connect_start_ns && connection->connected_ns)
        span_add_event(exchange->span, SPAN_EVENT_CONNECTED, connection->connected_ns);
    if (connection->is_first_request && connection->tls)
        handshake_describe(exchange->span, connection->tls, start_ns);
    span_add_event(exchange->span, SPAN_EVENT_REQUEST_FIRST_BYTE,
                   connection->requests.message_start_ns);
    connection->is_first_request = false;
    connection_push(connection, exchange);
}

void http_request_begin(struct connection *connection, const struct http1_event *line, bool is_whole)
{
    request_begin(connection, line, is_whole);
}

void http_request_begin_known(struct connection *connection)
{
    request_begin(connection, NULL, true);
}

/* What takes the place of a traceparent of @len bytes: as many. One of a later version, which may be longer, becomes
 * one of ours, with blanks behind it: they do not belong to the value (RFC 9110, 5.5). */
static void traceparent_replace(struct edit *edit, const struct span_context *context, size_t len)
{
    char value[TRACEPARENT_LEN];
    traceparent_format(context, value);
    memcpy(edit->text, value, sizeof value);
    memset(edit->text + sizeof value, ' ', len - sizeof value);
    edit->len = (uint16_t)len;
}

/* As a whole: version and flags are ours to keep right, too. What else there is, is looked at when all is there. */
void http_request_traceparent(struct connection *connection, size_t len, uint64_t offset)
{
    struct exchange *exchange = connection->current;
    if (!exchange->is_traced || !exchange_is_passed_on(exchange, &exchange->head->traceparent))
        return;
    exchange->head->is_passed_on = true;
    if (len > sizeof ((struct edit *)0)->text) {
        exchange->propagation_skipped = "length";
        return;
    }
    struct edit *edit = !g_raw_is_forbidden && offset != HTTP_EXTRAS_NO_OFFSET
                            ? connection_edit_new(connection, offset, true)
                            : NULL;
    if (edit)
        traceparent_replace(edit, &exchange->context, len);
    else
        exchange->propagation_skipped = "split";
}

/* Traceparents that were not passed on. One that is valid: the application traces by itself. Others, and several, are
 * worth nothing to anybody: they go on as they are, and nobody but us speaks of the call. */
static COLD void application_traceparents(struct exchange *exchange)
{
    const struct http_head *head = exchange->head;
    if (head->traceparent_count == 1 && head->is_passed_on)
        return;
    if (head->traceparent_count == 1 && head->traceparent.is_valid)
        exchange_respect_application(exchange, &head->traceparent);
    else if (!exchange->propagation_skipped)
        exchange->propagation_skipped = head->traceparent_count == 1 ? "malformed" : "several";
}

/* The application sends the context of a request that it serves in another format: it becomes that of this call, if
 * it can be of the same length. */
static void context_rewrite(struct connection *connection, const struct carrier_place *place)
{
    struct exchange *exchange = connection->current;
    char value[CARRIER_PLACE_LEN_MAX];
    uint64_t offset = exchange->head->extras->offsets[place->field];
    bool is_there = !g_raw_is_forbidden && offset != HTTP_EXTRAS_NO_OFFSET && offset >= connection->sent_len;
    bool is_fit = carrier_place_write(place, exchange->context.span_id, value);
    struct edit *edit = is_there && is_fit ? connection_edit_new(connection, offset + place->at, true) : NULL;
    if (!edit) {
        exchange->propagation_skipped = is_fit ? "split" : "length";
        return;
    }
    memcpy(edit->text, value, place->len);
    edit->len = place->len;
}

/* What http_request_traceparent does, for all other formats, at the end of the head: their headers may come in any
 * order. @left_out receives whose headers the application sends. */
static COLD void application_contexts(struct connection *connection, uint32_t *left_out)
{
    struct exchange *exchange = connection->current;
    const struct propagators *propagators = propagators_current();
    const struct carrier *carrier = &exchange->head->extras->carrier;
    bool is_ours = exchange->head->is_passed_on;
    for (unsigned i = 0; i < propagators->count; i++) {
        const struct propagator *propagator = propagators->list[i];
        struct span_context outgoing = {.is_valid = false};
        struct carrier_place place;
        if (!carrier_has(carrier, propagator))
            continue;
        enum propagator_result result = propagator->extract(carrier, &outgoing, &place);
        if (result != PROPAGATOR_CONTEXT) {
            exchange->propagation_skipped = result == PROPAGATOR_NOTHING ? "malformed" : "no ids";
        } else if (exchange_is_passed_on(exchange, &outgoing)) {
            context_rewrite(connection, &place);
            is_ours = true;
        } else if (!is_ours) { /* else one that was passed on goes out with this span's id */
            exchange_respect_application(exchange, &outgoing);
            return;
        }
        *left_out |= 1U << propagator->id;
    }
    if (exchange->head->extras->has_baggage)
        *left_out |= 1U << PROPAGATOR_BAGGAGE;
}

/* Which headers the application sends by itself. A tracestate without a traceparent goes along with ours: a relay
 * passes it on, and a second one would say everything twice. */
static uint32_t left_out_by(const struct http_head *head)
{
    uint32_t left_out = 0;
    if (UNLIKELY(head->traceparent_count))
        left_out |= 1U << PROPAGATOR_TRACECONTEXT;
    if (UNLIKELY(head->has_tracestate) && (head->tracestate_len || head->tracestate_is_cut))
        left_out |= 1U << PROPAGATOR_TRACESTATE;
    return left_out;
}

bool http_request_propagate(struct connection *connection, uint32_t *left_out)
{
    struct exchange *exchange = connection->current;
    if (!exchange || !exchange->is_traced || !exchange->head)
        return false;
    exchange_settle_parent(exchange);
    *left_out = left_out_by(exchange->head);
    if (UNLIKELY(exchange->head->traceparent_count))
        application_traceparents(exchange);
    if (UNLIKELY(exchange->head->extras != NULL) && exchange->is_traced)
        application_contexts(connection, left_out);
    return exchange->is_traced && propagators_will_inject(&exchange->context, *left_out);
}

struct edit *http_request_edit_new(struct connection *connection, uint64_t offset)
{
    struct exchange *exchange = connection->current;
    if (g_raw_is_forbidden) { /* it would be another system call than the application's */
        exchange->propagation_skipped = "sandbox";
        return NULL;
    }
    struct edit *edit = connection_edit_new(connection, offset, false);
    if (!edit)
        exchange->propagation_skipped = "no memory";
    return edit;
}

/* Is it the request that this thread will serve next? Not if it has read another one before it on the same connection
 * (pipelining) that is not answered yet. What another thread is just sending may have been its answer: the client can
 * have it before we hear of that. */
static bool is_next_here(const struct connection *connection, const struct exchange *exchange)
{
    return exchange == connection->first || connection->first->reader_tid != process_tid() ||
           sending_is_under_way(connection);
}

void http_request_head_end(struct connection *connection)
{
    struct exchange *exchange = connection->current;
    const struct http_ends ends = {&connection->peer, &connection->local, connection->tls, &connection->common};
    if (!exchange)
        return;
    if (connection->role == ROLE_CLIENT) {
        exchange_client_head_end(exchange, &ends);
        return;
    }
    if (exchange->head && !exchange->head->host_len)
        connection_find_local(connection);
    exchange_server_head_end(exchange, &ends);
    if (exchange->active.source != ACTIVE_NONE)
        active_request_follow(&exchange->request, &connection->last_request);
    if (is_next_here(connection, exchange))
        exchange_activate(exchange);
}

void http_request_body(struct connection *connection, uint64_t count)
{
    struct exchange *exchange = connection->current;
    if (!exchange)
        return;
    exchange->request_body_len += count;
    /* The body may be read by another thread than the head was. */
    if (connection->role == ROLE_SERVER && is_next_here(connection, exchange))
        exchange_activate(exchange);
}

void http_request_end(struct connection *connection)
{
    struct exchange *exchange = connection->current;
    if (exchange) {
        exchange->is_request_done = true;
        exchange->request.is_arriving = false;
    }
    connection->current = NULL;
}

void http_response_begin(struct connection *connection, uint64_t start_ns)
{
    struct exchange *exchange = connection->first;
    exchange_own_span(exchange);
    span_add_event(exchange->span, SPAN_EVENT_RESPONSE_FIRST_BYTE, start_ns);
    exchange->is_response_started = exchange->request.is_answering = true;
}

void http_response_end(struct connection *connection, uint64_t end_ns)
{
    exchange_end(connection_pop(connection), end_ns);
    if (connection->role == ROLE_SERVER && connection->first &&
        connection->first->reader_tid == process_tid())
        exchange_activate(connection->first);
}
