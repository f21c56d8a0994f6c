#include "shim/callsite_record.h"

#include "base/compiler.h"
#include "base/raw.h"
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
    /* It looks with system calls whether memory is there. */
    int count = g_backtrace && !g_raw_is_forbidden ? g_backtrace(frames, FRAMES_MAX) : 0;
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
    size_t id_len;
    const unsigned char *id = module_build_id(module, &id_len);
    if (id && id_len <= BUILD_ID_LEN_MAX)
        span_set_part(span, SPAN_PART_BUILD_ID, id, id_len);
}

/* A place that calls, and what spans say of it: filled by whoever needs it first, never changed. The
 * object that the place lies in is part of it, since another one may be loaded there later. */
struct site {
    _Atomic uint32_t state; /* enum site_state */
    uintptr_t offset;
    const struct link_map *map;
    const void *dynamic; /* the object's: the memory of a link_map may be used again */
    struct attribute_block block;
};

enum site_state { SITE_FREE, SITE_BEING_FILLED, SITE_READY };
enum { SITES_MAX = 256, SITE_PROBES = 8 };

static BULKY struct site g_sites[SITES_MAX];

static bool site_is_ready(struct site *site)
{
    return atomic_load_explicit(&site->state, memory_order_acquire) == SITE_READY;
}

static bool site_claim(struct site *site)
{
    uint32_t state = SITE_FREE;
    return atomic_compare_exchange_strong_explicit(&site->state, &state, SITE_BEING_FILLED,
                                                   memory_order_relaxed, memory_order_relaxed);
}

/* The site of that place, or one that the caller is to fill, or NULL: there are too many. */
static struct site *site_find(const struct module *module)
{
    size_t home = (module->offset * 0x9e3779b97f4a7c15ULL) >> 56;
    for (size_t i = 0; i < SITE_PROBES; i++) {
        struct site *site = &g_sites[(home + i) % SITES_MAX];
        if (site_is_ready(site) && site->offset == module->offset && site->map == module->map &&
            site->dynamic == module->map->l_ld)
            return site;
        if (site_claim(site))
            return site;
    }
    return NULL;
}

/* @from: where the attributes begin that @span was just given for it. */
static void site_fill(struct site *site, const struct module *module, const struct span *span,
                      uint32_t from)
{
    span_copy_attributes(span, from, &site->block);
    site->offset = module->offset;
    site->map = module->map;
    site->dynamic = module->map->l_ld;
    /* Without them all the site is of no use, and nobody will find it. */
    if (site->block.len == 0)
        site->map = NULL;
    atomic_store_explicit(&site->state, SITE_READY, memory_order_release);
}

static void place_describe(const struct module *module, struct span *span)
{
    struct site *site = site_find(module);
    if (LIKELY(site && site_is_ready(site))) {
        span_add_attributes(span, &site->block);
        return;
    }
    uint32_t from = span_attributes_end(span);
    address_describe(module, span);
    if (site)
        site_fill(site, module, span, from);
}

/* module_is_plumbing, which compares names, with the last object remembered that is none. */
static bool is_plumbing(const struct module *module)
{
    static _Atomic(const void *) plain_dynamic;
    const void *dynamic = module->map->l_ld;
    if (LIKELY(atomic_load_explicit(&plain_dynamic, memory_order_relaxed) == dynamic))
        return false;
    if (module_is_plumbing(module))
        return true;
    atomic_store_explicit(&plain_dynamic, dynamic, memory_order_relaxed);
    return false;
}

/* The caller itself, most of the time; a backtrace (0.25 us) only where that is a library that calls
 * on behalf of somebody else. */
static void record(struct span *span)
{
    struct module module;
    int saved = errno;
    if (t_caller && module_find(call_of(t_caller), &module)) {
        if (UNLIKELY(is_plumbing(&module)))
            frames_search(&module);
        place_describe(&module, span);
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
        g_backtrace = (int (*)(void **, int))real_dlsym(handle, "unw_backtrace");
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
    if (shim_is_tracing() && !g_raw_is_forbidden) {
        recorder_set();
        libunwind_load();
    }
    errno = saved;
}
