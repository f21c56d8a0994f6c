/* Several TLS libraries in one process: of plugins that are linked with them, and asked for by name. Each call reaches
 * the one that it would reach anyhow, also when they come and go. */
#include "harmless.h"

#include <dlfcn.h>

struct functions {
    void *library;
    void *(*new)(void *);
    int (*connect)(void *);
    int (*write)(void *, const void *, int);
    int (*read)(void *, void *, int);
    void (*free)(void *);
};

static void *find(void *handle, const char *name)
{
    void *found = dlsym(handle, name);
    if (!found)
        printf("%s: %s\n", name, dlerror());
    return found;
}

static struct functions load(const char *file)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        printf("%s: %s\n", file, dlerror());
    return (struct functions){
        .library = library,
        .new = find(library, "SSL_new"),
        .connect = find(library, "SSL_connect"),
        .write = find(library, "SSL_write"),
        .read = find(library, "SSL_read"),
        .free = find(library, "SSL_free"),
    };
}

static void talk(const struct functions *f)
{
    char bytes[16] = "hello";
    void *ssl = f->new (NULL);
    printf("%d\n", f->connect(ssl) + f->write(ssl, bytes, 5) + f->read(ssl, bytes, sizeof bytes));
    f->free(ssl);
}

static void talk_plugin(const char *file, int mode)
{
    void *library = dlopen(file, mode);
    int (*user_talk)(void) = library ? find(library, "user_talk") : NULL;
    if (user_talk)
        printf("%s: %d\n", file, user_talk());
    else
        printf("%s: %s\n", file, dlerror());
    if (library)
        dlclose(library);
    library = dlopen(file, RTLD_NOW | RTLD_NOLOAD);
    printf("still there: %d\n", library != NULL);
}

/* The answers of several at a time, each by its own functions. */
static void mixed(void)
{
    enum { COUNT = 6 };
    struct functions all[COUNT] = {load("lib_tls_one.so"),  load("lib_tls_two.so"),  load("lib_tls_three.so"),
                                   load("lib_tls_four.so"), load("lib_tls_five.so"), load("lib_tls_six.so")};
    char bytes[16] = "hello";
    void *sessions[COUNT];
    for (int i = 0; i < COUNT; i++)
        sessions[i] = all[i].new (NULL);
    for (int i = 0; i < 2 * COUNT; i++)
        all[i % COUNT].write(sessions[i % COUNT], bytes, 5);
    for (int i = 0; i < COUNT; i++) {
        all[i].read(sessions[i], bytes, 5);
        all[i].free(sessions[i]);
        dlclose(all[i].library);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 3; i++) {
        talk_plugin("lib_user_one.so", RTLD_NOW | RTLD_LOCAL);
        talk_plugin("lib_user_two.so", RTLD_LAZY | RTLD_LOCAL);
        talk_plugin("lib_user_two.so", RTLD_NOW | RTLD_DEEPBIND);
    }
    for (int i = 0; i < 8; i++) {
        struct functions one = load("lib_tls_one.so"), two = load("lib_tls_two.so");
        talk(&one);
        talk(&two);
        talk(&one);
        dlclose(one.library);
        dlclose(two.library);
        /* The next ones do not come to lie where these lay. */
        mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    mixed();
    /* Once one is there for all, it is everybody's that comes later. */
    dlopen("lib_tls_three.so", RTLD_NOW | RTLD_GLOBAL);
    talk_plugin("lib_user_one.so", RTLD_NOW | RTLD_LOCAL);
    talk_plugin("lib_user_two.so", RTLD_NOW | RTLD_DEEPBIND);
    void *(*by_default)(void *) = find(RTLD_DEFAULT, "SSL_new");
    free(by_default(NULL));
    return 0;
}
