/* openssl_call.h - what each call of the application's on an OpenSSL session has in common: the library's own functions, the
 * session beneath its handle, its handshake and its failures. Not for signal handlers. errno is left as the library
 * left it. */
#ifndef RUN_TRACED_SHIM_OPENSSL_CALL_H
#define RUN_TRACED_SHIM_OPENSSL_CALL_H

#include "shim/library.h"
#include "shim/openssl.h"
#include "shim/tls_libraries.h"
#include "wire/tls_session.h"

#include <stdbool.h>

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
    BIO *(*get_rbio)(const SSL *);
    int (*get_error)(const SSL *, int);
    long (*ctrl)(SSL *, int, long, void *);
    int (*is_init_finished)(const SSL *);
    int (*is_server)(const SSL *);
    const char *(*get_version)(const SSL *);
    const char *(*get_servername)(const SSL *, int);
    const SSL_CIPHER *(*get_current_cipher)(const SSL *);
    const char *(*cipher_get_name)(const SSL_CIPHER *);
    void (*get_alpn_selected)(const SSL *, const unsigned char **, unsigned *);
    size_t (*get_client_random)(const SSL *, unsigned char *, size_t);
    unsigned long (*peek_last_error)(void);
    const char *(*reason_error_string)(unsigned long);
    void (*set_connect_state)(SSL *);
    void (*set_accept_state)(SSL *);
    __typeof__(&BIO_f_ssl) bio_f_ssl;
    __typeof__(&BIO_new_ssl) bio_new_ssl;
    __typeof__(&BIO_new_ssl_connect) bio_new_ssl_connect;
    __typeof__(&BIO_new_buffer_ssl_connect) bio_new_buffer_ssl_connect;
    const BIO_METHOD *(*bio_s_connect)(void);
    const BIO_METHOD *(*bio_f_buffer)(void);
    BIO *(*bio_new)(const BIO_METHOD *);
    void (*bio_free_all)(BIO *);
    BIO *(*bio_push)(BIO *, BIO *);
    bio_ctrl *bio_ctrl;
    int (*bio_test_flags)(const BIO *, int);
    BIO_METHOD *(*bio_meth_new)(int, const char *);
    bio_write *(*bio_meth_get_write)(const BIO_METHOD *);
    bio_read *(*bio_meth_get_read)(const BIO_METHOD *);
    bio_puts *(*bio_meth_get_puts)(const BIO_METHOD *);
    bio_gets *(*bio_meth_get_gets)(const BIO_METHOD *);
    bio_ctrl *(*bio_meth_get_ctrl)(const BIO_METHOD *);
    bio_life *(*bio_meth_get_create)(const BIO_METHOD *);
    bio_life *(*bio_meth_get_destroy)(const BIO_METHOD *);
    bio_callback_ctrl *(*bio_meth_get_callback_ctrl)(const BIO_METHOD *);
    int (*bio_meth_set_write)(BIO_METHOD *, bio_write *);
    int (*bio_meth_set_read)(BIO_METHOD *, bio_read *);
    int (*bio_meth_set_puts)(BIO_METHOD *, bio_puts *);
    int (*bio_meth_set_gets)(BIO_METHOD *, bio_gets *);
    int (*bio_meth_set_ctrl)(BIO_METHOD *, bio_ctrl *);
    int (*bio_meth_set_create)(BIO_METHOD *, bio_life *);
    int (*bio_meth_set_destroy)(BIO_METHOD *, bio_life *);
    int (*bio_meth_set_callback_ctrl)(BIO_METHOD *, bio_callback_ctrl *);
};

/* openssl_copy_of - which copy of the library these are the functions of, from 0. */
int openssl_copy_of(const struct openssl *real);

/* One call of the application's on a session. */
struct openssl_call {
    const struct openssl *real;
    SSL *ssl;
    struct tls_session *session; /* NULL: to be passed on as it is */
    const char *outer_silence;
};

/* Finds the library's functions, by who called; what lies beneath is not looked at until openssl_call_end. */
#define OPENSSL_CALL_BEGIN(ssl)                                                                    \
    {                                                                                              \
        library_of(&g_openssl_family, __builtin_return_address(0)), (ssl), NULL, t_silence_frame   \
    }

/* openssl_call_is_ours - is it to be looked at? */
bool openssl_call_is_ours(const struct openssl_call *call);

/* openssl_call_enter - finds the session; what happens beneath @frame is not looked at until openssl_call_leave or
 * openssl_call_end. One that is first heard of when its handshake is over may be anywhere in a message. */
void openssl_call_enter(struct openssl_call *call, const void *frame);

enum openssl_side { SIDE_AS_SET, SIDE_CLIENT, SIDE_SERVER };

/* openssl_call_handshake - the call is, or may be, a step of the handshake, as @side; SIDE_AS_SET: as the application has
 * set it before. */
void openssl_call_handshake(const struct openssl_call *call, enum openssl_side side);

/* openssl_call_end - it is back, with @result: 0 or less is a failure, of which the library can say more. */
void openssl_call_end(const struct openssl_call *call, int result);

/* openssl_call_end_read - the same, with the @len bytes that it read. */
void openssl_call_end_read(const struct openssl_call *call, const void *bytes, size_t len, int result);

/* openssl_call_leave - it is back, and nothing more is to be said of it. */
void openssl_call_leave(const struct openssl_call *call);

/* Makes the library's own call of writing. */
struct openssl_writer {
    struct tls_writer writer;
    const struct openssl_call *call;
    int result; /* of the library's last call */
};

/* openssl_call_write - sends @bytes by @writer, with what is to be put into them. Returns what the application is to be
 * told: bytes, or the library's own result. @result: what the library itself said at last. */
ssize_t openssl_call_write(const struct openssl_call *call, struct openssl_writer *writer, const void *bytes, size_t len,
                           int *result);

#endif
