#include "shim/library.h"

#include "base/raw.h"
#include "shim/module.h"
#include "shim/real.h"

#include <stdatomic.h>
#include <string.h>

/* @handle: of dlopen, or RTLD_NEXT. */
static const void *copy_load(struct library_family *family, void *handle)
{
    const void *identity = real_dlsym(handle, family->symbols[0].name);
    for (int i = 0; identity && i < LIBRARY_COPIES_MAX; i++) {
        char *calls = family->copies + (size_t)i * family->calls_len;
        if (family->identities[i] == identity)
            return calls;
        if (family->identities[i])
            continue;
        for (size_t at = 0; at < family->symbol_count; at++)
            *(void **)(calls + family->symbols[at].offset) = real_dlsym(handle, family->symbols[at].name);
        family->identities[i] = identity;
        real_dlsym(handle, family->symbols[0].name); /* a success: dlerror(3) says nothing of what was not found */
        return calls;
    }
    return NULL;
}

/* Our own name is a copy that has none of what is needed: never to be taken for the library. */
static const void *loaded_find(struct library_family *family, const struct link_map *map)
{
    void *handle = map ? REAL(dlopen)(map->l_name, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    return handle ? copy_load(family, handle) : NULL;
}

static COLD const void *calls_find(struct library_family *family, const struct link_map *caller)
{
    const void *calls =
        caller ? loaded_find(family, module_find_needed(caller, family->prefix)) : NULL;
    /* A caller that names none itself gets what it asked for, or the one that the loader would give it. */
    if (!calls)
        calls = family->by_dlsym;
    if (!calls)
        calls = copy_load(family, RTLD_NEXT);
    return calls ? calls : loaded_find(family, module_find_loaded(family->prefix));
}

static const void *caller_recall(struct library_family *family, uintptr_t map)
{
    for (int i = 0; i < LIBRARY_CALLERS_MAX; i++)
        if (atomic_load_explicit(&family->callers[i].map, memory_order_acquire) == map)
            return family->callers[i].calls;
    return NULL;
}

static void caller_remember(struct library_family *family, uintptr_t map, const void *calls)
{
    int i = 0;
    while (i < LIBRARY_CALLERS_MAX && atomic_load(&family->callers[i].map))
        i++;
    if (!calls || i == LIBRARY_CALLERS_MAX)
        return;
    family->callers[i].calls = calls;
    atomic_store_explicit(&family->callers[i].map, map, memory_order_release);
}

static void family_lock(struct library_family *family)
{
    while (!lock_acquire(&family->lock))
        raw_sched_yield();
}

static COLD const void *calls_find_once(struct library_family *family, const struct link_map *map)
{
    int saved = errno;
    uintptr_t key = map ? (uintptr_t)map : 1;
    family_lock(family);
    const void *calls = caller_recall(family, key);
    if (!calls) {
        calls = calls_find(family, map);
        caller_remember(family, key, calls);
    }
    lock_release(&family->lock);
    errno = saved;
    return calls;
}

const void *library_of(struct library_family *family, const void *caller)
{
    struct module module = {0};
    module_find((const char *)caller - 1, &module);
    const void *calls = caller_recall(family, module.map ? (uintptr_t)module.map : 1);
    return LIKELY(calls) ? calls : calls_find_once(family, module.map);
}

void library_note_dlsym(struct library_family *family, void *handle)
{
    family_lock(family);
    const void *calls = copy_load(family, handle);
    if (calls)
        family->by_dlsym = calls;
    lock_release(&family->lock);
}
