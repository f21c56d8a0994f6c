/* openssl.h - what is called of OpenSSL, 1.1 and 3: its headers are of one version, its binary interface for these
 * functions is the same. The manual pages of libssl are the source; numbers are from its public headers. */
#ifndef RUN_TRACED_SHIM_OPENSSL_H
#define RUN_TRACED_SHIM_OPENSSL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_cipher_st SSL_CIPHER;
typedef struct bio_st BIO;
typedef struct bio_method_st BIO_METHOD;

enum {
    SSL_ERROR_SSL = 1,
    SSL_ERROR_WANT_READ = 2,
    SSL_ERROR_WANT_WRITE = 3,
    SSL_ERROR_SYSCALL = 5,
    SSL_ERROR_ZERO_RETURN = 6,
    SSL_CTRL_MODE = 33,
    SSL_MODE_ENABLE_PARTIAL_WRITE = 1,
    BIO_CLOSE = 1,
    BIO_FLAGS_SHOULD_RETRY = 8,
    BIO_CTRL_RESET = 1,
    BIO_CTRL_GET_CLOSE = 8,
    BIO_C_DO_STATE_MACHINE = 101,
    BIO_C_SET_SSL = 109,
    BIO_C_GET_SSL = 110,
    BIO_TYPE_SSL = 7 | 0x0200,
};

/* What a BIO_METHOD is made of. */
typedef int bio_write(BIO *bio, const char *bytes, size_t len, size_t *done);
typedef int bio_read(BIO *bio, char *bytes, size_t len, size_t *done);
typedef int bio_puts(BIO *bio, const char *text);
typedef int bio_gets(BIO *bio, char *text, int len);
typedef long bio_ctrl(BIO *bio, int command, long number, void *pointer);
typedef int bio_life(BIO *bio);
typedef long bio_callback_ctrl(BIO *bio, int command, int (*callback)(BIO *, int, int));

SSL *SSL_new(SSL_CTX *context);
void SSL_free(SSL *ssl);
int SSL_clear(SSL *ssl);
int SSL_connect(SSL *ssl);
int SSL_accept(SSL *ssl);
int SSL_do_handshake(SSL *ssl);
int SSL_read(SSL *ssl, void *buf, int len);
int SSL_read_ex(SSL *ssl, void *buf, size_t len, size_t *done);
int SSL_write(SSL *ssl, const void *buf, int len);
int SSL_write_ex(SSL *ssl, const void *buf, size_t len, size_t *done);
int SSL_read_early_data(SSL *ssl, void *buf, size_t len, size_t *done);
int SSL_write_early_data(SSL *ssl, const void *buf, size_t len, size_t *done);
ssize_t SSL_sendfile(SSL *ssl, int fd, off_t offset, size_t len, int flags);
int SSL_shutdown(SSL *ssl);
const BIO_METHOD *BIO_f_ssl(void);
BIO *BIO_new_ssl(SSL_CTX *context, int is_client);
BIO *BIO_new_ssl_connect(SSL_CTX *context);
BIO *BIO_new_buffer_ssl_connect(SSL_CTX *context);

#endif
