#include "shim/callsite_record.h"

#include "base/compiler.h"
#include "base/text.h"
#include "shim/module.h"
#include "shim/python_frames.h"
#include "shim/real.h"
#include "shim/site_cache.h"
#include "shim/stack_record.h"
#include "shim/unwind.h"
#include "trace/attribute_block.h"
#include "trace/callsite.h"
#include "trace/plumbing.h"

#include <string.h>

enum { SEARCHED_MAX = 48 };

THREAD_LOCAL const void *t_caller;

static _Atomic bool g_is_set;
static BULKY struct site_cache g_sites;
static THREAD_LOCAL struct site *t_last_site; /* it called last on this thread, and is ready */

/* A return address is where the call comes back to: one byte before is still within the call. */
static const char *call_of(const void *return_address)
{
    return (const char *)return_address - 1;
}

/* The object that the place lies in is part of it, since another one may be loaded there later; the memory of a
 * link_map may be used again. */
static struct site_key module_key(const struct module *module)
{
    return (struct site_key){{module->offset, (uintptr_t)module->map, (uintptr_t)module->map->l_ld}};
}

static enum site_kind kind_of(const struct module *module, const char *function)
{
    bool is_plumbing = module_is_plumbing(module) || (function && plumbing_has_symbol(function));
    return is_plumbing ? SITE_PLUMBING : SITE_CALLER;
}

/* A path or a name that is cut is another one: whole, or not at all. Stacks of signal handlers are small: written in place. */
static COLD void site_fill(struct site *site, const struct module *module)
{
    size_t id_len;
    const unsigned char *id = module_build_id(module, &id_len);
    const char *function = module_function_name(module);
    site->kind = kind_of(module, function);
    site->block.len = 0;
    struct text text = attribute_block_room(&site->block);
    text_append_string(&text, module->path);
    text_append_char(&text, '+');
    text_append_hex_number(&text, module->offset);
    attribute_block_add_text(&site->block, ATTRIBUTE_CODE_ADDRESS, &text);
    if (id && id_len <= BUILD_ID_LEN_MAX)
        attribute_block_add_part(&site->block, SPAN_PART_BUILD_ID, id, id_len);
    if (function)
        attribute_block_add_string(&site->block, ATTRIBUTE_CODE_FUNCTION_NAME, function, strlen(function));
}

/* NULL: there are too many. */
static const struct site *module_site(const struct module *module)
{
    struct site_key key = module_key(module);
    struct site *last = t_last_site;
    if (LIKELY(last && site_key_is_same(&last->key, &key)))
        return last;
    struct site *site = site_find(&g_sites, &key);
    if (!site)
        return NULL;
    if (!site_is_ready(site)) {
        site_fill(site, module);
        site_publish(site, &key);
    }
    t_last_site = site;
    return site;
}

static enum site_kind module_kind(const struct module *module)
{
    const struct site *site = module_site(module);
    return LIKELY(site) ? site->kind : kind_of(module, module_function_name(module));
}

/* The first frame that is neither ours nor plumbing; false: there is none. */
static NOINLINE bool caller_search(struct module *caller)
{
    struct unwind_frame frame;
    unwind_begin(&frame);
    for (int i = 0; i < SEARCHED_MAX && unwind_next(&frame); i++) {
        struct module module;
        if (!module_find(unwind_call(&frame), &module) || module_is_self(&module) ||
            module_kind(&module) != SITE_CALLER)
            continue;
        *caller = module;
        return true;
    }
    return false;
}

static COLD void unremembered_describe(const struct module *module, struct span *span)
{
    struct site site;
    site_fill(&site, module);
    span_add_attributes(span, &site.block);
}

static void native_record(struct span *span)
{
    struct module module;
    if (!t_caller || !module_find(call_of(t_caller), &module))
        return;
    const struct site *site = module_site(&module);
    enum site_kind kind = LIKELY(site) ? site->kind : module_kind(&module);
    if (UNLIKELY(kind == SITE_PLUMBING) && caller_search(&module))
        site = module_site(&module);
    if (LIKELY(site))
        span_add_attributes(span, &site->block);
    else
        unremembered_describe(&module, span);
}

/* The caller itself, most of the time; the frames above it only where it calls on behalf of somebody else. */
static void record(struct span *span)
{
    int saved = errno;
    if (LIKELY(!python_frames_are_known()) || !python_frames_describe(span))
        native_record(span);
    errno = saved;
}

static void record_with_stack(struct span *span)
{
    record(span);
    stack_record(span);
}

/* RUN_TRACED_STACKTRACE: when is the whole stack told? An error is known only when the call is over, or when its
 * answer is read: the stack is the one of that moment. */
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
