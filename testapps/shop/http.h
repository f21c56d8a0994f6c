/* http.h - as much of HTTP/1.1 (RFC 9112) as the shop speaks: messages with a Content-Length. */
#ifndef SHOP_HTTP_H
#define SHOP_HTTP_H

#include "stream.h"

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_BODY_LEN_MAX = 16384 };

struct http_request {
    char method[16];
    char path[256];
    char query[256];         /* without the '?'; empty where there is none */
    char authorization[256]; /* empty where there is none */
    bool keep_alive;
    size_t body_len;
    char body[HTTP_BODY_LEN_MAX];
};

struct http_response {
    int status;
    bool keep_alive;
    size_t body_len;
    char body[HTTP_BODY_LEN_MAX];
};

/* http_read_request - reads one request. Returns 0; or the status to refuse it with (400, 413, 431,
 * 501), after which the connection cannot be used any more; or a negative errno when the connection
 * ended (-ECONNRESET: the peer closed it) and there is nobody to answer. */
int http_read_request(struct stream *stream, struct http_request *request);

/* http_write_response - sends @response; its keep_alive says what to announce. 0 or negative errno.
 */
int http_write_response(struct stream *stream, const struct http_response *response);

/* http_write_request - sends a request. @headers: further lines, each ended by CRLF; may be empty.
 * Returns 0, or a negative errno. */
int http_write_request(struct stream *stream, const char *method, const char *target,
                       const char *host, const char *headers, const char *body);

/* http_read_response - reads one response. Returns 0; -ECONNRESET where the peer closed without a
 * word; -EPROTO where what it said is no answer; or another negative errno. */
int http_read_response(struct stream *stream, struct http_response *response);

/* http_respond - fills in @response: a status and a JSON body made as by printf. */
void http_respond(struct http_response *response, int status, const char *json_format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
