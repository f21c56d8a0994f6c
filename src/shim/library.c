#include "shim/library.h"

#include "base/raw.h"
#include "shim/module.h"
#include "shim/real.h"

#include <stdatomic.h>
#include <string.h>

enum { CALLS_LEN_MAX = 1024 };

THREAD_LOCAL int t_library_copy;

static void family_lock(struct library_family *family)
{
    while (!lock_acquire(&family->lock))
        raw_sched_yield();
}

static uintptr_t id_of(const struct link_map *map)
{
    return map ? (uintptr_t)map->l_ld : 1;
}

/* The object that @address lies in, or NULL. */
static const struct link_map *object_of(const void *address)
{
    struct module module;
    return address && module_find(address, &module) ? module.map : NULL;
}

/* The same, at leisure: also where libc has no quick answer (before glibc 2.35). */
static const struct link_map *provider_of(const void *address)
{
    Dl_info info;
    struct link_map *map = (struct link_map *)object_of(address);
    if (!map && address && !dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP))
        return NULL;
    return map;
}

/* A function of the scope of @handle (NULL: none), which may have us in it: ours is never what stands behind ours. */
static void *theirs_in(void *handle, const char *name, const char *version)
{
    struct module module;
    void *found = !handle ? NULL : version ? dlvsym(handle, name, version) : real_dlsym(handle, name);
    return found && module_find(found, &module) && module_is_self(&module) ? NULL : found;
}

/* As the loader would bind it: the scope of all comes first, then its own. */
static void *bound_in(void *handle, const char *name, const char *version)
{
    void *found = theirs_in(RTLD_NEXT, name, version);
    return found ? found : theirs_in(handle, name, version);
}

/* The scope that begins with @map. NULL: none, or one that our names do not reach (dlmopen). */
static void *scope_open(const struct link_map *map)
{
    void *handle = map ? REAL(dlopen)(map->l_name, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    if (handle && handle != map) { /* glibc's handles are the objects */
        REAL(dlclose)(handle);
        return NULL;
    }
    return handle;
}

static void scope_close(void *handle)
{
    if (handle)
        REAL(dlclose)(handle);
}

/* ---- copies ---- */

/* A copy that is being put together: what its caller was bound to; the rest is of @base. */
struct draft {
    const struct library_family *family;
    const struct link_map *caller; /* or NULL */
    void *caller_scope;
    const struct link_map *base;
    void *calls[CALLS_LEN_MAX / sizeof(void *)];
};

static void **place_of(struct draft *draft, size_t at)
{
    return &draft->calls[draft->family->symbols[at].offset / sizeof(void *)];
}

static void import_take(void *state, const char *name, const char *version)
{
    struct draft *draft = state;
    const struct library_family *family = draft->family;
    if (name[0] != family->symbols[0].name[0] && name[0] != 'B' && name[0] != 'E') /* BIO_, ERR_ */
        return;
    for (size_t at = 0; at < family->symbol_count; at++)
        if (strcmp(family->symbols[at].name, name) == 0) {
            void *found = bound_in(draft->caller_scope, name, version);
            *place_of(draft, at) = found;
            if (!draft->base && name[0] == family->symbols[0].name[0]) /* not what libcrypto has */
                draft->base = provider_of(found);
        }
}

/* One that has the functions itself, and still came here: a library that is not bound to itself, or one that stands
 * before the library and goes on to the next. */
static void definer_take(struct draft *draft)
{
    const char *name = draft->family->symbols[0].name;
    void *own = theirs_in(draft->caller_scope, name, NULL);
    if (own && object_of(own) == draft->caller)
        draft->base = provider_of(bound_in(draft->caller_scope, name, module_own_version(draft->caller, own)));
}

static const struct link_map *loaded_find(const struct library_family *family)
{
    void *found = NULL;
    const struct link_map *map = NULL;
    while (!found && (map = module_find_named(map, family->prefix))) {
        void *scope = scope_open(map);
        found = theirs_in(scope, family->symbols[0].name, NULL);
        scope_close(scope);
    }
    return map;
}

/* What nobody bound is the base's own; but one that only stands before the library has the library behind it. False if
 * the base is beyond us. */
static bool draft_complete(struct draft *draft)
{
    const struct library_family *family = draft->family;
    bool is_whole = true;
    void *scope = scope_open(draft->base);
    for (size_t at = 0; scope && at < family->symbol_count; at++) {
        void **place = place_of(draft, at);
        if (!*place)
            *place = theirs_in(scope, family->symbols[at].name, NULL);
        is_whole = is_whole && (*place || at >= LIBRARY_ESSENTIAL);
        if (!*place && !is_whole)
            *place = theirs_in(RTLD_NEXT, family->symbols[at].name, NULL);
    }
    real_dlsym(RTLD_DEFAULT, "connect"); /* a success: dlerror(3) says nothing of what was not found */
    scope_close(scope);
    return scope != NULL;
}

/* Called with the lock. */
static int copy_recall(const struct library_family *family, const void *identity)
{
    for (int i = 0; i < LIBRARY_COPIES_MAX; i++)
        if (family->identities[i] == identity)
            return i + 1;
    return 0;
}

static int copy_remember(struct library_family *family, const struct draft *draft)
{
    const void *identity = draft->calls[family->symbols[0].offset / sizeof(void *)];
    family_lock(family);
    int copy = identity ? copy_recall(family, identity) : 0;
    for (int i = 0; identity && !copy && i < LIBRARY_COPIES_MAX; i++) {
        if (family->identities[i])
            continue;
        memcpy(family->copies + (size_t)i * family->calls_len, draft->calls, family->calls_len);
        family->identities[i] = identity;
        family->identity_ids[i] = id_of(object_of(identity));
        copy = i + 1;
    }
    lock_release(&family->lock);
    return copy;
}

/* The copy that @base has been taken for already, or 0. */
static int copy_known(struct library_family *family, const struct link_map *base)
{
    void *scope = scope_open(base);
    const void *identity = theirs_in(scope, family->symbols[0].name, NULL);
    scope_close(scope);
    family_lock(family);
    int copy = identity ? copy_recall(family, identity) : 0;
    lock_release(&family->lock);
    return copy;
}

COLD int library_copy(struct library_family *family, const void *theirs)
{
    module_prepare();
    struct draft draft = {.family = family, .base = provider_of(theirs)};
    if (!draft.base || family->calls_len > sizeof draft.calls)
        return 0;
    int copy = copy_known(family, draft.base);
    if (copy)
        return copy;
    return draft_complete(&draft) ? copy_remember(family, &draft) : 0;
}

/* ---- by who calls ---- */

static const void *copy_calls(const struct library_family *family, int copy)
{
    return copy ? family->copies + (size_t)(copy - 1) * family->calls_len : NULL;
}

enum { CALLER_PROBES = 8 };

static size_t caller_place(uintptr_t id, size_t probe)
{
    return ((id >> 4) * 0x9e3779b97f4a7c15U >> 56) + probe;
}

static const void *caller_recall(const struct library_family *family, uintptr_t id)
{
    for (size_t i = 0; i < CALLER_PROBES; i++) {
        const struct library_caller *known = &family->callers[caller_place(id, i) % LIBRARY_CALLERS_MAX];
        if (atomic_load_explicit(&known->id, memory_order_acquire) != id)
            continue;
        const void *calls = atomic_load_explicit(&known->calls, memory_order_acquire);
        if (atomic_load_explicit(&known->id, memory_order_relaxed) == id) /* still: it may be used again */
            return calls;
    }
    return NULL;
}

static void caller_remember(struct library_family *family, uintptr_t id, const void *calls)
{
    family_lock(family);
    struct library_caller *place = &family->callers[caller_place(id, 0) % LIBRARY_CALLERS_MAX];
    for (size_t i = 0; i < CALLER_PROBES && place->id; i++)
        place = &family->callers[caller_place(id, i) % LIBRARY_CALLERS_MAX];
    atomic_store(&place->id, 0); /* the last one that was looked at gives way */
    atomic_store_explicit(&place->calls, calls, memory_order_release);
    atomic_store_explicit(&place->id, id, memory_order_release);
    lock_release(&family->lock);
}

/* The loader is asked without our lock: who holds the loader's may be waiting for ours. */
static COLD const void *calls_find(struct library_family *family, const void *caller)
{
    int saved = errno;
    module_prepare();
    struct draft draft = {.family = family, .caller = object_of(caller)};
    draft.caller_scope = scope_open(draft.caller);
    if (draft.caller)
        module_imports_walk(draft.caller, import_take, &draft);
    if (draft.caller && !draft.base)
        definer_take(&draft);
    /* Code that was not bound by the loader has its pointers from elsewhere: what there is for all, or any. */
    if (!draft.base)
        draft.base = provider_of(theirs_in(RTLD_NEXT, family->symbols[0].name, NULL));
    if (!draft.base)
        draft.base = loaded_find(family);
    bool is_complete = draft_complete(&draft);
    const void *calls = is_complete ? copy_calls(family, copy_remember(family, &draft)) : NULL;
    scope_close(draft.caller_scope);
    if (calls)
        caller_remember(family, id_of(draft.caller), calls);
    errno = saved;
    return calls;
}

const void *library_of(struct library_family *family, const void *caller)
{
    int copy = t_library_copy;
    if (UNLIKELY(copy)) {
        t_library_copy = 0;
        return copy_calls(family, copy);
    }
    const char *call = (const char *)caller - 1;
    const void *calls = caller_recall(family, id_of(object_of(call)));
    return LIKELY(calls) ? calls : calls_find(family, call);
}

void library_note_unload(struct library_family *family)
{
    family_lock(family);
    for (int i = 0; i < LIBRARY_COPIES_MAX; i++) {
        const struct link_map *map = family->identities[i] ? object_of(family->identities[i]) : NULL;
        if (id_of(map) != family->identity_ids[i])
            family->identities[i] = NULL;
    }
    for (int i = 0; i < LIBRARY_CALLERS_MAX; i++) {
        uintptr_t id = family->callers[i].id;
        if (id > 1 && id_of(object_of((const void *)id)) != id)
            atomic_store(&family->callers[i].id, 0);
    }
    lock_release(&family->lock);
}
