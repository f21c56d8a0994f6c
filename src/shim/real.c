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

EARLY void real_resolve(void)
{
    int saved = errno;
    for (size_t i = 0; i < ARRAY_LEN(SYMBOLS); i++) {
        void **slot = (void **)((char *)&g_real + SYMBOLS[i].offset);
        *slot = dlsym(RTLD_NEXT, SYMBOLS[i].name);
    }
    g_real_is_resolved = true;
    errno = saved;
}
