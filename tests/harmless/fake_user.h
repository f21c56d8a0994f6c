/* fake_user.h - a plugin that uses the TLS library that it is linked with. */
typedef struct SSL SSL;
SSL *SSL_new(void *context);
int SSL_connect(SSL *ssl), SSL_read(SSL *ssl, void *bytes, int len), SSL_write(SSL *ssl, const void *bytes, int len);
void SSL_free(SSL *ssl);
int user_talk(void);

int user_talk(void)
{
    char bytes[16] = "hello";
    SSL *ssl = SSL_new(0);
    int sum = SSL_connect(ssl) + SSL_write(ssl, bytes, 5) + SSL_read(ssl, bytes, sizeof bytes);
    SSL_free(ssl);
    return sum;
}
