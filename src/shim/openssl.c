/* OpenSSL: what applications read and write through a session is a connection's plaintext. The socket beneath carries
 * what looks like no protocol we know, and is opaque. */
#include "shim/callsite_record.h"
#include "shim/openssl_call.h"
#include "shim/real.h"

#include <limits.h>

#define HANDSHAKE(name, member, side)                                                              \
    EXPORT int name(SSL *ssl)                                                                      \
    {                                                                                              \
        struct openssl_call call = OPENSSL_CALL_BEGIN(ssl);                                        \
        if (!call.real || !call.real->member)                                                      \
            return -1;                                                                             \
        CALLSITE_ENTER();                                                                          \
        openssl_call_enter(&call, __builtin_frame_address(0));                                     \
        openssl_call_handshake(&call, side);                                                       \
        int result = call.real->member(ssl);                                                       \
        openssl_call_end(&call, result);                                                           \
        return result;                                                                             \
    }

HANDSHAKE(SSL_connect, connect, SIDE_CLIENT)
HANDSHAKE(SSL_accept, accept, SIDE_SERVER)
HANDSHAKE(SSL_do_handshake, do_handshake, SIDE_AS_SET)

/* ---- reading ---- */

EXPORT int SSL_read(SSL *ssl, void *buf, int len)
{
    struct openssl_call call = OPENSSL_CALL_BEGIN(ssl);
    if (!call.real)
        return -1;
    CALLSITE_ENTER();
    openssl_call_enter(&call, __builtin_frame_address(0));
    openssl_call_handshake(&call, SIDE_AS_SET);
    int result = call.real->read(ssl, buf, len);
    openssl_call_end_read(&call, buf, result > 0 ? (size_t)result : 0, len > 0 ? result : 1);
    return result;
}

EXPORT int SSL_read_ex(SSL *ssl, void *buf, size_t len, size_t *done)
{
    struct openssl_call call = OPENSSL_CALL_BEGIN(ssl);
    if (!call.real || !call.real->read_ex)
        return 0;
    CALLSITE_ENTER();
    openssl_call_enter(&call, __builtin_frame_address(0));
    openssl_call_handshake(&call, SIDE_AS_SET);
    int result = call.real->read_ex(ssl, buf, len, done);
    openssl_call_end_read(&call, buf, result > 0 ? *done : 0, len > 0 ? result : 1);
    return result;
}

EXPORT int SSL_read_early_data(SSL *ssl, void *buf, size_t len, size_t *done)
{
    enum { SUCCESS = 1 };
    struct openssl_call call = OPENSSL_CALL_BEGIN(ssl);
    if (!call.real || !call.real->read_early_data)
        return 0; /* SSL_READ_EARLY_DATA_ERROR */
    CALLSITE_ENTER();
    openssl_call_enter(&call, __builtin_frame_address(0));
    openssl_call_handshake(&call, SIDE_AS_SET);
    int result = call.real->read_early_data(ssl, buf, len, done);
    openssl_call_end_read(&call, buf, result == SUCCESS ? *done : 0, 1);
    return result;
}

/* ---- writing ---- */

static void writer_note(struct openssl_writer *writer)
{
    int kind = writer->result > 0 ? 0 : writer->call->real->get_error(writer->call->ssl, writer->result);
    writer->writer.is_again = kind > SSL_ERROR_SSL && kind != SSL_ERROR_SYSCALL && kind != SSL_ERROR_ZERO_RETURN;
}

static ssize_t plain_write(struct tls_writer *base, const void *bytes, size_t len)
{
    struct openssl_writer *writer = (struct openssl_writer *)base;
    writer->result = writer->call->real->write(writer->call->ssl, bytes, (int)MIN(len, (size_t)INT_MAX));
    writer_note(writer);
    return writer->result;
}

static ssize_t ex_write(struct tls_writer *base, const void *bytes, size_t len)
{
    struct openssl_writer *writer = (struct openssl_writer *)base;
    size_t done = 0;
    writer->result = writer->call->real->write_ex(writer->call->ssl, bytes, len, &done);
    writer_note(writer);
    return writer->result > 0 ? (ssize_t)done : writer->result;
}

EXPORT int SSL_write(SSL *ssl, const void *buf, int len)
{
    struct openssl_call call = OPENSSL_CALL_BEGIN(ssl);
    if (!call.real)
        return -1;
    CALLSITE_ENTER();
    openssl_call_enter(&call, __builtin_frame_address(0));
    openssl_call_handshake(&call, SIDE_AS_SET);
    int result;
    if (!call.session || len <= 0) { /* of nothing, a 0 is no failure */
        result = call.real->write(ssl, buf, len);
        openssl_call_end(&call, result ? result : 1);
        return result;
    }
    struct openssl_writer writer = {.writer.write = plain_write};
    int sent = (int)openssl_call_write(&call, &writer, buf, (size_t)len, &result);
    openssl_call_end(&call, result);
    return sent;
}

EXPORT int SSL_write_ex(SSL *ssl, const void *buf, size_t len, size_t *done)
{
    struct openssl_call call = OPENSSL_CALL_BEGIN(ssl);
    if (!call.real || !call.real->write_ex)
        return 0;
    CALLSITE_ENTER();
    openssl_call_enter(&call, __builtin_frame_address(0));
    openssl_call_handshake(&call, SIDE_AS_SET);
    int result;
    if (!call.session || len == 0) {
        result = call.real->write_ex(ssl, buf, len, done);
        openssl_call_end(&call, result ? result : 1);
        return result;
    }
    struct openssl_writer writer = {.writer.write = ex_write};
    ssize_t sent = openssl_call_write(&call, &writer, buf, len, &result);
    if (sent > 0)
        *done = (size_t)sent;
    openssl_call_end(&call, result);
    return result;
}

/* Sent before anybody knows whether it will be taken: not looked at, and what comes behind it neither. */
EXPORT int SSL_write_early_data(SSL *ssl, const void *buf, size_t len, size_t *done)
{
    struct openssl_call call = OPENSSL_CALL_BEGIN(ssl);
    if (!call.real || !call.real->write_early_data)
        return 0;
    CALLSITE_ENTER();
    openssl_call_enter(&call, __builtin_frame_address(0));
    openssl_call_handshake(&call, SIDE_AS_SET);
    if (call.session)
        tls_session_give_up(call.session);
    int result = call.real->write_early_data(ssl, buf, len, done);
    if (call.session && result > 0)
        tls_session_sent_unseen(call.session, *done);
    openssl_call_end(&call, result);
    return result;
}

EXPORT ssize_t SSL_sendfile(SSL *ssl, int fd, off_t offset, size_t len, int flags)
{
    struct openssl_call call = OPENSSL_CALL_BEGIN(ssl);
    if (!call.real || !call.real->sendfile)
        return -1;
    CALLSITE_ENTER();
    openssl_call_enter(&call, __builtin_frame_address(0));
    ssize_t result = call.real->sendfile(ssl, fd, offset, len, flags);
    if (call.session && result > 0)
        tls_session_sent_unseen(call.session, (size_t)result);
    openssl_call_end(&call, result > 0 ? 1 : (int)result);
    return result;
}

/* ---- beginning and end ---- */

EXPORT SSL *SSL_new(SSL_CTX *context)
{
    struct openssl_call call = OPENSSL_CALL_BEGIN(NULL);
    SSL *ssl = call.real && call.real->new ? call.real->new(context) : NULL;
    if (ssl && openssl_call_is_ours(&call))
        tls_session_forget(ssl); /* of one that was freed out of sight */
    return ssl;
}

EXPORT int SSL_clear(SSL *ssl)
{
    struct openssl_call call = OPENSSL_CALL_BEGIN(ssl);
    if (!call.real || !call.real->clear)
        return 0;
    if (openssl_call_is_ours(&call))
        tls_session_forget(ssl);
    return call.real->clear(ssl);
}

EXPORT void SSL_free(SSL *ssl)
{
    struct openssl_call call = OPENSSL_CALL_BEGIN(ssl);
    if (!call.real || !call.real->free)
        return;
    int saved = errno;
    if (ssl && openssl_call_is_ours(&call))
        tls_session_forget(ssl);
    errno = saved;
    call.real->free(ssl);
}

EXPORT int SSL_shutdown(SSL *ssl)
{
    struct openssl_call call = OPENSSL_CALL_BEGIN(ssl);
    if (!call.real || !call.real->shutdown)
        return -1;
    openssl_call_enter(&call, __builtin_frame_address(0));
    int result = call.real->shutdown(ssl);
    int saved = errno;
    if (call.session && result >= 0)
        connection_shutdown_write(call.session->connection);
    openssl_call_leave(&call);
    errno = saved;
    return result;
}
