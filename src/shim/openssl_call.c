#include "shim/openssl_call.h"

#include "base/compiler.h"
#include "shim/python.h"
#include "shim/real.h"
#include "trace/error_name.h"

#include <string.h>

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
    SYMBOL(SSL_get_rbio, get_rbio),
    SYMBOL(SSL_get_error, get_error),
    SYMBOL(SSL_ctrl, ctrl),
    SYMBOL(SSL_is_init_finished, is_init_finished),
    SYMBOL(SSL_is_server, is_server),
    SYMBOL(SSL_get_version, get_version),
    SYMBOL(SSL_get_servername, get_servername),
    SYMBOL(SSL_get_current_cipher, get_current_cipher),
    SYMBOL(SSL_CIPHER_get_name, cipher_get_name),
    SYMBOL(SSL_get0_alpn_selected, get_alpn_selected),
    SYMBOL(SSL_get_client_random, get_client_random),
    SYMBOL(ERR_peek_last_error, peek_last_error),
    SYMBOL(ERR_reason_error_string, reason_error_string),
    SYMBOL(SSL_set_connect_state, set_connect_state),
    SYMBOL(SSL_set_accept_state, set_accept_state),
    SYMBOL(BIO_f_ssl, bio_f_ssl),
    SYMBOL(BIO_new_ssl, bio_new_ssl),
    SYMBOL(BIO_new_ssl_connect, bio_new_ssl_connect),
    SYMBOL(BIO_new_buffer_ssl_connect, bio_new_buffer_ssl_connect),
    SYMBOL(BIO_s_connect, bio_s_connect),
    SYMBOL(BIO_f_buffer, bio_f_buffer),
    SYMBOL(BIO_new, bio_new),
    SYMBOL(BIO_free_all, bio_free_all),
    SYMBOL(BIO_push, bio_push),
    SYMBOL(BIO_ctrl, bio_ctrl),
    SYMBOL(BIO_test_flags, bio_test_flags),
    SYMBOL(BIO_meth_new, bio_meth_new),
    SYMBOL(BIO_meth_get_write_ex, bio_meth_get_write),
    SYMBOL(BIO_meth_get_read_ex, bio_meth_get_read),
    SYMBOL(BIO_meth_get_puts, bio_meth_get_puts),
    SYMBOL(BIO_meth_get_gets, bio_meth_get_gets),
    SYMBOL(BIO_meth_get_ctrl, bio_meth_get_ctrl),
    SYMBOL(BIO_meth_get_create, bio_meth_get_create),
    SYMBOL(BIO_meth_get_destroy, bio_meth_get_destroy),
    SYMBOL(BIO_meth_get_callback_ctrl, bio_meth_get_callback_ctrl),
    SYMBOL(BIO_meth_set_write_ex, bio_meth_set_write),
    SYMBOL(BIO_meth_set_read_ex, bio_meth_set_read),
    SYMBOL(BIO_meth_set_puts, bio_meth_set_puts),
    SYMBOL(BIO_meth_set_gets, bio_meth_set_gets),
    SYMBOL(BIO_meth_set_ctrl, bio_meth_set_ctrl),
    SYMBOL(BIO_meth_set_create, bio_meth_set_create),
    SYMBOL(BIO_meth_set_destroy, bio_meth_set_destroy),
    SYMBOL(BIO_meth_set_callback_ctrl, bio_meth_set_callback_ctrl),
};

static BULKY struct openssl g_copies[LIBRARY_COPIES_MAX];
static BULKY struct library_caller g_callers[LIBRARY_CALLERS_MAX];

struct library_family g_openssl_family = {
    .prefix = "libssl",
    .symbols = SYMBOLS,
    .symbol_count = ARRAY_LEN(SYMBOLS),
    .copies = (char *)g_copies,
    .calls_len = sizeof g_copies[0],
    .callers = g_callers,
};

int openssl_copy_of(const struct openssl *real)
{
    return (int)(real - g_copies);
}

bool openssl_call_is_ours(const struct openssl_call *call)
{
    return shim_is_tracing() && !silence_is_on() && call->real->get_error && call->real->is_init_finished;
}

static int fd_of(const struct openssl_call *call)
{
    const struct openssl *real = call->real;
    bool has_bio = real->get_fd && real->get_rbio && real->get_rbio(call->ssl); /* without, it is an error to ask */
    return has_bio ? real->get_fd(call->ssl) : -1;
}

void openssl_call_enter(struct openssl_call *call, const void *frame)
{
    if (!openssl_call_is_ours(call))
        return;
    int saved = errno;
    call->session = tls_session_find(call->ssl);
    if (UNLIKELY(!call->session)) {
        call->session = tls_session_get(call->ssl);
        if (call->session && call->real->is_init_finished(call->ssl))
            call->session->connection->is_underway = true;
    }
    t_silence_frame = frame;
    t_tls_below = 0;
    errno = saved;
}

void openssl_call_leave(const struct openssl_call *call)
{
    if (call->session)
        t_silence_frame = call->outer_silence;
}

/* ---- the handshake ---- */

static const char *server_name_of(const struct openssl_call *call)
{
    return call->real->get_servername ? call->real->get_servername(call->ssl, 0) : NULL;
}

/* Before the first step, a session of either side says that it is a server's. */
static bool is_client_of(const struct openssl_call *call, enum openssl_side side)
{
    if (side != SIDE_AS_SET)
        return side == SIDE_CLIENT;
    return !call->real->is_server || !call->real->is_server(call->ssl);
}

void openssl_call_handshake(const struct openssl_call *call, enum openssl_side side)
{
    struct tls_session *session = call->session;
    if (!session || session->facts.handshake_start_ns || call->real->is_init_finished(call->ssl))
        return;
    bool is_client = is_client_of(call, side);
    tls_session_lie_on(session, fd_of(call));
    tls_session_handshake_begin(session, is_client, is_client ? server_name_of(call) : NULL);
}

static void handshake_done(const struct openssl_call *call)
{
    const struct openssl *real = call->real;
    const SSL_CIPHER *cipher = real->get_current_cipher ? real->get_current_cipher(call->ssl) : NULL;
    const char *version = real->get_version ? real->get_version(call->ssl) : "";
    const unsigned char *protocol = (const unsigned char *)"";
    unsigned protocol_len = 0;
    if (real->get_alpn_selected)
        real->get_alpn_selected(call->ssl, &protocol, &protocol_len);
    tls_session_handshake_end(call->session, strncmp(version, "TLSv", 4) == 0 ? version + 4 : version,
                              cipher && real->cipher_get_name ? real->cipher_get_name(cipher) : NULL,
                              server_name_of(call), (const char *)protocol, protocol_len);
}

/* For people: what OpenSSL says of its last error. Its queue is left as it is. */
static const char *reason_of(const struct openssl_call *call)
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
static bool failure_of(const struct openssl_call *call, int result, int error, struct failure *out)
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

static void failure_note(const struct openssl_call *call, int result, int error)
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

static void random_note(const struct openssl_call *call)
{
    static const uint8_t none[TLS_RANDOM_LEN];
    uint8_t random[TLS_RANDOM_LEN];
    if (call->real->get_client_random &&
        call->real->get_client_random(call->ssl, random, sizeof random) == sizeof random &&
        memcmp(random, none, sizeof random) != 0)
        tls_session_note_random(call->session, random);
}

/* A session may make its socket as it goes (BIO_s_connect), or reach it by functions of the application's; or beneath it
 * lies memory, from which the application sends by itself. */
static void below_note(const struct openssl_call *call)
{
    struct tls_session *session = call->session;
    int fd = fd_of(call);
    if (fd >= 0)
        tls_session_lie_on(session, fd);
    else if (t_tls_below)
        tls_session_settle(session);
    else if (session->facts.is_client && !session->has_random)
        random_note(call);
}

void openssl_call_end(const struct openssl_call *call, int result)
{
    int saved = errno;
    struct tls_session *session = call->session;
    if (session && session->connection->fd < 0)
        below_note(call);
    if (session && !session->facts.handshake_end_ns && session->facts.handshake_start_ns &&
        call->real->is_init_finished(call->ssl))
        handshake_done(call);
    if (session && result <= 0)
        failure_note(call, result, saved);
    openssl_call_leave(call);
    errno = saved;
}

void openssl_call_end_read(const struct openssl_call *call, const void *bytes, size_t len, int result)
{
    int saved = errno;
    uint32_t set_count = active_set_count();
    openssl_call_end(call, result);
    if (call->session && len)
        tls_session_received(call->session, bytes, len);
    python_has_decrypted(set_count);
    errno = saved;
}

static bool takes_parts(const struct openssl_call *call)
{
    return call->real->ctrl && (call->real->ctrl(call->ssl, SSL_CTRL_MODE, 0, NULL) & SSL_MODE_ENABLE_PARTIAL_WRITE);
}

ssize_t openssl_call_write(const struct openssl_call *call, struct openssl_writer *writer, const void *bytes, size_t len, int *result)
{
    writer->call = call;
    writer->writer.takes_parts = takes_parts(call);
    ssize_t sent = tls_session_send(call->session, &writer->writer, bytes, len);
    *result = writer->result;
    return sent;
}
