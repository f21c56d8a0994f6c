/* fastcgi_request.h - an HTTP request as the parameters of a FastCGI request tell it: the names are those of CGI's
 * meta-variables (RFC 3875, section 4.1). All functions: with the connection's lock held; hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_FASTCGI_REQUEST_H
#define RUN_TRACED_WIRE_FASTCGI_REQUEST_H

#include "wire/fastcgi_params.h"
#include "wire/http_head.h"

enum fastcgi_part {
    FASTCGI_PART_METHOD,
    FASTCGI_PART_URI,
    FASTCGI_PART_SCRIPT,
    FASTCGI_PART_PATH_INFO,
    FASTCGI_PART_QUERY,
    FASTCGI_PART_SERVER_NAME,
    FASTCGI_PART_SERVER_PORT,
    FASTCGI_PART_CLIENT_ADDRESS,
    FASTCGI_PART_CLIENT_PORT,
    FASTCGI_PART_SCHEME,
    FASTCGI_PART_HTTPS,
    FASTCGI_PART_COUNT,
};

enum { FASTCGI_PARTS_LEN_MAX = 6144 };

/* What is kept until the parameters are complete. */
struct fastcgi_request {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    struct http_gateway gateway;
    uint64_t traceparent_offset; /* of a traceparent that is to be looked at; see traceparent_len */
    size_t traceparent_len;      /* 0: there is none */
    uint16_t bytes_len;
    struct {
        uint16_t at, len;
        bool is_lost; /* there was no room for it */
    } parts[FASTCGI_PART_COUNT];
    struct fastcgi_params params;
    char bytes[FASTCGI_PARTS_LEN_MAX];
};

/* fastcgi_request_alloc - an empty one, or NULL if there is no memory. */
struct fastcgi_request *fastcgi_request_alloc(void);

/* fastcgi_request_reset - empty again. */
void fastcgi_request_reset(struct fastcgi_request *request);

/* fastcgi_request_free - *@request may be NULL, and is so then. */
void fastcgi_request_free(struct fastcgi_request **request);

/* fastcgi_request_note - keeps what is needed of @pair, in @request or, if it is one of the request's header fields, in
 * @head. */
void fastcgi_request_note(struct fastcgi_request *request, struct http_head *head, const struct fastcgi_pair *pair);

enum { FASTCGI_TARGET_LEN_MAX = 3 * HTTP_TARGET_LEN_MAX + 1 };

/* fastcgi_request_line - method and target as far as they are known, as the event that tells of a request line. @room:
 * for a target that has to be put together. */
void fastcgi_request_line(const struct fastcgi_request *request, char room[FASTCGI_TARGET_LEN_MAX],
                          struct http1_event *line);

/* fastcgi_request_complete - all parameters are there: what they say of the client and the scheme becomes the
 * gateway's. @is_server: @head gets SERVER_NAME for the Host that it lacks. */
void fastcgi_request_complete(struct fastcgi_request *request, struct http_head *head, bool is_server);

/* fastcgi_request_append_params - @lines, header fields with a line break each, as a PARAMS record of its own. */
void fastcgi_request_append_params(struct text *record, uint16_t request_id, const char *lines, size_t len);

#endif
