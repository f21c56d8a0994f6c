/* tls_session.h - a session of a TLS library, and the connection that its plaintext makes.
 *
 * A session is known by the library's own handle (SSL *, gnutls_session_t). What the application reads and writes
 * through it is a stream like a socket's: the same parsers, exchanges and edits. Only sending differs: a TLS library
 * that could not send all at once wants the very same bytes again, so an edited message is kept until it is out.
 * The libraries' calls are not for signal handlers, nor are these functions. They allocate nothing but from slabs. */
#ifndef RUN_TRACED_WIRE_TLS_SESSION_H
#define RUN_TRACED_WIRE_TLS_SESSION_H

#include "base/compiler.h"
#include "wire/client_hello.h"
#include "wire/connection.h"

#include <sys/types.h>

struct tls_held;

struct tls_session {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    struct tls_session *next; /* of the same hash */
    const void *handle;
    struct connection *connection; /* never NULL */
    struct tls_facts facts;
    bool is_failed;       /* its handshake failed, and that was reported */
    bool has_random;
    uint8_t random[TLS_RANDOM_LEN]; /* of its ClientHello */
    struct tls_held *held; /* an edited message that is on its way; NULL: none */
    size_t untold_len;    /* the application's bytes that went out, but that it was not told of */
};

/* tls_session_find - the session of @handle; NULL if it is not known. */
struct tls_session *tls_session_find(const void *handle);

/* tls_session_get - the same; makes one if there is none. NULL: no memory. */
struct tls_session *tls_session_get(const void *handle);

/* tls_session_note_random - a client that writes its messages to memory has made its first one, with this random (32
 * bytes): that tells which socket it goes out by. */
void tls_session_note_random(struct tls_session *session, const uint8_t *random);

/* tls_session_claim - a ClientHello with @random goes out on @below, whose lock the caller holds. True if that is of a
 * session we know, which lies on it from now on. Hot path, signal-safe. */
bool tls_session_claim(const uint8_t *random, const struct connection *below);

/* The descriptor, plus 1, by which the TLS library sent or received its first message within the call that this thread
 * makes; 0: none yet. To be set to 0 before the call. */
extern THREAD_LOCAL int t_tls_below;

/* tls_session_settle - where nobody said on which socket it lies: on the one that the library's call used, if any. */
void tls_session_settle(struct tls_session *session);

/* tls_session_lie_on - @fd is the socket beneath, whose peer and history are the session's as well; -1: not known. */
void tls_session_lie_on(struct tls_session *session, int fd);

/* tls_session_forget - @handle is about to be freed, or used for another session. What is open ends. */
void tls_session_forget(const void *handle);

/* tls_session_handshake_begin - a step of the handshake is about to be made. The first one counts. @server_name: as
 * a client is going to say it, or NULL. */
void tls_session_handshake_begin(struct tls_session *session, bool is_client, const char *server_name);

/* tls_session_handshake_end - it is over. @version: of the protocol, such as "1.3"; @cipher: the suite by its IANA or
 * the library's own name; @server_name: as the client said it, or NULL. @protocol: what ALPN
 * agreed on, of @protocol_len bytes; 0: nothing. What is too long is cut. */
void tls_session_handshake_end(struct tls_session *session, const char *version, const char *cipher,
                               const char *server_name, const char *protocol, size_t protocol_len);

/* tls_session_handshake_fail - it failed: a client's is reported as a CLIENT span, with the request that it was made
 * for if that is known already. @error_type: of low cardinality; @message: for people, or NULL. */
void tls_session_handshake_fail(struct tls_session *session, const char *error_type, const char *message);

/* tls_session_fail - sending or receiving failed for good: what is open ends so. */
void tls_session_fail(struct tls_session *session, const char *error_type, const char *message);

/* What makes the library's own call: returns the bytes taken, or what the application is to be told instead (0 or
 * less). Sets @is_again if the same bytes are to be offered again. */
struct tls_writer {
    ssize_t (*write)(struct tls_writer *writer, const void *bytes, size_t len);
    bool takes_parts; /* the application expects that less is taken than it offers */
    bool is_again;
};

/* tls_session_send - sends @bytes by @writer, with what is to be put into them. Returns what the application is to be
 * told: the count of its own bytes, or what the writer said. errno is the writer's. */
ssize_t tls_session_send(struct tls_session *session, struct tls_writer *writer, const void *bytes, size_t len);

/* tls_session_send_rest - the application offers nothing, which means: go on with what is on its way. */
ssize_t tls_session_send_rest(struct tls_session *session, struct tls_writer *writer);

/* tls_session_sent_unseen - the library sent @len bytes that did not pass through here. */
void tls_session_sent_unseen(struct tls_session *session, size_t len);

/* tls_session_give_up - nothing more of it is looked at. A client that has said nothing yet gets one span for it all. */
void tls_session_give_up(struct tls_session *session);

/* tls_session_received - the application was given @len bytes; 0: the peer has ended its side. */
void tls_session_received(struct tls_session *session, const void *bytes, size_t len);

#endif
