/* bio_client HOST:PORT PATH [buffered] - gets https://HOST:PORT/PATH as OpenSSL's manual has it: by BIOs alone. */
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdio.h>

static int fail(const char *what)
{
    fprintf(stderr, "bio_client: %s failed\n", what);
    return 1;
}

int main(int count, char **words)
{
    char bytes[20000];
    int n;
    SSL *ssl;
    if (count < 3)
        return fail("usage: bio_client HOST:PORT PATH [buffered]: this");
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    BIO *bio = count > 3 ? BIO_new_buffer_ssl_connect(context) : BIO_new_ssl_connect(context);
    BIO_get_ssl(bio, &ssl);
    SSL_set_tlsext_host_name(ssl, "localhost");
    BIO_set_conn_hostname(bio, words[1]);
    if (BIO_do_connect(bio) <= 0 || BIO_do_handshake(bio) <= 0)
        return fail("connecting");
    if (BIO_printf(bio, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", words[2], words[1]) <= 0 ||
        BIO_flush(bio) <= 0)
        return fail("writing");
    while ((n = BIO_read(bio, bytes, sizeof bytes)) > 0)
        fwrite(bytes, 1, (size_t)n, stdout);
    BIO_free_all(bio);
    SSL_CTX_free(context);
    return 0;
}
