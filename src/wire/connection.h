/* connection.h - what is known of one end of one stream socket, however many descriptors name it.
 *
 * A connection belongs to a slab: its memory is never given back, and `generation` tells a new
 * connection in it from the old one. All but the atomics is guarded by `lock`, which is never held
 * over a system call of the application. Whatever goes wrong makes it opaque: from then on nothing is
 * looked at and nothing is changed, for the rest of its life. */
#ifndef RUN_TRACED_WIRE_CONNECTION_H
#define RUN_TRACED_WIRE_CONNECTION_H

#include "base/lock.h"
#include "trace/active.h"
#include "wire/cgi_head.h"
#include "wire/endpoint.h"
#include "wire/exchange.h"
#include "wire/fastcgi.h"
#include "wire/http_common.h"
#include "wire/http1.h"
#include "wire/known_head.h"
#include "wire/tls_facts.h"

enum connection_role { ROLE_UNKNOWN, ROLE_CLIENT, ROLE_SERVER };

/* One direction: requests or responses. */
struct stream {
    union { /* by the connection's protocol */
        struct http1_parser parser;
        struct {
            struct fastcgi_parser parser;
            struct cgi_head head; /* of responses */
        } fastcgi;
    };
    struct http1_line *line;  /* NULL but while a line is split */
    struct known_head_place head;
    uint64_t message_start_ns; /* when the first byte of the current message went by */
    bool is_broken;           /* the parser has lost its place */
};

/* A change to what the application sends: text put in before the byte at @offset, or in place of as
 * many bytes from there. Offsets count the application's bytes from the connection's start. */
struct edit {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    struct edit *next; /* in the order of offsets */
    uint64_t offset;
    bool is_replacement;
    uint16_t len;
    uint16_t sent_len; /* insertions: how much of the text has gone out */
    char text[PROPAGATION_LEN_MAX];
};

struct fastcgi_request;
struct handover;

struct connection {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    _Atomic uint32_t generation;
    _Atomic uint32_t fd_count; /* descriptors that name it, in this process */
    struct lock lock;
    _Atomic bool is_opaque;
    _Atomic uint64_t sender; /* wire/sending.h */
    uint8_t handover_end;    /* which end of it */
    struct handover *handover; /* of a pair that this process made, for what is none of our protocols; else NULL */
    bool is_connecting;      /* connect(2) has not come to an end that we know of */
    bool is_underway;        /* adopted, and bytes may have been sent before: no place to begin as a client */
    int fd;                  /* the descriptor that the call under way was made with */
    uint8_t role;            /* enum connection_role: by who asks, not by who connected */
    const struct protocol *protocol;
    const struct tls_facts *tls; /* NULL: a socket's own bytes; else a TLS session's plaintext */
    uint64_t connect_start_ns; /* 0: not connected by us */
    uint64_t connected_ns;     /* 0: not known */
    int send_error;            /* errno of a send that failed for good */
    bool is_first_request;     /* no request has been seen yet */
    bool is_tunnel; /* a CONNECT succeeded: what the client says next is another protocol */
    struct stream requests;
    struct stream responses;
    struct fastcgi_request *fastcgi; /* whose parameters go by; else NULL */
    struct http_common *common;    /* of its requests' attributes; NULL: nothing yet */
    struct exchange *first, *last; /* awaiting their responses, in order */
    struct active_owner last_request; /* that was read on it; request NULL: none */
    struct exchange *current;      /* whose request is going by; NULL between requests */
    uint64_t sent_len;             /* bytes of the application's that the kernel took */
    uint64_t wire_len;             /* these and ours */
    uint32_t fork_count;           /* process_fork_count() and _spawn_count() when it was last certain that */
    uint32_t spawn_count;          /* nobody else had sent on it */
    bool is_shared;                /* another process has it, or had */
    uint64_t ahead_len;            /* bytes behind these that were looked at already */
    struct announced *announced;   /* the first of them, to be recognised when they come again; NULL: none */
    struct edit *edits; /* still to be made, or half made */
    union endpoint peer;
    union endpoint local; /* ROLE_SERVER: our own end, if it was asked for */
    struct parent_memory connect; /* who it was connected for */
};

/* connection_new - a connection with one descriptor; NULL if there is no memory. Hot path. */
struct connection *connection_new(void);

/* connection_set_opaque - see above. Caller holds the lock, or could not get it. Exchanges that are
 * open are given up without a word. */
void connection_set_opaque(struct connection *connection);

/* connection_connect_begin - connect(2) is about to be called. */
void connection_connect_begin(struct connection *connection, const struct sockaddr *address,
                              socklen_t len);

/* connection_connect_end - it came back with @error (an errno, or 0), or the outcome of a
 * non-blocking one is known now. A failure is reported as a CLIENT span named connect. */
void connection_connect_end(struct connection *connection, int error);

/* connection_take_up - the calling thread looks after the client just before it begins to serve the request that was
 * read from it: where one alone waits there, and the thread is at work for no other, it works for that one from now
 * on. */
void connection_take_up(struct connection *connection);

/* connection_only_request - copies the request that is open on it, if it is one alone. */
bool connection_only_request(struct connection *connection, struct active_context *out);

/* connection_note_writer - what a runtime sends on it later is written now for @active, or NULL: who knows whom. */
void connection_note_writer(struct connection *connection, const struct active_context *active);

/* connection_peer_closed - a read returned 0. */
void connection_peer_closed(struct connection *connection);

/* connection_receive_failed - a read failed with @error. */
void connection_receive_failed(struct connection *connection, int error);

/* connection_shutdown_write - the application will send no more. */
void connection_shutdown_write(struct connection *connection);

/* connection_release - a descriptor that names it is about to be closed; the last one ends it. */
void connection_release(struct connection *connection, int fd);

/* connection_handshake_fail_report - caller holds the lock: a CLIENT span for a connection that was made, but
 * whose TLS handshake failed. */
void connection_handshake_fail_report(struct connection *connection, const char *error_type, const char *message);

/* connection_exit_all - the process ends: what is open is reported. Library end only. */
void connection_exit_all(void);

/* For protocols, with the lock held: */

/* connection_push - a request began. */
void connection_push(struct connection *connection, struct exchange *exchange);

/* connection_find_local - asks for our own address; one system call a connection. */
void connection_find_local(struct connection *connection);

/* connection_pop - takes off the first exchange, which is to be ended by the caller. */
struct exchange *connection_pop(struct connection *connection);

/* connection_fail_all - all open exchanges end in this error. */
void connection_fail_all(struct connection *connection, const char *error_type,
                         const char *message);

/* connection_edit_new - a change to the bytes being sent, to be made at @offset, of which none has been sent; the
 * caller fills in text and len. NULL if there is no room for it. */
struct edit *connection_edit_new(struct connection *connection, uint64_t offset,
                                 bool is_replacement);

/* connection_edits_forget - by the thread that sends: drops all changes but one that is half made: a
 * header that has gone out in part must go out whole. */
void connection_edits_forget(struct connection *connection);

/* connection_finish - it is closed, and nobody sends on it any more: what is open is reported. False if that could not be
 * done: then its memory is not to be given back. */
bool connection_finish(struct connection *connection);

/* connection_free - gives the memory back; by the last thread that had to do with it. */
void connection_free(struct connection *connection);

/* connection_edit_done - the first change has been made; forgets it. */
void connection_edit_done(struct connection *connection);

#endif
