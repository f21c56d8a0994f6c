#include "shim/real.h"

#include "shim/exports.h"
#include "shim/module.h"

#include <stddef.h>

enum { SCOPE_MAX = 64 }; /* with more objects before libc, the loader is asked */

struct real_calls g_real;
bool g_real_is_resolved;

/* In the order of struct real_calls, one behind the other. */
static const char NAMES[] =
#define INTERPOSE(name) #name "\0"
#define INTERPOSE_LATER(name)
#include "shim/symbols.def"
#undef INTERPOSE
#undef INTERPOSE_LATER
    ;

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

/* The objects behind this library, in the order in which the loader asks them, up to libc. Those that are there from
 * the start are never unloaded. */
struct scope {
    struct exports objects[SCOPE_MAX];
    size_t count; /* 0: the loader is to be asked */
};

EARLY static bool is_libc(const struct exports *exports)
{
    bool is_several;
    static const char name[] = "__libc_start_main";
    return exports_find(exports, name, exports_hash(name), &is_several) || is_several;
}

EARLY static void scope_find(struct scope *scope)
{
    const struct link_map *map = module_self();
    size_t count = 0;
    for (map = map ? map->l_next : NULL; map && count < SCOPE_MAX; map = map->l_next)
        if (!map->l_ld || !exports_of(map->l_addr, map->l_ld, &scope->objects[count++]))
            return;
        else if (is_libc(&scope->objects[count - 1])) {
            scope->count = count;
            return;
        }
}

/* What dlsym(RTLD_NEXT) would say, or NULL: what is not plain is its to say. */
EARLY static void *scope_search(const struct scope *scope, const char *name)
{
    uint32_t hash = exports_hash(name);
    for (size_t i = 0; i < scope->count; i++) {
        bool is_several;
        const struct exports *exports = &scope->objects[i];
        const ElfW(Sym) *symbol = exports_find(exports, name, hash, &is_several);
        bool is_plain = symbol && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && !is_several;
        if (symbol)
            return is_plain ? (void *)(exports->base + symbol->st_value) : NULL;
    }
    return NULL;
}

EARLY void real_resolve(void)
{
    int saved = errno;
    struct scope scope = {.count = 0};
    void **slot = (void **)&g_real;
    scope_find(&scope);
    for (const char *name = NAMES; *name; slot++) {
        void *found = scope_search(&scope, name);
        *slot = found ? found : real_dlsym(RTLD_NEXT, name);
        while (*name++)
            ;
    }
    g_real_is_resolved = true;
    errno = saved;
}
