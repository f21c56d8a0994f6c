#include "shim/curl_library.h"

#include "base/lock.h"
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

const struct curl_library *curl_library_of(const void *caller)
{
    struct module module = {0};
    const struct curl_library *library = NULL;
    module_find((const char *)caller - 1, &module);
    for (int i = 0; i < CALLERS_MAX; i++) {
        const struct link_map *map =
            atomic_load_explicit(&g_callers[i].map, memory_order_acquire);
        if (map && map == module.map)
            return g_callers[i].library;
        if (map)
            continue;
        int saved = errno;
        library = library_find(module.map);
        if (library && module.map && lock_acquire(&g_lock)) {
            if (!atomic_load(&g_callers[i].map)) {
                g_callers[i].library = library;
                atomic_store_explicit(&g_callers[i].map, module.map, memory_order_release);
            }
            lock_release(&g_lock);
        }
        errno = saved;
        return library;
    }
    return library_find(module.map);
}
