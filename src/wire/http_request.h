/* http_request.h - what becomes of an HTTP request, whichever protocol carries it: its exchange, its context on the
 * way out, its answer. The request is the one that is going by (connection->current), the answer that of the first one
 * that is open (connection->first). All functions: with the connection's lock held; hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_HTTP_REQUEST_H
#define RUN_TRACED_WIRE_HTTP_REQUEST_H

#include "wire/connection.h"

/* http_request_begin - a request began at connection->requests.message_start_ns: it is connection->current from now
 * on, or the connection is opaque. @line, @is_whole: as for exchange_begin. */
void http_request_begin(struct connection *connection, const struct http1_event *line, bool is_whole);

/* http_request_begin_known - the same, of the head that connection->requests knows. */
void http_request_begin_known(struct connection *connection);

/* http_request_traceparent - CLIENT: the application sends a traceparent of its own accord, which the head has noted:
 * @len bytes, at @offset in what it sends, of which none has been sent; HTTP_EXTRAS_NO_OFFSET: it does not lie there
 * in one piece. That of a request it serves, passed on, becomes that of this call. */
void http_request_traceparent(struct connection *connection, size_t len, uint64_t offset);

/* http_request_propagate - CLIENT, when all fields are known: settles the parent, and what the fields that the
 * application sends mean. Returns true if fields of ours are to go in, but for those in @left_out (see
 * propagators_inject). */
bool http_request_propagate(struct connection *connection, uint32_t *left_out);

/* http_request_edit_new - an insertion at @offset for these fields; NULL if it cannot be: the span will say why. */
struct edit *http_request_edit_new(struct connection *connection, uint64_t offset);

/* http_request_head_end - the head is complete. The thread that has read it works for the request, unless another one
 * comes first. */
void http_request_head_end(struct connection *connection);

/* http_request_body - @count bytes of content. */
void http_request_body(struct connection *connection, uint64_t count);

/* http_request_end - the request is complete. */
void http_request_end(struct connection *connection);

/* http_response_begin - the first byte of the answer went by at @start_ns. There is an open request. */
void http_response_begin(struct connection *connection, uint64_t start_ns);

/* http_response_end - the first exchange is over; the thread that answered it goes on with the next one, if it has read
 * that already. */
void http_response_end(struct connection *connection, uint64_t end_ns);

#endif
