/* exchange.h - one request and its response, seen from one end: what a span stands for. */
#ifndef RUN_TRACED_WIRE_EXCHANGE_H
#define RUN_TRACED_WIRE_EXCHANGE_H

#include "trace/active.h"
#include "trace/span.h"
#include "wire/endpoint.h"
#include "wire/http_head.h"
#include "wire/parent.h"

/* error.type of what is neither an errno nor a status code. */
#define ERROR_TIMEOUT "timeout"                     /* no answer in the time it was given */
#define ERROR_CONNECTION_CLOSED "connection_closed" /* by the peer, too early */
#define ERROR_ABORTED "aborted"                     /* by the application, too early */
#define ERROR_MALFORMED "malformed_response"

struct known_head;

struct exchange {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    struct active_request request; /* its generation counts up when the exchange ends */
    uint32_t fork_count;         /* process_fork_count() when it began */
    uint32_t spawn_count;        /* process_spawn_count() then */
    struct exchange *next;       /* the next one on the same connection */
    const union endpoint *peer;  /* the connection's, which outlives it; NULL: not known */
    const struct tls_facts *tls; /* the connection's */
    struct span *span;           /* NULL: not recorded */
    bool is_traced;              /* it has, or will have, a context; recorded or not */
    struct span *snapshot;       /* in a fork child: the span as it was at the fork */
    int pid;                     /* of the process whose span it is */
    struct http_head *head;      /* until the request's head is complete */
    uint8_t kind;                /* enum span_kind */
    uint16_t stream_id;          /* FastCGI: the request id */
    bool is_connect_method, is_head_method;
    bool is_opaque;              /* stands for a whole connection; the lengths are all bytes */
    uint8_t link_count; /* CLIENT: it is the child of one of so many, nobody can say which */
    bool is_request_done;
    bool is_response_started, is_response_head_done;
    const char *propagation_skipped; /* CLIENT: why no traceparent goes out; NULL: it does */
    int status;                  /* of the response; 0 before that */
    uint64_t fingerprint;        /* SERVER: of its head, see http_head_fingerprint */
    uint64_t request_id;         /* SERVER: http_head_request_id */
    int reader_tid;              /* SERVER: the thread that read the head */
    uint64_t request_body_len, response_body_len; /* bytes of content */
    struct span_link links[SPAN_LINKS_MAX];
    struct http_head whole_head; /* what head is where no parts need be kept */
    struct span_context context; /* of this span; valid once it is decided */
    /* SERVER: what the thread that reads the request works for from then on. CLIENT: what the thread
     * that made the request worked for, which whoever reads the answer goes on with. */
    struct active_context active;
};

/* exchange_begin - a request was seen to begin at @start_ns (monotonic). @is_whole: the input that its
 * head lies in will be there until the end of the head. NULL if there is no memory for it. Hot path,
 * signal-safe. */
struct exchange *exchange_begin(enum span_kind kind, uint64_t start_ns,
                                const struct http1_event *request_line, bool is_whole);

/* exchange_note_line - @request_line is known only now, or better now, before the end of the head: exchange_begin had
 * an empty one. */
void exchange_note_line(struct exchange *exchange, const struct http1_event *request_line);

/* exchange_begin_known - the same of a head that is @known. */
struct exchange *exchange_begin_known(enum span_kind kind, uint64_t start_ns, struct known_head *known);

/* exchange_choose_parent - CLIENT: decides whose child it is, for now. @memory: what its connection knows of that; NULL:
 * nothing. */
void exchange_choose_parent(struct exchange *exchange, const struct parent_memory *memory);

/* exchange_request_find - the request that came in with this traceparent and is still open. Returns false if there is
 * none. Other threads come and go meanwhile. */
bool exchange_request_find(const struct span_context *traceparent, struct active_context *found);

/* exchange_request_at - the context of the open request with this index; false if there is none, or none any more. */
bool exchange_request_at(uint32_t index, struct active_context *found);

/* exchange_request_limit - all open requests have indices below this. */
uint32_t exchange_request_limit(void);

/* exchange_is_passed_on - CLIENT: is this traceparent, which the application is about to send, the
 * one that came in with an open request? If so the exchange becomes that request's child. */
bool exchange_is_passed_on(struct exchange *exchange, const struct span_context *outgoing);

/* exchange_settle_parent - CLIENT, before its head is complete: where several requests may be its parent, and it is the very
 * one that came in with one of them alone, that is passed on here. */
void exchange_settle_parent(struct exchange *exchange);

/* exchange_respect_application - CLIENT: the application propagates by itself, @own; it is not traced. */
void exchange_respect_application(struct exchange *exchange, const struct span_context *own);

/* exchange_note_application - the application sends a valid context of its own, @own, at work for @active. If that is a
 * request that came in with the same trace, the application traces what it serves by itself: from now on requests that are
 * answered are not reported, but those that spans of ours are children of. */
void exchange_note_application(const struct active_context *active, const struct span_context *own);

/* exchange_note_child - a span that will be reported is a child of @parent. */
void exchange_note_child(const struct active_context *parent);

/* exchange_begin_opaque - CLIENT: for a connection that cannot be seen into; all that is known is who asked
 * whom, how much and when. NULL: no memory. */
struct exchange *exchange_begin_opaque(uint64_t start_ns);

/* exchange_opaque_describe - its parent has been chosen: the span gets its ids and its @name. */
void exchange_opaque_describe(struct exchange *exchange, const char *name);

/* exchange_client_head_end, _server_head_end - the request's head is complete. The server's makes the
 * span context and the attributes; it does not activate. What is not sampled loses its record. */
void exchange_client_head_end(struct exchange *exchange, const struct http_ends *ends);
void exchange_server_head_end(struct exchange *exchange, const struct http_ends *ends);

/* exchange_own_span - to be called before anything is written to the span of an exchange that may have
 * begun before a fork: in the child, the span becomes a copy of what the parent's was then. The parent's
 * record itself may be another span by now. */
void exchange_own_span(struct exchange *exchange);

/* exchange_fork_prepare, _fork_parent - before and after a fork, in the parent: open spans are copied, so
 * that the child can go on with them. */
void exchange_fork_prepare(void);
void exchange_fork_parent(void);

/* exchange_activate - the calling thread works for this exchange's request from now on. */
void exchange_activate(struct exchange *exchange);

/* exchange_resume - CLIENT: the calling thread has read of the answer; it goes on with what the
 * request was made for, or with nothing known. */
void exchange_resume(struct exchange *exchange);

/* exchange_note_status - a status line came. Interim ones (1xx but 101) do not end anything. */
void exchange_note_status(struct exchange *exchange, int status);

/* exchange_end - the response is complete. The span is reported, unless the application tells of it. Frees @exchange. */
void exchange_end(struct exchange *exchange, uint64_t end_ns);

/* exchange_fail - it will never be complete. Frees @exchange. */
void exchange_fail(struct exchange *exchange, const char *error_type, const char *message,
                   uint64_t end_ns);

/* exchange_drop - ends it without a word: it is reported by another process, or was no exchange. */
void exchange_drop(struct exchange *exchange);

/* exchange_is_being_answered - the answer has begun; an interim one (1xx) does not count. */
bool exchange_is_being_answered(const struct exchange *exchange);

/* exchange_is_inherited - it began in the parent of this fork child, which has not touched it. */
bool exchange_is_inherited(const struct exchange *exchange);

/* exchange_has_crossed_fork - another process may hold a copy of it. */
bool exchange_has_crossed_fork(const struct exchange *exchange);

/* exchange_has_crossed_spawn - a program was started meanwhile, which may hold the socket. */
bool exchange_has_crossed_spawn(const struct exchange *exchange);

#endif
