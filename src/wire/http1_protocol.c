/* HTTP/1.0 and 1.1 as a protocol: from the parser's events to exchanges, contexts and edits. */
#include "wire/protocol.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/slab.h"
#include "base/text.h"
#include "wire/http_request.h"

#include <string.h>

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
    void (*on_rest)(struct input *, size_t body_len); /* the message ends with so many bytes of its body */
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

/* The head that begins at @at, if it is taken in one go. Returns its length. */
static ALWAYS_INLINE size_t head_take(struct stream *stream, const struct input *input, size_t at,
                                      struct http1_head *head)
{
    const struct http1_known *known = known_head_of(&stream->head);
    const char *bytes = input->bytes + at;
    size_t left = input->len - at, len = 0;
    if (known && http1_is_known(known, bytes, left))
        len = http1_take_known_head(&stream->parser, known, bytes, left, head);
    return LIKELY(len) ? len : http1_take_head(&stream->parser, bytes, left, head);
}

/* Runs the parser over @input. Made anew for each listener. */
static ALWAYS_INLINE void
stream_run(struct stream *stream, struct input *input, const struct listener listener)
{
    size_t at = 0;
    while (!stream->is_broken && !input->connection->is_opaque) {
        struct http1_head head;
        struct http1_event event;
        size_t body_len;
        if (http1_is_between_messages(&stream->parser)) {
            if (at == input->len)
                break;
            size_t head_len = head_take(stream, input, at, &head);
            if (head_len) {
                stream->message_start_ns = input->start_ns;
                at += head_len;
                listener.on_head(input, &head, at);
                continue;
            }
        } else if (http1_take_rest(&stream->parser, input->len - at, &body_len)) {
            at += body_len;
            listener.on_rest(input, body_len);
            continue;
        }
        at += event_next(stream, input, at, &event);
        if (event.type == HTTP1_MORE && at == input->len)
            break;
        listener.on_event(input, &event, at);
    }
    if (stream->line && (stream->is_broken || !http1_needs_line(&stream->parser)))
        line_release(stream);
}

static bool lies_in(const struct input *input, const char *bytes, size_t len)
{
    return bytes >= input->bytes && bytes + len <= input->bytes + input->len;
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
        http_request_traceparent(input->connection, event->value_len,
                                 offset_of(input, event->value, event->value_len));
    else if (exchange->head->extras)
        http_extras_note_offset(exchange->head->extras, offset_of(input, event->value, event->value_len));
}

static void request_head_end(struct connection *connection)
{
    http1_set_framing(&connection->requests.parser, HTTP1_FRAMING_DECLARED);
    http_request_head_end(connection);
}

/* The headers go in before the blank line: DESIGN.md, section 3. */
static void request_blank_line(struct input *input, size_t at)
{
    struct connection *connection = input->connection;
    uint32_t left_out;
    if (connection->role != ROLE_CLIENT || !http_request_propagate(connection, &left_out))
        return;
    struct edit *edit = http_request_edit_new(connection, input->offset + at);
    if (!edit)
        return;
    struct text text = text_on(edit->text, sizeof edit->text);
    propagators_inject(&connection->current->context, left_out, &text);
    edit->len = (uint16_t)text.len;
}

/* Returns how much of the head comes before what it says of contexts. */
static size_t request_fields(struct input *input, const struct http1_head *head, size_t start)
{
    const struct exchange *exchange = input->connection->current;
    size_t len = head->blank_line_at;
    for (size_t i = 0; i < head->field_count; i++) {
        request_field(input, &head->fields[i]);
        if (exchange && UNLIKELY(http_head_has_context(exchange->head)))
            len = MIN(len, (size_t)(head->fields[i].name - input->bytes) - start);
    }
    return len;
}

static void known_request_head(struct input *input, const struct http1_head *head)
{
    known_head_has_come(&input->connection->requests.head);
    http_request_begin_known(input->connection);
    for (size_t i = 0; i < head->field_count; i++)
        request_field(input, &head->fields[i]);
}

static void other_request_head(struct input *input, const struct http1_head *head, size_t start)
{
    struct connection *connection = input->connection;
    http_request_begin(connection, &head->first_line, true);
    size_t len = request_fields(input, head, start);
    if (connection->current && known_head_other_came(&connection->requests.head) &&
        !g_http_extras_wanted.is_capturing)
        known_head_keep_request(&connection->requests.head, &connection->requests.parser, input->bytes + start, len,
                                head, connection->current->head);
}

static void request_head(struct input *input, const struct http1_head *head, size_t at)
{
    size_t start = at - head->len;
    if (head->is_known)
        known_request_head(input, head);
    else
        other_request_head(input, head, start);
    request_blank_line(input, start + head->blank_line_at);
    request_head_end(input->connection);
}

static void request_rest(struct input *input, size_t body_len)
{
    if (body_len)
        http_request_body(input->connection, body_len);
    http_request_end(input->connection);
}

static void request_event(struct input *input, const struct http1_event *event, size_t at)
{
    struct connection *connection = input->connection;
    switch (event->type) {
    case HTTP1_REQUEST_LINE:
        http_request_begin(connection, event, false);
        break;
    case HTTP1_HEADER:
        request_field(input, event);
        break;
    case HTTP1_BLANK_LINE:
        request_blank_line(input, at);
        break;
    case HTTP1_HEAD_END:
        request_head_end(input->connection);
        break;
    case HTTP1_BODY:
        http_request_body(connection, event->count);
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
    stream_run(&connection->requests, &input, (struct listener){request_head, request_rest, request_event});
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
        http_response_end(connection, end_ns_of(input));
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
    struct known_head_place *place = &connection->responses.head;
    if (!connection->first) {
        nobody_asked(input);
        return;
    }
    if (head->is_known)
        known_head_has_come(place);
    else if (known_head_other_came(place))
        known_head_keep_response(place, &connection->responses.parser, input->bytes + at - head->len, head);
    http_response_begin(connection, input->start_ns);
    exchange_note_status(connection->first, head->first_line.status);
    response_head_end(input);
}

static void response_message_end(struct input *input)
{
    if (!is_interim(input->connection->first->status))
        http_response_end(input->connection, end_ns_of(input));
}

static void response_rest(struct input *input, size_t body_len)
{
    struct connection *connection = input->connection;
    if (LIKELY(connection->first)) {
        connection->first->response_body_len += body_len;
        response_message_end(input);
    } else if (!connection->is_tunnel) { /* else its answer ends */
        nobody_asked(input);
    }
}

static void response_event(struct input *input, const struct http1_event *event, size_t at)
{
    struct exchange *exchange = input->connection->first;
    (void)at;
    if (!exchange) {
        nobody_asked(input);
        return;
    }
    switch (event->type) {
    case HTTP1_MESSAGE_START:
        http_response_begin(input->connection, input->start_ns);
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
    stream_run(&connection->responses, &input, (struct listener){response_head, response_rest, response_event});
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
        http_response_end(connection, now_ns);
}

static void http1_end(struct connection *connection)
{
    line_release(&connection->requests);
    line_release(&connection->responses);
    known_head_forget_request(&connection->requests.head);
    known_head_forget_response(&connection->responses.head);
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
