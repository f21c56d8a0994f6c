/* http_head.h - what is kept of a request's head until it is complete, and the attributes that come
 * of it. OpenTelemetry semantic conventions for HTTP, stable. */
#ifndef RUN_TRACED_WIRE_HTTP_HEAD_H
#define RUN_TRACED_WIRE_HTTP_HEAD_H

#include "trace/ignore.h"
#include "trace/span.h"
#include "wire/endpoint.h"
#include "wire/http1.h"
#include "wire/http_extras.h"
#include "wire/tls_facts.h"

enum {
    HTTP_TARGET_LEN_MAX = 1024,
    HTTP_HOST_LEN_MAX = 255,
    HTTP_USER_AGENT_LEN_MAX = 255,
    HTTP_REQUEST_ID_LEN_MIN = 8, /* a shorter one may be anybody's */
    HTTP_TRACESTATE_LEN_MAX = HTTP1_LINE_LEN_MAX, /* of what has to be put together */
};

struct http_common; /* wire/http_common.h */
struct http_head_store;

/* What a web server that hands a request on by a protocol of its own tells of it. */
struct http_gateway {
    const char *protocol, *protocol_version;
    const char *client_address; /* not NUL-terminated */
    size_t client_address_len;  /* 0: not known */
    int client_port;            /* 0: not known */
    int server_port;            /* the web server's own, where the Host tells none; 0: not known */
    bool is_https;              /* what the client speaks with the web server */
};

/* What is said of a request's head, made once for a head that comes again: its span's name, and its attributes. */
struct http_described {
    uint64_t fingerprint; /* 0: not made, or none */
    uint16_t name_len;
    char name[SPAN_NAME_LEN_MAX];
    struct attribute_block block; /* its len is 0: nothing is made */
};

/* Its parts lie in the input that they were found in, or, for a head that comes in pieces, in a store. */
struct http_head {
    const char *method, *target, *host, *user_agent;
    uint16_t target_len;
    uint16_t host_len;
    uint16_t user_agent_len;
    uint8_t method_len;
    int minor;
    /* What differs where the same is asked again: */
    const char *tracestate; /* of all tracestate headers, joined by commas */
    uint16_t tracestate_len;
    uint8_t traceparent_count;
    bool is_passed_on; /* a traceparent of these: of a client's head */
    bool tracestate_is_cut;
    bool has_tracestate;
    bool is_in_store; /* the head itself */
    uint8_t request_id_count;
    uint64_t request_id; /* hash of the last X-Request-ID */
    struct http_head_store *store;   /* NULL: none */
    struct http_extras *extras;      /* NULL: none */
    const struct http_gateway *gateway; /* NULL: it came by HTTP itself */
    struct http_described *described; /* of a head that is kept (wire/known_head.h); NULL: it is not */
    struct span_context traceparent; /* of the last traceparent header; valid or not */
};

enum { HTTP_PARTS_LEN = offsetof(struct http_head, tracestate) };
struct http_parts {
    _Alignas(struct http_head) char bytes[HTTP_PARTS_LEN];
};

/* http_head_init - an empty head, for as long as the input lies there that its parts are found in. To be
 * given to http_head_free. */
void http_head_init(struct http_head *head);

/* http_head_keep_parts - the parts of @head, which lie in the @len bytes @from, lie in the copy @to from then on; @out
 * becomes what http_head_init_known takes. Returns false, with nothing changed, if a part lies elsewhere. */
bool http_head_keep_parts(struct http_head *head, const char *from, const char *to, size_t len, struct http_parts *out);

/* http_head_init_known - as http_head_init, with @parts and what is said of them. */
void http_head_init_known(struct http_head *head, const struct http_parts *parts, struct http_described *described);

/* http_head_has_context - something of the context that the request carries was noted, or of what tells it from others. */
static inline bool http_head_has_context(const struct http_head *head)
{
    return head->traceparent_count || head->has_tracestate || head->extras || head->request_id_count;
}

/* http_head_alloc - an empty head that keeps its parts, from our own memory; NULL if there is none. Hot
 * path. */
struct http_head *http_head_alloc(void);

/* http_head_free - gives back what it holds. @head may be NULL. */
void http_head_release(struct http_head *head);
static inline void http_head_free(struct http_head *head)
{
    if (head && UNLIKELY(head->store || head->extras))
        http_head_release(head);
}

/* http_head_note_line - notes method and target of an HTTP1_REQUEST_LINE. */
void http_head_note_line(struct http_head *head, const struct http1_event *line);

/* What a field was to http_head_note_field. */
enum http_field { HTTP_FIELD_KNOWN, HTTP_FIELD_TRACEPARENT, HTTP_FIELD_EXTRA };

/* http_head_note_field - notes what we need of an HTTP1_HEADER. */
enum http_field http_head_note_field(struct http_head *head, const struct http1_event *field);

/* http_head_extract - the context that the request carries, by the first of the propagators in use that finds one:
 * PROPAGATOR_CONTEXT, and @out, without baggage. Else what it says of the trace that begins with it; @out is not valid
 * then. W3C Trace Context, "Processing Model": two traceparent headers are as bad as none. */
enum propagator_result http_head_extract(const struct http_head *head, struct span_context *out);

/* http_head_extract_baggage - @context gets the baggage that the request carries, with or without a parent. */
static inline void http_head_extract_baggage(const struct http_head *head, struct span_context *context)
{
    if (!head || !head->extras)
        return;
    context->baggage_len = head->extras->baggage.baggage_len;
    memcpy(context->baggage, head->extras->baggage.baggage, context->baggage_len);
}

/* http_head_fingerprint - of what a proxy leaves as it is: method, target, Host and User-Agent. 0: there is no Host. Hot
 * path. */
uint64_t http_head_fingerprint(const struct http_head *head);

/* http_head_request_id - a hash of its X-Request-ID, by which one request is told from all others. 0: there is none, or
 * several, or one that may be anybody's. */
static inline uint64_t http_head_request_id(const struct http_head *head)
{
    return head->request_id_count == 1 ? head->request_id : 0;
}

/* Who talks, and by what. */
struct http_ends {
    const union endpoint *peer;
    const union endpoint *local; /* may be unknown; not asked for by clients */
    const struct tls_facts *tls; /* NULL: in the clear */
    struct http_common **common; /* where the connection keeps what its requests have in common */
};

/* http_head_describe_client, _server - names the span and sets its attributes. */
void http_head_describe_client(const struct http_head *head, struct span *span, const struct http_ends *ends);
void http_head_describe_server(const struct http_head *head, struct span *span, const struct http_ends *ends);

/* http_head_is_ignored - RUN_TRACED_IGNORE names such requests. Hot path, signal-safe. */
bool http_head_is_listed(const struct http_head *head);
static inline bool http_head_is_ignored(const struct http_head *head)
{
    return UNLIKELY(g_ignored.count != 0) && http_head_is_listed(head);
}

/* http_describe_method - sets name and method of a span, by the convention's closed list: a method
 * that is not on it becomes _OTHER, and the span's name HTTP. */
void http_describe_method(struct span *span, const char *method, size_t len);

/* http_describe_status - sets the status code and, by the conventions, the outcome: a CLIENT fails from 400
 * up; a server is not to blame for 4xx, and fails from 500 up. Does nothing where @status is not positive. */
void http_describe_status(struct span *span, enum span_kind kind, int status);

/* http_describe_url_server - sets server.address and server.port from an absolute URL, or what CONNECT asks for. */
void http_describe_url_server(struct span *span, const char *url, size_t len);

/* http_describe_route - @path, in which ids have become {id}, joins the method in the name, where there is room for all of
 * it, and is a CLIENT's url.template; if RUN_TRACED_URL_ROUTES asks for it. After http_describe_method. No http.route: by
 * the conventions only the framework that routed the request can tell that. */
void http_describe_route(struct span *span, enum span_kind kind, const char *path, size_t len);

#endif
