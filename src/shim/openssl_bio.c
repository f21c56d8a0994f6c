/* OpenSSL's BIO_f_ssl: applications that have a session as one of a chain of BIOs, and call nothing of libssl to read
 * and write. The library's own method is copied, with our functions around its own. */
#include "shim/callsite_record.h"
#include "shim/openssl_call.h"
#include "shim/real.h"

#include <stdatomic.h>

/* The library's own functions, and the method that is given out in the place of its own. */
struct bio_method {
    const struct openssl *real;
    bio_write *write;
    bio_read *read;
    bio_ctrl *ctrl;
    bio_life *destroy;
    _Atomic(BIO_METHOD *) ours;
};

static struct bio_method g_methods[LIBRARY_ENTRIES_MAX];

static SSL *ssl_of(const struct bio_method *method, BIO *bio)
{
    SSL *ssl = NULL;
    method->ctrl(bio, BIO_C_GET_SSL, 0, &ssl);
    return ssl;
}

#define BIO_CALL_BEGIN(method, bio) {(method)->real, ssl_of(method, bio), NULL, t_silence_frame}

struct method_writer {
    struct openssl_writer openssl;
    const struct bio_method *method;
    BIO *bio;
};

static ssize_t method_write(struct tls_writer *base, const void *bytes, size_t len)
{
    struct method_writer *writer = (struct method_writer *)base;
    size_t done = 0;
    writer->openssl.result = writer->method->write(writer->bio, bytes, len, &done);
    base->is_again = writer->openssl.result <= 0 &&
                     writer->method->real->bio_test_flags(writer->bio, BIO_FLAGS_SHOULD_RETRY);
    return writer->openssl.result > 0 ? (ssize_t)done : writer->openssl.result;
}

static int write_traced(const struct bio_method *method, BIO *bio, const char *bytes, size_t len, size_t *done)
{
    struct openssl_call call = BIO_CALL_BEGIN(method, bio);
    if (!call.ssl || !bytes || len == 0)
        return method->write(bio, bytes, len, done);
    CALLSITE_ENTER();
    openssl_call_enter(&call, __builtin_frame_address(0));
    if (!call.session)
        return method->write(bio, bytes, len, done);
    openssl_call_handshake(&call, SIDE_AS_SET);
    int result;
    struct method_writer writer = {{.writer.write = method_write}, method, bio};
    ssize_t sent = openssl_call_write(&call, &writer.openssl, bytes, len, &result);
    *done = sent > 0 ? (size_t)sent : 0;
    openssl_call_end(&call, result);
    return result;
}

static int read_traced(const struct bio_method *method, BIO *bio, char *bytes, size_t len, size_t *done)
{
    struct openssl_call call = BIO_CALL_BEGIN(method, bio);
    if (!call.ssl || !bytes || len == 0)
        return method->read(bio, bytes, len, done);
    CALLSITE_ENTER();
    openssl_call_enter(&call, __builtin_frame_address(0));
    if (!call.session)
        return method->read(bio, bytes, len, done);
    openssl_call_handshake(&call, SIDE_AS_SET);
    int result = method->read(bio, bytes, len, done);
    openssl_call_end_read(&call, bytes, result > 0 ? *done : 0, result);
    return result;
}

static long handshake_traced(const struct bio_method *method, BIO *bio, int command, long number, void *pointer)
{
    struct openssl_call call = BIO_CALL_BEGIN(method, bio);
    if (!call.ssl)
        return method->ctrl(bio, command, number, pointer);
    CALLSITE_ENTER();
    openssl_call_enter(&call, __builtin_frame_address(0));
    if (!call.session)
        return method->ctrl(bio, command, number, pointer);
    openssl_call_handshake(&call, SIDE_AS_SET);
    long result = method->ctrl(bio, command, number, pointer);
    openssl_call_end(&call, (int)result);
    return result;
}

/* The session is about to go, or to begin again, without a call that we would see. */
static void session_end(const struct bio_method *method, BIO *bio)
{
    int saved = errno;
    struct openssl_call call = BIO_CALL_BEGIN(method, bio);
    struct tls_session *session = call.ssl && openssl_call_is_ours(&call) ? tls_session_find(call.ssl) : NULL;
    if (session) {
        connection_shutdown_write(session->connection);
        tls_session_forget(call.ssl);
    }
    errno = saved;
}

static long ctrl_traced(const struct bio_method *method, BIO *bio, int command, long number, void *pointer)
{
    if (command == BIO_C_DO_STATE_MACHINE)
        return handshake_traced(method, bio, command, number, pointer);
    if (command == BIO_CTRL_RESET || (command == BIO_C_SET_SSL && method->ctrl(bio, BIO_CTRL_GET_CLOSE, 0, NULL)))
        session_end(method, bio);
    return method->ctrl(bio, command, number, pointer);
}

static int destroy_traced(const struct bio_method *method, BIO *bio)
{
    if (bio && method->ctrl(bio, BIO_CTRL_GET_CLOSE, 0, NULL))
        session_end(method, bio);
    return method->destroy(bio);
}

/* A BIO does not say whose method it has. */
#define METHOD(i)                                                                                  \
    static int write_##i(BIO *bio, const char *bytes, size_t len, size_t *done)                    \
    {                                                                                              \
        return write_traced(&g_methods[i], bio, bytes, len, done);                                 \
    }                                                                                              \
    static int read_##i(BIO *bio, char *bytes, size_t len, size_t *done)                           \
    {                                                                                              \
        return read_traced(&g_methods[i], bio, bytes, len, done);                                  \
    }                                                                                              \
    static long ctrl_##i(BIO *bio, int command, long number, void *pointer)                        \
    {                                                                                              \
        return ctrl_traced(&g_methods[i], bio, command, number, pointer);                          \
    }                                                                                              \
    static int destroy_##i(BIO *bio)                                                               \
    {                                                                                              \
        return destroy_traced(&g_methods[i], bio);                                                 \
    }

METHOD(0)
METHOD(1)
METHOD(2)
METHOD(3)

static const struct {
    bio_write *write;
    bio_read *read;
    bio_ctrl *ctrl;
    bio_life *destroy;
} TRACED[LIBRARY_ENTRIES_MAX] = {
    {write_0, read_0, ctrl_0, destroy_0},
    {write_1, read_1, ctrl_1, destroy_1},
    {write_2, read_2, ctrl_2, destroy_2},
    {write_3, read_3, ctrl_3, destroy_3},
};

/* From OpenSSL 1.1.1 on. */
static bool can_copy(const struct openssl *real)
{
    return real->get_error && real->bio_test_flags && real->bio_meth_new && real->bio_meth_get_write &&
           real->bio_meth_get_read && real->bio_meth_get_puts && real->bio_meth_get_gets && real->bio_meth_get_ctrl &&
           real->bio_meth_get_create && real->bio_meth_get_destroy && real->bio_meth_get_callback_ctrl &&
           real->bio_meth_set_write && real->bio_meth_set_read && real->bio_meth_set_puts && real->bio_meth_set_gets &&
           real->bio_meth_set_ctrl && real->bio_meth_set_create && real->bio_meth_set_destroy &&
           real->bio_meth_set_callback_ctrl;
}

/* Two threads may make one each, of which one is lost. */
static COLD BIO_METHOD *method_make(const struct openssl *real, const BIO_METHOD *theirs)
{
    int copy = openssl_copy_of(real);
    struct bio_method *method = &g_methods[copy];
    BIO_METHOD *made = can_copy(real) ? real->bio_meth_new(BIO_TYPE_SSL, "ssl") : NULL;
    if (!made)
        return NULL;
    method->real = real;
    method->write = real->bio_meth_get_write(theirs);
    method->read = real->bio_meth_get_read(theirs);
    method->ctrl = real->bio_meth_get_ctrl(theirs);
    method->destroy = real->bio_meth_get_destroy(theirs);
    real->bio_meth_set_write(made, TRACED[copy].write);
    real->bio_meth_set_read(made, TRACED[copy].read);
    real->bio_meth_set_ctrl(made, TRACED[copy].ctrl);
    real->bio_meth_set_destroy(made, TRACED[copy].destroy);
    real->bio_meth_set_create(made, real->bio_meth_get_create(theirs));
    real->bio_meth_set_puts(made, real->bio_meth_get_puts(theirs));
    real->bio_meth_set_gets(made, real->bio_meth_get_gets(theirs));
    real->bio_meth_set_callback_ctrl(made, real->bio_meth_get_callback_ctrl(theirs));
    atomic_store(&method->ours, made);
    return made;
}

static const BIO_METHOD *method_of(const struct openssl *real)
{
    const BIO_METHOD *theirs = real->bio_f_ssl();
    if (!shim_is_tracing() || openssl_copy_of(real) >= LIBRARY_ENTRIES_MAX)
        return theirs;
    const BIO_METHOD *ours = atomic_load(&g_methods[openssl_copy_of(real)].ours);
    if (!ours)
        ours = method_make(real, theirs);
    return ours ? ours : theirs;
}

EXPORT const BIO_METHOD *BIO_f_ssl(void)
{
    const struct openssl *real = library_of(&g_openssl_family, __builtin_return_address(0));
    return real && real->bio_f_ssl ? method_of(real) : NULL;
}

/* ---- what the library makes of it by itself ---- */

static BIO *session_bio_make(const struct openssl *real, SSL_CTX *context, bool is_client)
{
    BIO *bio = real->bio_new(method_of(real));
    SSL *ssl = bio ? real->new (context) : NULL;
    if (!ssl) {
        real->bio_free_all(bio);
        return NULL;
    }
    tls_session_forget(ssl); /* of one that was freed out of sight */
    (is_client ? real->set_connect_state : real->set_accept_state)(ssl);
    real->bio_ctrl(bio, BIO_C_SET_SSL, BIO_CLOSE, ssl);
    return bio;
}

/* @first, with @second behind it; NULL if there is one of them only. */
static BIO *chain(const struct openssl *real, BIO *first, BIO *second)
{
    if (first && second)
        return real->bio_push(first, second);
    real->bio_free_all(first);
    real->bio_free_all(second);
    return NULL;
}

static BIO *connecting_bio_make(const struct openssl *real, SSL_CTX *context)
{
    BIO *session = session_bio_make(real, context, true);
    return session ? chain(real, session, real->bio_new(real->bio_s_connect())) : NULL;
}

static bool can_make(const struct openssl *real)
{
    return shim_is_tracing() && real->bio_f_ssl && real->bio_new && real->new && real->bio_free_all && real->bio_ctrl &&
           real->bio_push && real->bio_s_connect && real->bio_f_buffer && real->set_connect_state &&
           real->set_accept_state && can_copy(real);
}

EXPORT BIO *BIO_new_ssl(SSL_CTX *context, int is_client)
{
    const struct openssl *real = library_of(&g_openssl_family, __builtin_return_address(0));
    if (!real || !real->bio_new_ssl)
        return NULL;
    return can_make(real) ? session_bio_make(real, context, is_client) : real->bio_new_ssl(context, is_client);
}

EXPORT BIO *BIO_new_ssl_connect(SSL_CTX *context)
{
    const struct openssl *real = library_of(&g_openssl_family, __builtin_return_address(0));
    if (!real || !real->bio_new_ssl_connect)
        return NULL;
    return can_make(real) ? connecting_bio_make(real, context) : real->bio_new_ssl_connect(context);
}

EXPORT BIO *BIO_new_buffer_ssl_connect(SSL_CTX *context)
{
    const struct openssl *real = library_of(&g_openssl_family, __builtin_return_address(0));
    if (!real || !real->bio_new_buffer_ssl_connect)
        return NULL;
    if (!can_make(real))
        return real->bio_new_buffer_ssl_connect(context);
    BIO *connecting = connecting_bio_make(real, context);
    return connecting ? chain(real, real->bio_new(real->bio_f_buffer()), connecting) : NULL;
}
