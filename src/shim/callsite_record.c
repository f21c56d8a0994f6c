#include "shim/callsite_record.h"

#include "base/compiler.h"
#include "base/text.h"
#include "shim/module.h"
#include "shim/real.h"
#include "trace/callsite.h"

#include <string.h>

enum { FRAMES_MAX = 24 };

THREAD_LOCAL const void *t_caller;

static int (*g_backtrace)(void **buffer, int size); /* libunwind's unw_backtrace; NULL: not loaded */
static _Atomic bool g_is_loaded, g_is_set;

/* A return address is where the call comes back to: one byte before is still within the call. */
static const char *call_of(const void *return_address)
{
    return (const char *)return_address - 1;
}

/* The first frame that is neither ours nor plumbing. */
static bool frames_search(struct module *out)
{
    void *frames[FRAMES_MAX];
    int count = g_backtrace ? g_backtrace(frames, FRAMES_MAX) : 0;
    for (int i = 0; i < count; i++) {
        struct module module;
        if (!module_find(call_of(frames[i]), &module) || module_is_self(&module) ||
            module_is_plumbing(&module))
            continue;
        *out = module;
        return true;
    }
    return false;
}

static void address_describe(const struct module *module, struct span *span)
{
    char bytes[512];
    struct text text = text_on(bytes, sizeof bytes);
    const char *function = module_function_name(module);
    if (function)
        span_set_string(span, ATTRIBUTE_CODE_FUNCTION_NAME, function, strlen(function));
    text_append(&text, module->path, MIN(strlen(module->path), sizeof bytes - 32));
    text_append_char(&text, '+');
    text_append_hex_number(&text, module->offset);
    span_set_string(span, ATTRIBUTE_CODE_ADDRESS, text.bytes, text.len);
}

/* A place that calls, and what spans say of it: filled by whoever needs it first, never changed. The
 * object that the place lies in is part of it, since another one may be loaded there later. */
struct site {
    _Atomic uint32_t state; /* enum site_state */
    bool is_plumbing;
    uintptr_t offset;
    const struct link_map *map;
    const void *dynamic; /* the object's: the memory of a link_map may be used again */
    struct attribute_block block;
};

enum site_state { SITE_FREE, SITE_BEING_FILLED, SITE_READY };
enum { SITES_MAX = 256, SITE_PROBES = 8 };

static struct site g_sites[SITES_MAX];

static bool site_is(struct site *site, const struct module *module)
{
    return atomic_load_explicit(&site->state, memory_order_acquire) == SITE_READY &&
           site->offset == module->offset && site->map == module->map &&
           site->dynamic == module->map->l_ld;
}

static COLD bool site_fill(struct site *site, const struct module *module)
{
    struct span scratch;
    uint32_t state = SITE_FREE;
    if (!atomic_compare_exchange_strong_explicit(&site->state, &state, SITE_BEING_FILLED,
                                                 memory_order_relaxed, memory_order_relaxed))
        return false;
    memset(&scratch, 0, offsetof(struct span, bytes));
    address_describe(module, &scratch);
    span_copy_attributes(&scratch, 0, &site->block);
    site->is_plumbing = module_is_plumbing(module);
    site->offset = module->offset;
    site->map = module->map;
    site->dynamic = module->map->l_ld;
    atomic_store_explicit(&site->state, SITE_READY, memory_order_release);
    return true;
}

/* NULL: there are too many, or another thread is filling it. */
static const struct site *site_find(const struct module *module)
{
    size_t home = (module->offset * 0x9e3779b97f4a7c15ULL) >> 56;
    for (size_t i = 0; i < SITE_PROBES; i++) {
        struct site *site = &g_sites[(home + i) % SITES_MAX];
        if (LIKELY(site_is(site, module)) || site_fill(site, module))
            return site;
    }
    return NULL;
}

/* The caller itself, most of the time; a backtrace (0.25 us) only where that is a library that calls
 * on behalf of somebody else. */
static void record(struct span *span)
{
    struct module module;
    int saved = errno;
    if (t_caller && module_find(call_of(t_caller), &module)) {
        const struct site *site = site_find(&module);
        bool is_plumbing = site ? site->is_plumbing : module_is_plumbing(&module);
        if (UNLIKELY(is_plumbing) && frames_search(&module))
            site = site_find(&module);
        if (site)
            span_add_attributes(span, &site->block);
        else
            address_describe(&module, span);
    }
    errno = saved;
}

/* DESIGN.md, rule 2.5: never linked, and never where it could take over _Unwind_*. */
static void libunwind_load(void)
{
    if (g_is_loaded)
        return;
    g_is_loaded = true;
    void *handle = REAL(dlopen)("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    if (handle)
        g_backtrace = (int (*)(void **, int))dlsym(handle, "unw_backtrace");
    else
        dlerror(); /* so that the program does not find our failure there */
}

static void recorder_set(void)
{
    if (g_is_set)
        return;
    g_is_set = true;
    module_init();
    callsite_set_recorder(record);
}

void callsite_init(void)
{
    static const char *const connecting[] = {"connect", "curl_easy_perform", NULL};
    if (module_any_imports(connecting))
        recorder_set();
    if (module_any_plumbing())
        libunwind_load();
}

void callsite_prepare(void)
{
    int saved = errno;
    if (shim_is_tracing()) {
        recorder_set();
        libunwind_load();
    }
    errno = saved;
}
