/* links lib_tls_one.so. Stands before the TLS library for one of its functions, and goes on to the next. */
#include <dlfcn.h>
#include <stdio.h>

void *SSL_new(void *context);
int SSL_read(void *ssl, void *bytes, int len);

void *(*const lib_wrap_needs)(void *) = SSL_new;

int SSL_read(void *ssl, void *bytes, int len)
{
    int (*next)(void *, void *, int) = dlsym(RTLD_NEXT, "SSL_read");
    printf("SSL_read by way of the wrapper\n");
    return next(ssl, bytes, len);
}
