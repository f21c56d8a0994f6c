#include "shim/real.h"

#include <stddef.h>

struct real_calls g_real;
bool g_real_is_resolved;

struct symbol {
    const char *name;
    size_t offset; /* in struct real_calls */
};

static const struct symbol SYMBOLS[] = {
#define INTERPOSE(name) {#name, offsetof(struct real_calls, name)},
#define INTERPOSE_LATER(name)
#include "shim/symbols.def"
#undef INTERPOSE
#undef INTERPOSE_LATER
};

/* Found by its version, since dlsym itself is interposed. The oldest one is in every glibc. */
EARLY void *real_dlsym(void *handle, const char *name)
{
    static void *(*libc_dlsym)(void *, const char *);
#if defined(__x86_64__)
    static const char version[] = "GLIBC_2.2.5";
#else
    static const char version[] = "GLIBC_2.17";
#endif
    if (!libc_dlsym)
        *(void **)&libc_dlsym = dlvsym(RTLD_NEXT, "dlsym", version);
    return libc_dlsym(handle, name);
}

EARLY void real_resolve(void)
{
    int saved = errno;
    for (size_t i = 0; i < ARRAY_LEN(SYMBOLS); i++) {
        void **slot = (void **)((char *)&g_real + SYMBOLS[i].offset);
        *slot = real_dlsym(RTLD_NEXT, SYMBOLS[i].name);
    }
    g_real_is_resolved = true;
    errno = saved;
}
