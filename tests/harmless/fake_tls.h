/* fake_tls.h - a TLS library that says who it is: COPY. Two of them in one process must never be mixed. */
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    const char *copy;
} SSL;

static void tell(const char *function, const SSL *ssl)
{
    printf("%s of %s, on one of %s\n", function, COPY, ssl->copy);
}

SSL *SSL_new(void *context)
{
    SSL *ssl = malloc(sizeof *ssl);
    (void)context;
    ssl->copy = COPY;
    tell("SSL_new", ssl);
    return ssl;
}

int SSL_write(SSL *ssl, const void *bytes, int len)
{
    (void)bytes;
    tell("SSL_write", ssl);
    return len;
}

int SSL_read(SSL *ssl, void *bytes, int len)
{
    (void)bytes;
    tell("SSL_read", ssl);
    return len;
}

int SSL_do_handshake(SSL *ssl)
{
    tell("SSL_do_handshake", ssl);
    return 1;
}

/* As a library does that is not bound to itself: through its own table. */
int SSL_connect(SSL *ssl)
{
    tell("SSL_connect", ssl);
    return SSL_do_handshake(ssl);
}

void SSL_free(SSL *ssl)
{
    tell("SSL_free", ssl);
    free(ssl);
}

int SSL_get_error(const SSL *ssl, int result)
{
    (void)ssl;
    return result > 0 ? 0 : 1;
}

int SSL_is_init_finished(const SSL *ssl)
{
    (void)ssl;
    return 1;
}
