/* HTTP/1.0 and 1.1 as a protocol: from the parser's events to exchanges, contexts and edits. */
#include "wire/protocol.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "base/raw.h"
#include "base/slab.h"
#include "base/text.h"
#include "trace/traceparent.h"
#include "wire/sending.h"

#include <string.h>

/* A connection that idles between connect and its first request for longer was made ahead of time:
 * its connecting is not part of the request. */
#define CONNECT_IDLE_MAX_NS NANOS_PER_SECOND

static BULKY_DATA struct slab g_lines = SLAB_INITIALIZER(sizeof(struct http1_line), 16, 1024);

/* What an input is while it is gone through. */
struct input {
    struct connection *connection;
    const char *bytes; /* the whole input */
    size_t len;
    uint64_t offset; /* of bytes[0] in what the application sends */
    uint64_t start_ns, end_ns; /* when it went by: a message starts at the one, ends at the other */
};

/* A clock is read for the end of a message only, not for each of its pieces. */
static uint64_t end_ns_of(const struct input *input)
{
    return input->end_ns ? input->end_ns : clock_monotonic_ns();
}

static bool http1_recognise(const char *bytes, size_t len)
{
    struct http1_parser parser;
    struct http1_event event;
    http1_init(&parser, false, (struct http1_fields){0});
    http1_next(&parser, NULL, bytes, len, &event);
    return event.type == HTTP1_MESSAGE_START;
}

static void http1_begin(struct connection *connection)
{
    http1_init(&connection->requests.parser, false, g_http_extras_wanted.told);
    http1_init(&connection->responses.parser, true, (struct http1_fields){0});
}

static bool line_ensure(struct stream *stream)
{
    uint32_t index;
    if (stream->line)
        return true;
    stream->line = slab_alloc(&g_lines, &index);
    if (stream->line)
        stream->line->index = index;
    return stream->line != NULL;
}

static void line_release(struct stream *stream)
{
    if (!stream->line)
        return;
    slab_free(&g_lines, stream->line->index);
    stream->line = NULL;
}

/* What a direction does with what its parser finds; @at is where that ends in the input. Either may make
 * the connection opaque or the stream broken. */
struct listener {
    void (*on_head)(struct input *, const struct http1_head *, size_t at);
    void (*on_event)(struct input *, const struct http1_event *, size_t at);
};

static COLD size_t invalid_without_line(struct http1_event *event)
{
    event->type = HTTP1_INVALID;
    return 0;
}

/* The next event, where a head could not be taken in one go. Returns the bytes consumed. */
static ALWAYS_INLINE size_t event_next(struct stream *stream, const struct input *input, size_t at,
                         struct http1_event *event)
{
    size_t consumed = http1_next(&stream->parser, stream->line, input->bytes + at, input->len - at,
                                 event);
    if (UNLIKELY(event->type == HTTP1_NO_LINE))
        consumed = line_ensure(stream)
                       ? http1_next(&stream->parser, stream->line, input->bytes + at,
                                    input->len - at, event)
                       : invalid_without_line(event);
    if (event->type == HTTP1_INVALID)
        stream->is_broken = true;
    if (event->type == HTTP1_MESSAGE_START)
        stream->message_start_ns = input->start_ns;
    return consumed;
}

/* Runs the parser over @input. Made anew for each listener. */
static ALWAYS_INLINE void
stream_run(struct stream *stream, struct input *input, const struct listener listener)
{
    size_t at = 0;
    while (!stream->is_broken && !input->connection->is_opaque) {
        struct http1_head head;
        struct http1_event event;
        if (http1_is_between_messages(&stream->parser)) {
            if (at == input->len)
                break;
            size_t head_len =
                http1_take_head(&stream->parser, input->bytes + at, input->len - at, &head);
            if (head_len) {
                stream->message_start_ns = input->start_ns;
                at += head_len;
                listener.on_head(input, &head, at);
                continue;
            }
        }
        at += event_next(stream, input, at, &event);
        if (event.type == HTTP1_MORE && at == input->len)
            break;
        listener.on_event(input, &event, at);
    }
    if (stream->line && (stream->is_broken || !http1_needs_line(&stream->parser)))
        line_release(stream);
}

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

static void request_begin(struct input *input, const struct http1_event *event,
                          bool is_whole)
{
    struct connection *connection = input->connection;
    bool is_client = connection->role == ROLE_CLIENT;
    uint64_t start_ns = request_start_ns(connection);
    struct exchange *exchange =
        exchange_begin(is_client ? SPAN_KIND_CLIENT : SPAN_KIND_SERVER, start_ns, event, is_whole);
    if (!exchange) {
        connection_set_opaque(connection);
        return;
    }
    if (is_client)
        exchange_choose_parent(exchange,
                               connection->is_first_request ? &connection->connect : NULL);
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

static bool lies_in(const struct input *input, const char *bytes, size_t len)
{
    return bytes >= input->bytes && bytes + len <= input->bytes + input->len;
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

/* The application sends a traceparent of its own accord. That of a request it serves, passed on, becomes that of this
 * call, as a whole: version and flags are ours to keep right, too. What else there is, is looked at when all is there. */
static void application_traceparent(struct input *input, const struct http1_event *event)
{
    struct exchange *exchange = input->connection->current;
    if (!exchange->is_traced || !exchange_is_passed_on(exchange, &exchange->head->traceparent))
        return;
    exchange->head->is_passed_on = true;
    if (event->value_len > sizeof ((struct edit *)0)->text) {
        exchange->propagation_skipped = "length";
        return;
    }
    uint64_t offset = input->offset + (uint64_t)(event->value - input->bytes);
    struct edit *edit = !g_raw_is_forbidden && lies_in(input, event->value, event->value_len)
                            ? connection_edit_new(input->connection, offset, true)
                            : NULL;
    if (edit)
        traceparent_replace(edit, &exchange->context, event->value_len);
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

/* Where @bytes stand in what the application sends, if they lie in this input. */
static uint64_t offset_of(const struct input *input, const char *bytes, size_t len)
{
    return lies_in(input, bytes, len) ? input->offset + (uint64_t)(bytes - input->bytes) : HTTP_EXTRAS_NO_OFFSET;
}

static void request_field(struct input *input, const struct http1_event *event)
{
    struct exchange *exchange = input->connection->current;
    if (!exchange || !exchange->head)
        return;
    enum http_field field = http_head_note_field(exchange->head, event);
    if (LIKELY(field == HTTP_FIELD_KNOWN) || input->connection->role != ROLE_CLIENT)
        return;
    if (field == HTTP_FIELD_TRACEPARENT)
        application_traceparent(input, event);
    else if (exchange->head->extras)
        http_extras_note_offset(exchange->head->extras, offset_of(input, event->value, event->value_len));
}

/* The application sends the context of a request that it serves in another format: it becomes that of this call, if
 * it can be of the same length. */
static void context_rewrite(struct input *input, const struct carrier_place *place)
{
    struct connection *connection = input->connection;
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

/* What application_traceparent does, for all other formats, at the end of the head: their headers may come in any
 * order. @left_out receives whose headers the application sends. */
static COLD void application_contexts(struct input *input, uint32_t *left_out)
{
    struct exchange *exchange = input->connection->current;
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
            context_rewrite(input, &place);
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

/* The headers go in before the blank line: DESIGN.md, section 3. */
static void headers_inject(struct input *input, size_t at, uint32_t left_out)
{
    struct exchange *exchange = input->connection->current;
    if (g_raw_is_forbidden) { /* it would be another system call than the application's */
        exchange->propagation_skipped = "sandbox";
        return;
    }
    struct edit *edit = connection_edit_new(input->connection, input->offset + at, false);
    if (!edit) {
        exchange->propagation_skipped = "no memory";
        return;
    }
    struct text text = text_on(edit->text, sizeof edit->text);
    propagators_inject(&exchange->context, left_out, &text);
    edit->len = (uint16_t)text.len;
}

/* Is it the request that this thread will serve next? Not if it has read another one before it on the
 * same connection (pipelining) that is not answered yet. What another thread is just sending may have been its answer: the
 * client can have it before we hear of that. */
static bool is_next_here(const struct connection *connection, const struct exchange *exchange)
{
    return exchange == connection->first || connection->first->reader_tid != process_tid() ||
           sending_is_under_way(connection);
}

static void request_head_end(struct input *input)
{
    struct connection *connection = input->connection;
    struct exchange *exchange = connection->current;
    const struct http_ends ends = {&connection->peer, &connection->local, connection->tls, &connection->common};
    http1_set_framing(&connection->requests.parser, HTTP1_FRAMING_DECLARED);
    if (!exchange)
        return;
    if (connection->role == ROLE_CLIENT) {
        exchange_client_head_end(exchange, &ends);
        return;
    }
    if (exchange->head && !exchange->head->host_len)
        connection_find_local(connection);
    exchange_server_head_end(exchange, &ends);
    if (is_next_here(connection, exchange))
        exchange_activate(exchange);
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

static void request_blank_line(struct input *input, size_t at)
{
    struct exchange *exchange = input->connection->current;
    if (input->connection->role != ROLE_CLIENT || !exchange || !exchange->is_traced || !exchange->head)
        return;
    exchange_settle_parent(exchange);
    uint32_t left_out = left_out_by(exchange->head);
    if (UNLIKELY(exchange->head->traceparent_count))
        application_traceparents(exchange);
    if (UNLIKELY(exchange->head->extras != NULL) && exchange->is_traced)
        application_contexts(input, &left_out);
    if (exchange->is_traced && propagators_will_inject(&exchange->context, left_out))
        headers_inject(input, at, left_out);
}

static void request_head(struct input *input, const struct http1_head *head, size_t at)
{
    request_begin(input, &head->first_line, true);
    for (size_t i = 0; i < head->field_count; i++)
        request_field(input, &head->fields[i]);
    request_blank_line(input, at - head->len + head->blank_line_at);
    request_head_end(input);
}

static void request_event(struct input *input, const struct http1_event *event, size_t at)
{
    struct connection *connection = input->connection;
    struct exchange *exchange = connection->current;
    switch (event->type) {
    case HTTP1_REQUEST_LINE:
        request_begin(input, event, false);
        break;
    case HTTP1_HEADER:
        request_field(input, event);
        break;
    case HTTP1_BLANK_LINE:
        request_blank_line(input, at);
        break;
    case HTTP1_HEAD_END:
        request_head_end(input);
        break;
    case HTTP1_BODY:
        if (!exchange)
            break;
        exchange->request_body_len += event->count;
        /* The body may be read by another thread than the head was. */
        if (connection->role == ROLE_SERVER && is_next_here(connection, exchange))
            exchange_activate(exchange);
        break;
    case HTTP1_MESSAGE_END:
        if (exchange)
            exchange->is_request_done = true;
        if (exchange)
            exchange->request.is_arriving = false;
        connection->current = NULL;
        break;
    case HTTP1_INVALID:
        /* Another protocol if nothing has been asked; else the answer will tell (400, say). */
        if (!connection->first)
            protocol_disown(connection);
        break;
    default:
        break;
    }
}

static void http1_request_bytes(struct connection *connection, const char *bytes, size_t len,
                                uint64_t offset, uint64_t now_ns)
{
    struct input input = {connection, bytes, len, offset, now_ns, now_ns};
    if (UNLIKELY(connection->is_tunnel) && len) {
        protocol_take_tunnel(connection, bytes, len, now_ns);
        return;
    }
    stream_run(&connection->requests, &input, (struct listener){request_head, request_event});
}

/* The first exchange is over; the thread that answered it goes on with the next one, if it has read
 * that already. */
static void response_end(struct connection *connection, uint64_t now_ns)
{
    exchange_end(connection_pop(connection), now_ns);
    if (connection->role == ROLE_SERVER && connection->first &&
        connection->first->reader_tid == process_tid())
        exchange_activate(connection->first);
}

static bool is_interim(int status)
{
    return status < 200 && status != 101;
}

/* RFC 9112 6.3. After 101, or a CONNECT that succeeded, what follows is not HTTP. */
static void response_head_end(struct input *input)
{
    struct connection *connection = input->connection;
    struct exchange *exchange = connection->first;
    struct http1_parser *parser = &connection->responses.parser;
    int status = exchange->status;
    bool is_tunnel = status == 101 || (exchange->is_connect_method && status / 100 == 2);
    bool is_bodyless = exchange->is_head_method || status / 100 == 1 || status == 204 ||
                       status == 304 || is_tunnel;
    http1_set_framing(parser, is_bodyless ? HTTP1_FRAMING_NONE : HTTP1_FRAMING_RESPONSE);
    exchange->is_response_head_done = !is_interim(status);
    if (is_tunnel) {
        bool is_connect = exchange->is_connect_method;
        response_end(connection, end_ns_of(input));
        if (is_connect && connection->role == ROLE_CLIENT && !connection->first)
            connection->is_tunnel = true;
        else
            connection_set_opaque(connection);
    }
}

static void response_invalid(struct input *input)
{
    struct connection *connection = input->connection;
    connection_fail_all(connection, ERROR_MALFORMED,
                        connection->role == ROLE_CLIENT ? "the answer is not HTTP/1"
                                                        : "what was sent back is not HTTP/1");
    connection_set_opaque(connection);
}

static void response_begin(struct input *input)
{
    struct exchange *exchange = input->connection->first;
    exchange_own_span(exchange);
    span_add_event(exchange->span, SPAN_EVENT_RESPONSE_FIRST_BYTE, input->start_ns);
    exchange->is_response_started = exchange->request.is_answering = true;
}

/* Not HTTP, then, though it began as if it were. */
static void nobody_asked(struct input *input)
{
    struct connection *connection = input->connection;
    connection->responses.is_broken = true;
    protocol_disown(connection);
    if (!connection->is_opaque)
        connection->protocol->response_bytes(connection, input->bytes, input->len, input->start_ns, input->end_ns);
}

static void response_head(struct input *input, const struct http1_head *head, size_t at)
{
    struct connection *connection = input->connection;
    (void)at;
    if (!connection->first) {
        nobody_asked(input);
        return;
    }
    response_begin(input);
    exchange_note_status(connection->first, head->first_line.status);
    response_head_end(input);
}

static void response_event(struct input *input, const struct http1_event *event, size_t at)
{
    struct connection *connection = input->connection;
    struct exchange *exchange = connection->first;
    (void)at;
    if (!exchange) { /* or a tunnel has begun, and its answer ends */
        if (!connection->is_tunnel || event->type != HTTP1_MESSAGE_END)
            nobody_asked(input);
        return;
    }
    switch (event->type) {
    case HTTP1_MESSAGE_START:
        response_begin(input);
        break;
    case HTTP1_STATUS_LINE:
        exchange_note_status(exchange, event->status);
        break;
    case HTTP1_HEAD_END:
        response_head_end(input);
        break;
    case HTTP1_BODY:
        exchange->response_body_len += event->count;
        break;
    case HTTP1_MESSAGE_END:
        if (!is_interim(exchange->status))
            response_end(connection, end_ns_of(input));
        break;
    case HTTP1_INVALID:
        response_invalid(input);
        break;
    default:
        break;
    }
}

static void http1_response_bytes(struct connection *connection, const char *bytes, size_t len,
                                 uint64_t start_ns, uint64_t end_ns)
{
    struct input input = {connection, bytes, len, 0, start_ns, end_ns};
    if (connection->role == ROLE_CLIENT && connection->first)
        exchange_resume(connection->first);
    stream_run(&connection->responses, &input, (struct listener){response_head, response_event});
}

static void http1_skip_bytes(struct connection *connection, bool is_request, uint64_t count,
                             uint64_t now_ns)
{
    struct stream *stream = is_request ? &connection->requests : &connection->responses;
    struct exchange *exchange = is_request ? connection->current : connection->first;
    if (stream->is_broken)
        return;
    if (!http1_skip(&stream->parser, count)) {
        connection_set_opaque(connection);
        return;
    }
    if (exchange && is_request)
        exchange->request_body_len += count;
    else if (exchange)
        exchange->response_body_len += count;
    /* The end of a message is told without further input. */
    if (is_request)
        http1_request_bytes(connection, "", 0, 0, now_ns);
    else
        http1_response_bytes(connection, "", 0, now_ns, now_ns);
}

static void http1_stream_end(struct connection *connection, bool is_request, uint64_t now_ns)
{
    if (!is_request && connection->first &&
        http1_body_ends_with_connection(&connection->responses.parser))
        response_end(connection, now_ns);
}

static void http1_end(struct connection *connection)
{
    line_release(&connection->requests);
    line_release(&connection->responses);
    http_common_free(&connection->common);
}

const struct protocol PROTOCOL_HTTP1 = {
    .name = "http/1",
    .recognise = http1_recognise,
    .begin = http1_begin,
    .request_bytes = http1_request_bytes,
    .response_bytes = http1_response_bytes,
    .skip = http1_skip_bytes,
    .stream_end = http1_stream_end,
    .end = http1_end,
};
