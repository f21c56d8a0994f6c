/* FastCGI as a protocol: from records to exchanges, contexts and edits. A web server has one request at a time on a
 * connection; where several are told at once, nothing is looked at any more. */
#include "wire/protocol.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/text.h"
#include "trace/traceparent.h"
#include "wire/fastcgi_request.h"
#include "wire/http_request.h"

#include <string.h>

static void fastcgi_begin(struct connection *connection)
{
    fastcgi_init(&connection->requests.fastcgi.parser);
    fastcgi_init(&connection->responses.fastcgi.parser);
    cgi_head_init(&connection->responses.fastcgi.head);
}

/* ---- requests ---- */

/* The request that is going by, if @request_id is its. */
static struct exchange *current_find(const struct connection *connection, uint16_t request_id)
{
    struct exchange *exchange = connection->current;
    return exchange && exchange->stream_id == request_id ? exchange : NULL;
}

/* Its parameters are not complete. */
static bool has_params(const struct connection *connection, const struct exchange *exchange)
{
    return connection->fastcgi && exchange->head;
}

static bool request_ensure(struct connection *connection)
{
    if (connection->fastcgi)
        fastcgi_request_reset(connection->fastcgi);
    else
        connection->fastcgi = fastcgi_request_alloc();
    return connection->fastcgi;
}

static void request_begin(struct connection *connection, uint16_t request_id, uint64_t now_ns)
{
    const struct http1_event line = {.type = HTTP1_REQUEST_LINE, .name = "", .value = ""};
    if (connection->current || !request_ensure(connection)) {
        connection_set_opaque(connection);
        return;
    }
    connection->requests.message_start_ns = now_ns;
    http_request_begin(connection, &line, false);
    if (connection->is_opaque)
        return;
    connection->current->stream_id = request_id;
    if (connection->current->head)
        connection->current->head->gateway = &connection->fastcgi->gateway;
}

static void line_note(struct connection *connection)
{
    char room[FASTCGI_TARGET_LEN_MAX];
    struct http1_event line;
    fastcgi_request_line(connection->fastcgi, room, &line);
    exchange_note_line(connection->current, &line);
}

/* Not as soon as it is met: what else lies in the same input, the path say, decides on its flags. A longer one, of a later
 * version, stays: the blanks that would have to follow ours would count here. */
static void traceparent_settle(struct connection *connection)
{
    struct fastcgi_request *request = connection->fastcgi;
    size_t len = request->traceparent_len;
    uint64_t offset = request->traceparent_offset;
    if (connection->role != ROLE_CLIENT || !len)
        return;
    request->traceparent_len = 0;
    line_note(connection);
    http_request_traceparent(connection, len == TRACEPARENT_LEN ? len : SIZE_MAX,
                             offset >= connection->sent_len ? offset : HTTP_EXTRAS_NO_OFFSET);
}

static void params_take(struct connection *connection, const struct fastcgi_event *event)
{
    struct fastcgi_request *request = connection->fastcgi;
    struct fastcgi_pair pair;
    for (size_t at = 0;;) {
        at += fastcgi_params_next(&request->params, event->bytes + at, event->len - at, event->offset + at, &pair);
        if (!pair.is_complete)
            break;
        fastcgi_request_note(request, connection->current->head, &pair);
    }
    if (UNLIKELY(request->traceparent_len))
        traceparent_settle(connection);
}

/* As a record before the one that ends the parameters, which begins at @offset. Not within a pair, or a record. */
static void params_inject(struct connection *connection, uint64_t offset, uint32_t left_out)
{
    struct exchange *exchange = connection->current;
    char lines_bytes[PROPAGATION_LEN_MAX], record_bytes[sizeof ((struct edit *)0)->text];
    struct text lines = text_on(lines_bytes, sizeof lines_bytes), record = text_on(record_bytes, sizeof record_bytes);
    if (offset < connection->sent_len || !fastcgi_params_is_between(&connection->fastcgi->params)) {
        exchange->propagation_skipped = "split";
        return;
    }
    propagators_inject(&exchange->context, left_out, &lines);
    fastcgi_request_append_params(&record, exchange->stream_id, lines.bytes, lines.len);
    struct edit *edit = record.overflowed ? NULL : http_request_edit_new(connection, offset);
    if (record.overflowed)
        exchange->propagation_skipped = "length";
    if (!edit)
        return;
    memcpy(edit->text, record.bytes, record.len);
    edit->len = (uint16_t)record.len;
}

static void params_end(struct connection *connection, uint64_t offset)
{
    struct exchange *exchange = connection->current;
    bool is_client = connection->role == ROLE_CLIENT;
    uint32_t left_out;
    line_note(connection);
    fastcgi_request_complete(connection->fastcgi, exchange->head, !is_client);
    if (is_client && http_request_propagate(connection, &left_out))
        params_inject(connection, offset, left_out);
    http_request_head_end(connection);
    fastcgi_request_free(&connection->fastcgi);
}

static void request_event(struct connection *connection, const struct fastcgi_event *event, uint64_t now_ns)
{
    struct exchange *exchange = current_find(connection, event->request_id);
    bool is_params = event->record_type == FASTCGI_PARAMS, is_end = event->type == FASTCGI_STREAM_END;
    if (event->type == FASTCGI_BEGIN)
        request_begin(connection, event->request_id, now_ns);
    else if (!exchange || is_params != has_params(connection, exchange))
        return;
    else if (is_params && is_end)
        params_end(connection, event->offset);
    else if (is_params)
        params_take(connection, event);
    else if (is_end)
        http_request_end(connection);
    else
        http_request_body(connection, event->len);
}

static void fastcgi_request_bytes(struct connection *connection, const char *bytes, size_t len, uint64_t offset,
                                  uint64_t now_ns)
{
    struct stream *stream = &connection->requests;
    struct fastcgi_event event;
    if (connection->role == ROLE_CLIENT)
        stream->fastcgi.parser.offset = offset;
    for (size_t at = 0; !stream->is_broken && !connection->is_opaque;) {
        at += fastcgi_next(&stream->fastcgi.parser, bytes + at, len - at, &event);
        if (event.type == FASTCGI_MORE)
            break;
        stream->is_broken = event.type == FASTCGI_INVALID || event.type == FASTCGI_END;
        if (!stream->is_broken)
            request_event(connection, &event, now_ns);
        else if (!connection->first) /* another protocol; else the answer will tell */
            protocol_disown(connection);
    }
}

/* ---- responses ---- */

static void stdout_take(struct connection *connection, const char *bytes, size_t len, uint64_t start_ns)
{
    struct exchange *exchange = connection->first;
    struct cgi_head *head = &connection->responses.fastcgi.head;
    if (!exchange->is_response_started)
        http_response_begin(connection, start_ns);
    if (!head->is_done) {
        len -= cgi_head_take(head, bytes, len);
        if (!head->is_done)
            return;
        exchange_note_status(exchange, cgi_head_status(head));
        exchange->is_response_head_done = true;
    }
    exchange->response_body_len += len;
}

static void response_fail(struct connection *connection, const char *error_type, const char *message, uint64_t end_ns)
{
    exchange_fail(connection_pop(connection), error_type, message, end_ns ? end_ns : clock_monotonic_ns());
}

/* Why the application did not take the request. */
static const char *refusal(uint8_t protocol_status)
{
    switch (protocol_status) {
    case FASTCGI_CANT_MPX_CONN:
        return "cant_mpx_conn";
    case FASTCGI_OVERLOADED:
        return "overloaded";
    case FASTCGI_UNKNOWN_ROLE:
        return "unknown_role";
    default:
        return "refused";
    }
}

static void response_end(struct connection *connection, uint8_t protocol_status, uint64_t end_ns)
{
    struct cgi_head *head = &connection->responses.fastcgi.head;
    if (protocol_status != FASTCGI_REQUEST_COMPLETE)
        response_fail(connection, refusal(protocol_status), "the FastCGI application refused the request", end_ns);
    else if (!head->is_done)
        response_fail(connection, ERROR_MALFORMED, "the answer ended before its head did", end_ns);
    else
        http_response_end(connection, end_ns ? end_ns : clock_monotonic_ns());
    cgi_head_init(head);
}

static void response_invalid(struct connection *connection)
{
    connection_fail_all(connection, ERROR_MALFORMED,
                        connection->role == ROLE_CLIENT ? "the answer is not FastCGI"
                                                        : "what was sent back is not FastCGI");
    connection_set_opaque(connection);
}

static void response_event(struct connection *connection, const struct fastcgi_event *event, uint64_t start_ns,
                           uint64_t end_ns)
{
    if (event->type == FASTCGI_INVALID || event->type == FASTCGI_BEGIN)
        response_invalid(connection);
    else if (!connection->first || connection->first->stream_id != event->request_id)
        connection_set_opaque(connection); /* nobody asked, or several answers at once */
    else if (event->type == FASTCGI_END)
        response_end(connection, event->protocol_status, end_ns);
    else if (event->type == FASTCGI_STREAM)
        stdout_take(connection, event->bytes, event->len, start_ns);
}

static void fastcgi_response_bytes(struct connection *connection, const char *bytes, size_t len, uint64_t start_ns,
                                   uint64_t end_ns)
{
    struct fastcgi_event event;
    if (connection->role == ROLE_CLIENT && connection->first)
        exchange_resume(connection->first);
    for (size_t at = 0; !connection->is_opaque;) {
        at += fastcgi_next(&connection->responses.fastcgi.parser, bytes + at, len - at, &event);
        if (event.type == FASTCGI_MORE)
            break;
        response_event(connection, &event, start_ns, end_ns);
    }
}

/* ---- the rest ---- */

/* What is needed of the parameters or of the head of an answer was not seen. */
static bool is_content(const struct connection *connection, bool is_request, const struct fastcgi_event *event)
{
    return is_request ? event->record_type == FASTCGI_STDIN
                      : event->record_type == FASTCGI_STDOUT && connection->responses.fastcgi.head.is_done;
}

static void fastcgi_skip_bytes(struct connection *connection, bool is_request, uint64_t count, uint64_t now_ns)
{
    struct stream *stream = is_request ? &connection->requests : &connection->responses;
    struct fastcgi_event event;
    if (stream->is_broken)
        return;
    if (!fastcgi_skip(&stream->fastcgi.parser, count, &event) || !is_content(connection, is_request, &event))
        connection_set_opaque(connection);
    else if (is_request)
        request_event(connection, &event, now_ns);
    else
        response_event(connection, &event, now_ns, now_ns);
}

/* A request ends with its END_REQUEST alone. */
static void fastcgi_stream_end(struct connection *connection, bool is_request, uint64_t now_ns)
{
    (void)connection;
    (void)is_request;
    (void)now_ns;
}

static void fastcgi_end(struct connection *connection)
{
    fastcgi_request_free(&connection->fastcgi);
    http_common_free(&connection->common);
}

const struct protocol PROTOCOL_FASTCGI = {
    .name = "fastcgi",
    .recognise = fastcgi_recognise,
    .begin = fastcgi_begin,
    .request_bytes = fastcgi_request_bytes,
    .response_bytes = fastcgi_response_bytes,
    .skip = fastcgi_skip_bytes,
    .stream_end = fastcgi_stream_end,
    .end = fastcgi_end,
};
