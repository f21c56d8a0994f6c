#include "shim/callsite_record.h"

#include "base/compiler.h"
#include "base/text.h"
#include "shim/module.h"
#include "shim/python_frames.h"
#include "shim/real.h"
#include "shim/site_cache.h"
#include "shim/stack_record.h"
#include "shim/unwind.h"
#include "trace/callsite.h"

#include <string.h>

enum { SEARCHED_MAX = 32 };

THREAD_LOCAL const void *t_caller;

static _Atomic bool g_is_set;

/* A return address is where the call comes back to: one byte before is still within the call. */
static const char *call_of(const void *return_address)
{
    return (const char *)return_address - 1;
}

/* The first frame that is neither ours nor plumbing. */
static bool frames_search(struct module *out)
{
    const void *frames[SEARCHED_MAX];
    size_t count = unwind_callers(frames, SEARCHED_MAX);
    for (size_t i = 0; i < count; i++) {
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

static BULKY struct site_cache g_sites;

/* The object that the place lies in is part of it, since another one may be loaded there later; the memory of a link_map may
 * be used again. */
static struct site_key module_key(const struct module *module)
{
    return (struct site_key){{module->offset, (uintptr_t)module->map, (uintptr_t)module->map->l_ld}};
}

static void place_describe(const struct module *module, struct span *span)
{
    struct site_key key = module_key(module);
    struct site *site = site_find(&g_sites, &key);
    if (LIKELY(site && site_is_ready(site))) {
        span_add_attributes(span, &site->block);
        return;
    }
    uint32_t from = span_attributes_end(span);
    address_describe(module, span);
    if (!site)
        return;
    span_copy_attributes(span, from, &site->block);
    /* Without them all the site is of no use, and nobody will find it. */
    site_publish(site, site->block.len ? &key : &(struct site_key){{0}});
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
    if (!python_frames_describe(span) && t_caller && module_find(call_of(t_caller), &module)) {
        if (UNLIKELY(is_plumbing(&module)))
            frames_search(&module);
        place_describe(&module, span);
    }
    errno = saved;
}

static void record_with_stack(struct span *span)
{
    record(span);
    stack_record(span);
}

/* RUN_TRACED_STACKTRACE: when is the whole stack told? An error is known only when the call is over, or when its answer is
 * read: the stack is the one of that moment. */
static void recorder_set(void)
{
    if (g_is_set)
        return;
    g_is_set = true;
    module_init();
    const char *value = getenv("RUN_TRACED_STACKTRACE");
    bool is_all = value && strcmp(value, "all") == 0, is_none = value && strcmp(value, "none") == 0;
    callsite_set_recorder(is_all ? record_with_stack : record, is_all || is_none ? NULL : stack_record);
}

void callsite_init(void)
{
    static const char *const connecting[] = {"connect", "curl_easy_perform", NULL};
    if (module_any_imports(connecting))
        recorder_set();
    python_frames_prepare();
}

void callsite_prepare(void)
{
    int saved = errno;
    if (shim_is_tracing()) {
        recorder_set();
        python_frames_prepare();
    }
    errno = saved;
}
