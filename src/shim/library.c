#include "shim/library.h"

#include "base/raw.h"
#include "shim/module.h"
#include "shim/real.h"

#include <stdatomic.h>
#include <string.h>

enum { CALLS_LEN_MAX = 1024 };

THREAD_LOCAL int t_library_copy;
static _Atomic uint32_t g_generation; /* goes on when something is unloaded */

static void family_lock(struct library_family *family)
{
    while (!lock_acquire(&family->lock))
        raw_sched_yield();
}

/* A function of @handle's scope, which may have us in it: ours is never what stands behind ours. */
static void *theirs_in(void *handle, const char *name, const char *version)
{
    struct module module;
    void *found = version ? dlvsym(handle, name, version) : real_dlsym(handle, name);
    return found && module_find(found, &module) && module_is_self(&module) ? NULL : found;
}

/* The object that @address lies in, kept loaded from now on; NULL if it cannot be had. */
static void *pin(const void *address)
{
    struct module module;
    return module_find(address, &module) ? REAL(dlopen)(module.map->l_name, RTLD_LAZY | RTLD_NOLOAD) : NULL;
}

/* Called with the lock. */
static int copy_recall(const struct library_family *family, const void *identity)
{
    for (int i = 0; i < LIBRARY_COPIES_MAX; i++)
        if (family->identities[i] == identity)
            return i + 1;
    return 0;
}

static int copy_remember(struct library_family *family, const void *identity, const char *calls)
{
    family_lock(family);
    int copy = copy_recall(family, identity);
    for (int i = 0; !copy && i < LIBRARY_COPIES_MAX; i++) {
        if (family->identities[i])
            continue;
        memcpy(family->copies + (size_t)i * family->calls_len, calls, family->calls_len);
        family->identities[i] = identity;
        copy = i + 1;
    }
    lock_release(&family->lock);
    return copy;
}

static int copy_known(struct library_family *family, const void *identity)
{
    family_lock(family);
    int copy = copy_recall(family, identity);
    lock_release(&family->lock);
    return copy;
}

/* The loader is asked without our lock: who holds the loader's may be waiting for ours. */
COLD int library_copy(struct library_family *family, const void *theirs)
{
    char calls[CALLS_LEN_MAX] __attribute__((aligned(16))) = {0};
    void *handle = pin(theirs);
    const void *identity = handle ? theirs_in(handle, family->symbols[0].name, NULL) : NULL;
    int copy = identity ? copy_known(family, identity) : 0;
    if (!identity || copy || family->calls_len > sizeof calls) {
        if (handle)
            REAL(dlclose)(handle); /* it is pinned already, or of no use */
        return copy;
    }
    for (size_t at = 0; at < family->symbol_count; at++)
        *(void **)(calls + family->symbols[at].offset) = theirs_in(handle, family->symbols[at].name, NULL);
    real_dlsym(handle, family->symbols[0].name); /* a success: dlerror(3) says nothing of what was not found */
    return copy_remember(family, identity, calls);
}

/* ---- by who calls ---- */

/* @name in the scope that begins with @map. */
static const void *own_find(const struct link_map *map, const char *name, const char *version)
{
    void *handle = REAL(dlopen)(map->l_name, RTLD_LAZY | RTLD_NOLOAD);
    const void *found = handle ? theirs_in(handle, name, version) : NULL;
    if (handle)
        REAL(dlclose)(handle);
    return found;
}

/* What the loader bound the caller's call of @name to, but for us: the scope of all comes first, then its own. One
 * that has the function itself means itself. */
static const void *bound_find(const struct link_map *caller, const char *name)
{
    const char *version;
    struct module module;
    if (module_imports(caller, name, &version)) {
        const void *found = theirs_in(RTLD_NEXT, name, version);
        return found ? found : own_find(caller, name, version);
    }
    const void *own = own_find(caller, name, NULL);
    return own && module_find(own, &module) && module.map == caller ? own : NULL;
}

static const void *loaded_find(const struct library_family *family)
{
    const void *found = NULL;
    for (const struct link_map *map = NULL; !found && (map = module_find_named(map, family->prefix));)
        found = own_find(map, family->symbols[0].name, NULL);
    return found;
}

/* Code that was not bound by the loader has its pointers from elsewhere: it gets what there is for all, or any. */
static const void *theirs_find(const struct library_family *family, const struct link_map *caller)
{
    const void *found = NULL;
    for (size_t i = 0; caller && !found && i < family->symbol_count; i++)
        found = bound_find(caller, family->symbols[i].name);
    if (!found)
        found = theirs_in(RTLD_NEXT, family->symbols[0].name, NULL);
    return found ? found : loaded_find(family);
}

static const void *copy_calls(const struct library_family *family, int copy)
{
    return copy ? family->copies + (size_t)(copy - 1) * family->calls_len : NULL;
}

static const void *caller_recall(const struct library_family *family, uintptr_t id)
{
    uint32_t generation = atomic_load_explicit(&g_generation, memory_order_acquire);
    for (int i = 0; i < LIBRARY_CALLERS_MAX; i++) {
        const struct library_caller *known = &family->callers[i];
        if (atomic_load_explicit(&known->id, memory_order_acquire) != id ||
            atomic_load_explicit(&known->generation, memory_order_relaxed) != generation)
            continue;
        const void *calls = known->calls;
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&known->id, memory_order_relaxed) == id) /* still: it may be used again */
            return calls;
    }
    return NULL;
}

static void caller_remember(struct library_family *family, uintptr_t id, const void *calls, uint32_t generation)
{
    struct library_caller *free = NULL;
    family_lock(family);
    for (int i = LIBRARY_CALLERS_MAX - 1; i >= 0; i--)
        if (!family->callers[i].id || family->callers[i].generation != generation)
            free = &family->callers[i];
    if (free) {
        atomic_store(&free->id, 0);
        free->calls = calls;
        free->generation = generation;
        atomic_store_explicit(&free->id, id, memory_order_release);
    }
    lock_release(&family->lock);
}

void library_note_unload(void)
{
    atomic_fetch_add(&g_generation, 1);
}

static COLD const void *calls_find(struct library_family *family, const struct link_map *caller, uintptr_t id)
{
    int saved = errno;
    uint32_t generation = atomic_load(&g_generation);
    const void *theirs = theirs_find(family, caller);
    const void *calls = theirs ? copy_calls(family, library_copy(family, theirs)) : NULL;
    if (calls)
        caller_remember(family, id, calls, generation);
    errno = saved;
    return calls;
}

const void *library_of(struct library_family *family, const void *caller)
{
    struct module module = {0};
    int copy = t_library_copy;
    if (UNLIKELY(copy)) {
        t_library_copy = 0;
        return copy_calls(family, copy);
    }
    module_find((const char *)caller - 1, &module);
    uintptr_t id = module.map ? (uintptr_t)module.map->l_ld : 1;
    const void *calls = caller_recall(family, id);
    return LIKELY(calls) ? calls : calls_find(family, module.map, id);
}
