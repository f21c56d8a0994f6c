#include "shim/custom_span.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/process.h"
#include "base/slab.h"
#include "shim/real.h"
#include "trace/active.h"
#include "trace/baggage.h"
#include "trace/sampler.h"
#include "trace/trace_per.h"
#include "wire/exchange.h"
#include "wire/parent.h"

#include <string.h>

struct custom_span {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    struct lock lock;              /* guards all below */
    struct active_request request; /* its generation counts up when the span ends */
    struct span *span;             /* NULL: not recorded */
    int pid;                       /* of the process whose span it is; 0: it has ended */
    enum custom_span_kind kind;
    struct active_context active; /* of the span */
    struct active_context before; /* what the thread worked for that began it */
};

static BULKY_DATA struct slab g_spans = SLAB_INITIALIZER(sizeof(struct custom_span), 8, 128);

static uint32_t generation_of(const struct custom_span *custom)
{
    return atomic_load_explicit(&custom->request.generation, memory_order_acquire);
}

static custom_span_id id_of(const struct custom_span *custom)
{
    return (custom_span_id)generation_of(custom) << 32 | (custom->index + 1);
}

/* NULL: there is none such, or not any more. */
static struct custom_span *find(custom_span_id id)
{
    uint32_t number = (uint32_t)id;
    if (!number || number > slab_high_water(&g_spans))
        return NULL;
    struct custom_span *custom = slab_at(&g_spans, number - 1);
    return custom->pid && id_of(custom) == id ? custom : NULL;
}

static struct custom_span *custom_new(enum custom_span_kind kind)
{
    uint32_t index;
    struct custom_span *custom = slab_alloc(&g_spans, &index);
    if (!custom)
        return NULL;
    uint32_t generation = generation_of(custom); /* outlives the object's reuse */
    memset(&custom->lock, 0, offsetof(struct custom_span, active) - offsetof(struct custom_span, lock));
    atomic_store_explicit(&custom->request.generation, generation, memory_order_relaxed);
    custom->index = index;
    custom->request.is_custom = true;
    custom->kind = kind;
    active_copy(&custom->before, active_last());
    return custom;
}

static void context_make(struct custom_span *custom, const struct parent *parent, bool is_root)
{
    const struct active_context *above = is_root ? NULL : parent->active;
    span_context_child(&custom->active.context, above ? &above->context : NULL);
    custom->active.source = ACTIVE_SPAN;
    custom->active.has_incoming = false;
    custom->active.owner = (struct active_owner){&custom->request, generation_of(custom)};
    if (above)
        exchange_note_child(above);
}

static void record_describe(struct custom_span *custom, const struct parent *parent, bool is_root, const char *name, size_t len)
{
    const struct active_context *above = parent->active;
    span_set_context(custom->span, &custom->active.context, above && !is_root ? above->context.span_id : NULL);
    span_set_long_name(custom->span, name, len);
    baggage_describe(custom->span, &custom->active.context);
    if (!is_root) {
        parent_describe(custom->span, above, parent->links, parent->link_count);
        return;
    }
    struct span_link link;
    if (!above)
        return;
    memcpy(link.trace_id, above->context.trace_id, TRACE_ID_LEN);
    memcpy(link.span_id, above->context.span_id, SPAN_ID_LEN);
    span_set_links(custom->span, &link, 1);
}

/* A test is part of the process, or of the span that it is begun in; never of a request, whose thread it may be. */
static void test_parent_choose(struct parent *parent)
{
    const struct active_context *last = active_last();
    bool is_within = last->source == ACTIVE_SPAN && last->owner.request && last->owner.request->is_custom &&
                     active_is_open(last);
    parent->link_count = 0;
    parent->may_be_sampled = false;
    parent->active = is_within ? last : active_environment();
}

/* Whether it is sampled is known with its context: until then it has a record. */
static void record_make(struct custom_span *custom, const char *name, size_t len, uint64_t start_ns)
{
    struct parent parent;
    bool is_root = custom->kind == CUSTOM_SPAN_TEST && g_trace_per == TRACE_PER_TEST;
    if (custom->kind == CUSTOM_SPAN_TEST)
        test_parent_choose(&parent);
    else
        parent_choose(&parent, NULL);
    context_make(custom, &parent, is_root);
    if (!span_context_is_sampled(&custom->active.context))
        return;
    custom->span = span_start(SPAN_KIND_INTERNAL, start_ns);
    record_describe(custom, &parent, is_root, name, len);
}

custom_span_id custom_span_begin(enum custom_span_kind kind, const char *name, size_t len, uint64_t start_ns)
{
    struct custom_span *custom = shim_is_tracing() ? custom_new(kind) : NULL;
    if (!custom)
        return 0;
    record_make(custom, name, len, start_ns);
    active_note_custom();
    custom->pid = process_pid();
    active_set(&custom->active);
    if (kind == CUSTOM_SPAN_TEST)
        active_test_begin(&custom->active);
    return id_of(custom);
}

void custom_span_use(custom_span_id id, void (*use)(struct span *span, const void *argument), const void *argument)
{
    struct custom_span *custom = find(id);
    if (!custom || !lock_acquire(&custom->lock))
        return;
    if (find(id) && custom->span && custom->pid == process_pid())
        use(custom->span, argument);
    lock_release(&custom->lock);
}

/* Where nothing was known of it before, nothing is now. */
static void thread_go_back(const struct custom_span *custom)
{
    if (active_last()->owner.request != &custom->request || active_last()->source == ACTIVE_NONE)
        return;
    if (custom->before.source != ACTIVE_NONE && active_is_open(&custom->before))
        active_set(&custom->before);
    else
        active_forget();
}

static void end(struct custom_span *custom, uint64_t end_ns)
{
    if (custom->kind == CUSTOM_SPAN_TEST)
        active_test_end(&custom->active);
    if (custom->pid == process_pid())
        span_end(custom->span, end_ns ? end_ns : clock_monotonic_ns());
    thread_go_back(custom);
    custom->span = NULL;
    custom->pid = 0;
    atomic_fetch_add_explicit(&custom->request.generation, 1, memory_order_acq_rel);
}

void custom_span_end(custom_span_id id, uint64_t end_ns)
{
    struct custom_span *custom = find(id);
    if (!custom || !lock_acquire(&custom->lock))
        return;
    bool is_mine = find(id);
    if (is_mine)
        end(custom, end_ns);
    lock_release(&custom->lock);
    if (is_mine)
        slab_free(&g_spans, custom->index);
}

static void note_unfinished(struct span *span, const void *argument)
{
    (void)argument;
    span_set_true(span, ATTRIBUTE_UNFINISHED);
}

void custom_span_exit_all(void)
{
    uint32_t count = slab_high_water(&g_spans);
    for (uint32_t i = 0; i < count; i++) {
        struct custom_span *custom = slab_at(&g_spans, i);
        if (custom->pid != process_pid())
            continue;
        custom_span_id id = id_of(custom);
        custom_span_use(id, note_unfinished, NULL);
        custom_span_end(id, 0);
    }
}
