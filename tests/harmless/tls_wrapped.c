/* with -rdynamic -Wl,--unresolved-symbols=ignore-all. A program that stands before its TLS library, as another library does; it links lib_wrap.so. */
#include "harmless.h"

#include <dlfcn.h>
#include <pthread.h>

void *SSL_new(void *context);
int SSL_connect(void *ssl), SSL_read(void *ssl, void *bytes, int len), SSL_write(void *ssl, const void *bytes, int len);
void SSL_free(void *ssl);

int SSL_write(void *ssl, const void *bytes, int len)
{
    int (*next)(void *, const void *, int) = dlsym(RTLD_NEXT, "SSL_write");
    printf("SSL_write by way of the program\n");
    return next(ssl, bytes, len);
}

static void talk(void)
{
    char bytes[16] = "hello";
    void *ssl = SSL_new(NULL);
    printf("%d\n", SSL_connect(ssl) + SSL_write(ssl, bytes, 5) + SSL_read(ssl, bytes, sizeof bytes));
    SSL_free(ssl);
}

static _Atomic bool g_is_done;

static void *load_all_the_time(void *unused)
{
    (void)unused;
    while (!g_is_done)
        dlclose(dlopen("lib_user_two.so", RTLD_NOW | RTLD_LOCAL));
    return NULL;
}

/* A child may be made while the loader is at work in another thread. */
static void children(void)
{
    pthread_t loader;
    int good = 0, status;
    pthread_create(&loader, NULL, load_all_the_time, NULL);
    for (int i = 0; i < 200; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            freopen("/dev/null", "w", stdout);
            talk();
            _exit(0);
        }
        good += waitpid(child, &status, 0) == child && status == 0;
    }
    g_is_done = true;
    pthread_join(loader, NULL);
    printf("%d of 200 children\n", good);
}

int main(void)
{
    harmless_begin();
    setvbuf(stdout, NULL, _IOLBF, 0);
    talk();
    void *(*by_default)(void *) = dlsym(RTLD_DEFAULT, "SSL_write");
    printf("the program's own: %d\n", by_default == (void *)SSL_write);
    children();
    return 0;
}
