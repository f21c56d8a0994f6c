/* Sockets before our library's beginning and after its end; it links lib_early.so. */
#include "harmless.h"

#include <dlfcn.h>

static void before_all(int argc, char **argv, char **environment)
{
    int pair[2];
    (void)argc;
    (void)argv;
    (void)environment;
    printf("before all constructors\n");
    pair_tcp(pair);
    pair_talk(pair);
    pair_close(pair);
}

/* An executable's own: called before any library's constructor. */
__attribute__((section(".preinit_array"), used)) static void (*const g_before_all)(int, char **, char **) = before_all;

__attribute__((constructor(101))) static void first(void)
{
    int pair[2];
    pair_unix(pair);
    pair_talk(pair);
    pair_close(pair);
}

__attribute__((destructor(101))) static void last(void)
{
    int pair[2];
    pair_tcp(pair);
    pair_talk(pair);
    printf("the program's last\n");
    fflush(stdout);
}

static void at_exit(void)
{
    int pair[2];
    printf("at exit\n");
    pair_tcp(pair);
    pair_talk(pair);
}

static void load_and_unload(const char *self)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s/lib_loaded.so", (int)(strrchr(self, '/') - self), self);
    for (int i = 0; i < 3; i++) {
        void *library = dlopen(i % 2 ? "lib_loaded.so" : path, RTLD_NOW | (i == 2 ? RTLD_DEEPBIND : 0));
        if (!library)
            printf("%s\n", i % 2 ? "not found" : dlerror());
        MUST(library);
        int (*talk)(int) = (int (*)(int))dlsym(library, "loaded_talk");
        TRY(talk(2));
        TRY(dlclose(library));
    }
    TRY(dlopen("no-such-library.so", RTLD_NOW) != NULL);
    TRY(dlerror() != NULL);
    TRY(dlerror() != NULL);
    TRY(dlsym(RTLD_DEFAULT, "no_such_symbol") != NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    harmless_begin();
    atexit(at_exit);
    fds_print("in main", true);
    load_and_unload(argv[0]);
    fds_print("at last", true);
    return 6;
}
