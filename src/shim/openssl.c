/* OpenSSL: what applications read and write through a session is a connection's plaintext. The socket beneath carries
 * what looks like no protocol we know, and is opaque. */
#include "shim/openssl.h"

#include "shim/callsite_record.h"
#include "shim/library.h"
#include "shim/real.h"
#include "shim/tls_libraries.h"
#include "trace/error_name.h"
#include "wire/tls_session.h"

#include <limits.h>
#include <string.h>

struct openssl {
    __typeof__(&SSL_new) new;
    __typeof__(&SSL_free) free;
    __typeof__(&SSL_clear) clear;
    __typeof__(&SSL_connect) connect;
    __typeof__(&SSL_accept) accept;
    __typeof__(&SSL_do_handshake) do_handshake;
    __typeof__(&SSL_read) read;
    __typeof__(&SSL_read_ex) read_ex;
    __typeof__(&SSL_write) write;
    __typeof__(&SSL_write_ex) write_ex;
    __typeof__(&SSL_read_early_data) read_early_data;
    __typeof__(&SSL_write_early_data) write_early_data;
    __typeof__(&SSL_sendfile) sendfile;
    __typeof__(&SSL_shutdown) shutdown;
    int (*get_fd)(const SSL *);
    int (*get_error)(const SSL *, int);
    long (*ctrl)(SSL *, int, long, void *);
    int (*is_init_finished)(const SSL *);
    int (*is_server)(const SSL *);
    const char *(*get_version)(const SSL *);
    const char *(*get_servername)(const SSL *, int);
    const SSL_CIPHER *(*get_current_cipher)(const SSL *);
    const char *(*cipher_get_name)(const SSL_CIPHER *);
    size_t (*get_client_random)(const SSL *, unsigned char *, size_t);
    unsigned long (*peek_last_error)(void);
    const char *(*reason_error_string)(unsigned long);
};

#define SYMBOL(symbol, member) {#symbol, offsetof(struct openssl, member)}
static const struct library_symbol SYMBOLS[] = {
    SYMBOL(SSL_write, write),
    SYMBOL(SSL_new, new),
    SYMBOL(SSL_free, free),
    SYMBOL(SSL_clear, clear),
    SYMBOL(SSL_connect, connect),
    SYMBOL(SSL_accept, accept),
    SYMBOL(SSL_do_handshake, do_handshake),
    SYMBOL(SSL_read, read),
    SYMBOL(SSL_read_ex, read_ex),
    SYMBOL(SSL_write_ex, write_ex),
    SYMBOL(SSL_read_early_data, read_early_data),
    SYMBOL(SSL_write_early_data, write_early_data),
    SYMBOL(SSL_sendfile, sendfile),
    SYMBOL(SSL_shutdown, shutdown),
    SYMBOL(SSL_get_fd, get_fd),
    SYMBOL(SSL_get_error, get_error),
    SYMBOL(SSL_ctrl, ctrl),
    SYMBOL(SSL_is_init_finished, is_init_finished),
    SYMBOL(SSL_is_server, is_server),
    SYMBOL(SSL_get_version, get_version),
    SYMBOL(SSL_get_servername, get_servername),
    SYMBOL(SSL_get_current_cipher, get_current_cipher),
    SYMBOL(SSL_CIPHER_get_name, cipher_get_name),
    SYMBOL(SSL_get_client_random, get_client_random),
    SYMBOL(ERR_peek_last_error, peek_last_error),
    SYMBOL(ERR_reason_error_string, reason_error_string),
};

static struct openssl g_copies[LIBRARY_COPIES_MAX];

struct library_family g_openssl_family = {
    .prefix = "libssl",
    .symbols = SYMBOLS,
    .symbol_count = ARRAY_LEN(SYMBOLS),
    .copies = (char *)g_copies,
    .calls_len = sizeof g_copies[0],
};

/* One call of the application's on a session. */
struct call {
    const struct openssl *real;
    SSL *ssl;
    struct tls_session *session; /* NULL: to be passed on as it is */
    const char *outer_silence;
};

/* Finds the library's functions, by who called; what lies beneath is not looked at until call_end. */
#define CALL_BEGIN(ssl)                                                                            \
    {                                                                                              \
        library_of(&g_openssl_family, __builtin_return_address(0)), (ssl), NULL, t_silence_frame   \
    }

static bool call_is_ours(const struct call *call)
{
    return shim_is_tracing() && !silence_is_on() && call->real->get_error && call->real->is_init_finished;
}

static int fd_of(const struct call *call)
{
    return call->real->get_fd ? call->real->get_fd(call->ssl) : -1;
}

/* The session, and the silence beneath. One that is first heard of when its handshake is over may be anywhere in a
 * message. */
static void call_enter(struct call *call, const void *frame)
{
    if (!call_is_ours(call))
        return;
    int saved = errno;
    call->session = tls_session_find(call->ssl);
    if (UNLIKELY(!call->session)) {
        call->session = tls_session_get(call->ssl);
        if (call->session && call->real->is_init_finished(call->ssl))
            call->session->connection->is_underway = true;
    }
    t_silence_frame = frame;
    errno = saved;
}

static void call_leave(const struct call *call)
{
    if (call->session)
        t_silence_frame = call->outer_silence;
}

/* ---- the handshake ---- */

static const char *server_name_of(const struct call *call)
{
    return call->real->get_servername ? call->real->get_servername(call->ssl, 0) : NULL;
}

static void handshake_begin(const struct call *call)
{
    struct tls_session *session = call->session;
    bool is_client = !call->real->is_server || !call->real->is_server(call->ssl);
    if (!session || session->facts.handshake_start_ns || call->real->is_init_finished(call->ssl))
        return;
    tls_session_lie_on(session, fd_of(call));
    tls_session_handshake_begin(session, is_client, is_client ? server_name_of(call) : NULL);
}

static void handshake_done(const struct call *call)
{
    const struct openssl *real = call->real;
    const SSL_CIPHER *cipher = real->get_current_cipher ? real->get_current_cipher(call->ssl) : NULL;
    const char *version = real->get_version ? real->get_version(call->ssl) : "";
    tls_session_handshake_end(call->session, strncmp(version, "TLSv", 4) == 0 ? version + 4 : version,
                              cipher && real->cipher_get_name ? real->cipher_get_name(cipher) : NULL,
                              server_name_of(call));
}

/* For people: what OpenSSL says of its last error. Its queue is left as it is. */
static const char *reason_of(const struct call *call)
{
    const struct openssl *real = call->real;
    unsigned long error = real->peek_last_error ? real->peek_last_error() : 0;
    const char *reason = error && real->reason_error_string ? real->reason_error_string(error) : NULL;
    return reason ? reason : "the TLS library failed";
}

struct failure {
    bool is_end; /* the peer closed */
    const char *type, *message;
};

/* What became of a call that came back with @result, 0 or less, and @error (errno). False: nothing that lasts. */
static bool failure_of(const struct call *call, int result, int error, struct failure *out)
{
    int kind = call->real->get_error(call->ssl, result);
    bool is_by_system = kind == SSL_ERROR_SYSCALL && result < 0 && error != 0;
    if (kind == SSL_ERROR_SSL)
        *out = (struct failure){false, "tls", reason_of(call)};
    else if (is_by_system)
        *out = (struct failure){false, error_name(error), error_text(error)};
    else if (kind == SSL_ERROR_ZERO_RETURN || kind == SSL_ERROR_SYSCALL)
        *out = (struct failure){.is_end = true};
    else
        return false;
    /* OpenSSL 3 has a reason for an end without a close_notify. */
    out->is_end |= kind == SSL_ERROR_SSL && strcmp(out->message, "unexpected eof while reading") == 0;
    if (out->is_end)
        *out = (struct failure){true, ERROR_CONNECTION_CLOSED, "the peer closed the connection"};
    return !is_by_system || (error != EAGAIN && error != EINTR);
}

static void failure_note(const struct call *call, int result, int error)
{
    struct tls_session *session = call->session;
    struct failure failure;
    if (!failure_of(call, result, error, &failure))
        return;
    if (!session->facts.handshake_end_ns && !call->real->is_init_finished(call->ssl))
        tls_session_handshake_fail(session, failure.type, failure.message);
    else if (failure.is_end)
        tls_session_received(session, NULL, 0);
    else
        tls_session_fail(session, failure.type, failure.message);
}

/* Beneath a client without a socket of its own lies memory, from which the application sends by itself. */
static void random_note(const struct call *call)
{
    static const uint8_t none[TLS_RANDOM_LEN];
    uint8_t random[TLS_RANDOM_LEN];
    if (call->real->get_client_random &&
        call->real->get_client_random(call->ssl, random, sizeof random) == sizeof random &&
        memcmp(random, none, sizeof random) != 0)
        tls_session_note_random(call->session, random);
}

/* What every call has in common once it is back. */
static void call_end(const struct call *call, int result)
{
    int saved = errno;
    struct tls_session *session = call->session;
    if (session && session->is_client && session->connection->fd < 0 && !session->has_random)
        random_note(call);
    if (session && !session->facts.handshake_end_ns && session->facts.handshake_start_ns &&
        call->real->is_init_finished(call->ssl))
        handshake_done(call);
    if (session && result <= 0)
        failure_note(call, result, saved);
    call_leave(call);
    errno = saved;
}

#define HANDSHAKE(name, member)                                                                    \
    EXPORT int name(SSL *ssl)                                                                      \
    {                                                                                              \
        struct call call = CALL_BEGIN(ssl);                                                        \
        if (!call.real || !call.real->member)                                                      \
            return -1;                                                                             \
        CALLSITE_ENTER();                                                                          \
        call_enter(&call, __builtin_frame_address(0));                                             \
        handshake_begin(&call);                                                                    \
        int result = call.real->member(ssl);                                                       \
        call_end(&call, result);                                                                   \
        return result;                                                                             \
    }

HANDSHAKE(SSL_connect, connect)
HANDSHAKE(SSL_accept, accept)
HANDSHAKE(SSL_do_handshake, do_handshake)

/* ---- reading ---- */

static void read_end(const struct call *call, const void *buf, size_t len, int result)
{
    int saved = errno;
    call_end(call, result);
    if (call->session && len)
        tls_session_received(call->session, buf, len);
    errno = saved;
}

EXPORT int SSL_read(SSL *ssl, void *buf, int len)
{
    struct call call = CALL_BEGIN(ssl);
    if (!call.real)
        return -1;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    handshake_begin(&call);
    int result = call.real->read(ssl, buf, len);
    read_end(&call, buf, result > 0 ? (size_t)result : 0, len > 0 ? result : 1);
    return result;
}

EXPORT int SSL_read_ex(SSL *ssl, void *buf, size_t len, size_t *done)
{
    struct call call = CALL_BEGIN(ssl);
    if (!call.real || !call.real->read_ex)
        return 0;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    handshake_begin(&call);
    int result = call.real->read_ex(ssl, buf, len, done);
    read_end(&call, buf, result > 0 ? *done : 0, len > 0 ? result : 1);
    return result;
}

EXPORT int SSL_read_early_data(SSL *ssl, void *buf, size_t len, size_t *done)
{
    enum { SUCCESS = 1 };
    struct call call = CALL_BEGIN(ssl);
    if (!call.real || !call.real->read_early_data)
        return 0; /* SSL_READ_EARLY_DATA_ERROR */
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    handshake_begin(&call);
    int result = call.real->read_early_data(ssl, buf, len, done);
    read_end(&call, buf, result == SUCCESS ? *done : 0, 1);
    return result;
}

/* ---- writing ---- */

struct ssl_writer {
    struct tls_writer writer;
    const struct call *call;
    int result; /* of the library's last call */
};

static void writer_note(struct ssl_writer *writer)
{
    int kind = writer->result > 0 ? 0 : writer->call->real->get_error(writer->call->ssl, writer->result);
    writer->writer.is_again = kind > SSL_ERROR_SSL && kind != SSL_ERROR_SYSCALL && kind != SSL_ERROR_ZERO_RETURN;
}

static ssize_t plain_write(struct tls_writer *base, const void *bytes, size_t len)
{
    struct ssl_writer *writer = (struct ssl_writer *)base;
    writer->result = writer->call->real->write(writer->call->ssl, bytes, (int)MIN(len, (size_t)INT_MAX));
    writer_note(writer);
    return writer->result;
}

static ssize_t ex_write(struct tls_writer *base, const void *bytes, size_t len)
{
    struct ssl_writer *writer = (struct ssl_writer *)base;
    size_t done = 0;
    writer->result = writer->call->real->write_ex(writer->call->ssl, bytes, len, &done);
    writer_note(writer);
    return writer->result > 0 ? (ssize_t)done : writer->result;
}

static bool takes_parts(const struct call *call)
{
    return call->real->ctrl && (call->real->ctrl(call->ssl, SSL_CTRL_MODE, 0, NULL) & SSL_MODE_ENABLE_PARTIAL_WRITE);
}

/* Returns what the application is to be told: bytes, or the library's own result. */
static ssize_t write_traced(const struct call *call, const void *buf, size_t len,
                            ssize_t (*write)(struct tls_writer *, const void *, size_t), int *result)
{
    struct ssl_writer writer = {{write, takes_parts(call), false}, call, 0};
    ssize_t sent = tls_session_send(call->session, &writer.writer, buf, len);
    *result = writer.result;
    return sent;
}

EXPORT int SSL_write(SSL *ssl, const void *buf, int len)
{
    struct call call = CALL_BEGIN(ssl);
    if (!call.real)
        return -1;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    handshake_begin(&call);
    int result;
    if (!call.session || len <= 0) { /* of nothing, a 0 is no failure */
        result = call.real->write(ssl, buf, len);
        call_end(&call, result ? result : 1);
        return result;
    }
    int sent = (int)write_traced(&call, buf, (size_t)len, plain_write, &result);
    call_end(&call, result);
    return sent;
}

EXPORT int SSL_write_ex(SSL *ssl, const void *buf, size_t len, size_t *done)
{
    struct call call = CALL_BEGIN(ssl);
    if (!call.real || !call.real->write_ex)
        return 0;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    handshake_begin(&call);
    int result;
    if (!call.session || len == 0) {
        result = call.real->write_ex(ssl, buf, len, done);
        call_end(&call, result ? result : 1);
        return result;
    }
    ssize_t sent = write_traced(&call, buf, len, ex_write, &result);
    if (sent > 0)
        *done = (size_t)sent;
    call_end(&call, result);
    return result;
}

/* Sent before anybody knows whether it will be taken: not looked at, and what comes behind it neither. */
EXPORT int SSL_write_early_data(SSL *ssl, const void *buf, size_t len, size_t *done)
{
    struct call call = CALL_BEGIN(ssl);
    if (!call.real || !call.real->write_early_data)
        return 0;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    handshake_begin(&call);
    if (call.session)
        tls_session_give_up(call.session);
    int result = call.real->write_early_data(ssl, buf, len, done);
    call_end(&call, result);
    return result;
}

EXPORT ssize_t SSL_sendfile(SSL *ssl, int fd, off_t offset, size_t len, int flags)
{
    struct call call = CALL_BEGIN(ssl);
    if (!call.real || !call.real->sendfile)
        return -1;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    ssize_t result = call.real->sendfile(ssl, fd, offset, len, flags);
    if (call.session && result > 0)
        tls_session_sent_unseen(call.session, (size_t)result);
    call_end(&call, result > 0 ? 1 : (int)result);
    return result;
}

/* ---- beginning and end ---- */

EXPORT SSL *SSL_new(SSL_CTX *context)
{
    struct call call = CALL_BEGIN(NULL);
    SSL *ssl = call.real && call.real->new ? call.real->new(context) : NULL;
    if (ssl && call_is_ours(&call))
        tls_session_forget(ssl); /* of one that was freed out of sight */
    return ssl;
}

EXPORT int SSL_clear(SSL *ssl)
{
    struct call call = CALL_BEGIN(ssl);
    if (!call.real || !call.real->clear)
        return 0;
    if (call_is_ours(&call))
        tls_session_forget(ssl);
    return call.real->clear(ssl);
}

EXPORT void SSL_free(SSL *ssl)
{
    struct call call = CALL_BEGIN(ssl);
    if (!call.real || !call.real->free)
        return;
    int saved = errno;
    if (ssl && call_is_ours(&call))
        tls_session_forget(ssl);
    errno = saved;
    call.real->free(ssl);
}

EXPORT int SSL_shutdown(SSL *ssl)
{
    struct call call = CALL_BEGIN(ssl);
    if (!call.real || !call.real->shutdown)
        return -1;
    call_enter(&call, __builtin_frame_address(0));
    int result = call.real->shutdown(ssl);
    int saved = errno;
    if (call.session && result >= 0)
        connection_shutdown_write(call.session->connection);
    call_leave(&call);
    errno = saved;
    return result;
}
