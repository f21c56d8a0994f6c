#include "shim/curl_library.h"

#include "base/lock.h"
#include "base/raw.h"
#include "shim/module.h"

#include <stdatomic.h>

enum { LIBRARIES_MAX = 4, CALLERS_MAX = 32 };

struct known_caller {
    _Atomic(const struct link_map *) map;
    const struct curl_library *library;
};

static struct curl_library g_libraries[LIBRARIES_MAX];
static const void *g_identities[LIBRARIES_MAX]; /* curl_easy_perform of each */
static struct known_caller g_callers[CALLERS_MAX];
static struct lock g_lock;

/* @handle: of dlopen, or RTLD_NEXT. */
static const struct curl_library *library_load(void *handle)
{
    const void *identity = dlsym(handle, "curl_easy_perform");
    for (int i = 0; identity && i < LIBRARIES_MAX; i++) {
        if (g_identities[i] == identity)
            return &g_libraries[i];
        if (g_identities[i])
            continue;
        struct curl_library *library = &g_libraries[i];
        *(void **)&library->setopt = dlsym(handle, "curl_easy_setopt");
        *(void **)&library->perform = dlsym(handle, "curl_easy_perform");
        *(void **)&library->reset = dlsym(handle, "curl_easy_reset");
        *(void **)&library->duphandle = dlsym(handle, "curl_easy_duphandle");
        *(void **)&library->cleanup = dlsym(handle, "curl_easy_cleanup");
        *(void **)&library->getinfo = dlsym(handle, "curl_easy_getinfo");
        *(void **)&library->strerror = dlsym(handle, "curl_easy_strerror");
        g_identities[i] = identity;
        return library;
    }
    return NULL;
}

static COLD const struct curl_library *library_find(const struct link_map *caller)
{
    const struct link_map *needed = caller ? module_find_needed(caller, "libcurl") : NULL;
    void *handle = needed ? REAL(dlopen)(needed->l_name, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    /* A caller that names no libcurl itself gets the one that the loader would give it. */
    return library_load(handle ? handle : RTLD_NEXT);
}

static const struct curl_library *caller_recall(const struct link_map *map)
{
    for (int i = 0; map && i < CALLERS_MAX; i++)
        if (atomic_load_explicit(&g_callers[i].map, memory_order_acquire) == map)
            return g_callers[i].library;
    return NULL;
}

static void caller_remember(const struct link_map *map, const struct curl_library *library)
{
    int i = 0;
    while (i < CALLERS_MAX && atomic_load(&g_callers[i].map))
        i++;
    if (!map || !library || i == CALLERS_MAX)
        return;
    g_callers[i].library = library;
    atomic_store_explicit(&g_callers[i].map, map, memory_order_release);
}

/* libcurl's functions are not for signal handlers: the lock is never this thread's own. */
static COLD const struct curl_library *library_find_once(const struct link_map *map)
{
    int saved = errno;
    while (!lock_acquire(&g_lock))
        raw_sched_yield();
    const struct curl_library *library = caller_recall(map);
    if (!library) {
        library = library_find(map);
        caller_remember(map, library);
    }
    lock_release(&g_lock);
    errno = saved;
    return library;
}

const struct curl_library *curl_library_of(const void *caller)
{
    struct module module = {0};
    module_find((const char *)caller - 1, &module);
    const struct curl_library *library = caller_recall(module.map);
    return LIKELY(library) ? library : library_find_once(module.map);
}
