#include "wire/parent.h"

#include "base/compiler.h"
#include "base/process.h"
#include "trace/sampler.h"
#include "wire/exchange.h"

#include <string.h>

/* How many places are looked at for requests that might be the parent. */
enum { CANDIDATES_LOOKED_AT = 4096 };

void parent_memory_clear(struct parent_memory *memory)
{
    memory->active.source = ACTIVE_NONE;
    memory->is_said = memory->was_ended = false;
    memory->tid = 0;
}

void parent_memory_copy(struct parent_memory *to, const struct parent_memory *from)
{
    memcpy(to, from, offsetof(struct parent_memory, active));
    active_copy(&to->active, &from->active);
}

void parent_memory_connect(struct parent_memory *memory)
{
    struct parent parent;
    parent_memory_clear(memory);
    parent_choose(&parent, NULL);
    if (!parent.active)
        return;
    active_copy(&memory->active, parent.active);
    memory->was_ended = !active_is_open(parent.active);
}

void parent_memory_connected(struct parent_memory *memory)
{
    memory->tid = process_tid();
    memory->turn = active_turn();
}

void parent_memory_say(struct parent_memory *memory, const struct active_context *active)
{
    bool is_disputed = !active || (memory->is_said && (memory->active.source == ACTIVE_NONE ||
                                                       memory->active.owner.request != active->owner.request));
    memory->is_said = true;
    if (is_disputed)
        memory->active.source = ACTIVE_NONE;
    else
        active_copy(&memory->active, active);
}

/* A connection that was made for a request may be used for another one, if that came to its end meanwhile. Not if it goes
 * out as soon as the connection is there. */
static bool memory_decides(const struct parent_memory *memory)
{
    if (!memory || memory->active.source == ACTIVE_NONE || memory->active.source == ACTIVE_ONLY)
        return false;
    if (memory->is_said)
        return true;
    if (active_is_of_process(&memory->active) && active_has_tests())
        return false; /* before the test */
    return active_is_open(&memory->active) || memory->was_ended ||
           (memory->tid == process_tid() && memory->turn == active_turn());
}

static bool is_kept(const struct active_context *active)
{
    return active->source != ACTIVE_NONE && active->owner.request &&
           atomic_load_explicit(&active->owner.request->is_kept, memory_order_relaxed);
}

static void link_add(struct parent *parent, const struct span_context *context)
{
    parent->may_be_sampled = parent->may_be_sampled || span_context_is_sampled(context);
    for (size_t i = 0; i < parent->link_count; i++)
        if (memcmp(parent->links[i].span_id, context->span_id, SPAN_ID_LEN) == 0)
            return;
    struct span_link *link = &parent->links[parent->link_count++];
    memcpy(link->trace_id, context->trace_id, TRACE_ID_LEN);
    memcpy(link->span_id, context->span_id, SPAN_ID_LEN);
}

/* The requests that are open; but, where a runtime knows better, none of those that it keeps. The last one found stays in
 * the thread's room. */
static COLD void candidates_collect(struct parent *parent, bool but_kept, unsigned open_count)
{
    uint32_t end = MIN(exchange_request_limit(), CANDIDATES_LOOKED_AT);
    for (uint32_t i = 0; i < end && open_count && parent->link_count < SPAN_LINKS_MAX; i++) {
        struct active_context found;
        if (!exchange_request_at(i, &found))
            continue;
        open_count--;
        if (but_kept && atomic_load_explicit(&found.owner.request->is_kept, memory_order_relaxed))
            continue;
        active_copy(active_room(), &found);
        link_add(parent, &found.context);
    }
}

/* Nothing decides: of several open requests it may be any, one alone it must be. */
static NOINLINE void choose_among_open(struct parent *parent, enum active_verdict verdict)
{
    const struct active_context *last = active_last();
    bool may_be_last = verdict == ACTIVE_UNCLEAR && last->source != ACTIVE_NONE;
    struct active_context *found = active_room();
    uint32_t only;
    unsigned open_count = active_open_count(&only);
    if (open_count == 1 && !may_be_last && verdict == ACTIVE_UNKNOWN && exchange_request_at(only, found)) {
        found->source = ACTIVE_ONLY;
        parent->active = found;
        return;
    }
    if (LIKELY(open_count == 0 && !may_be_last))
        return;
    if (may_be_last)
        link_add(parent, &last->context);
    candidates_collect(parent, verdict == ACTIVE_CERTAIN, open_count);
    bool is_decided = may_be_last ? active_is_open(last) : verdict < ACTIVE_UNCLEAR;
    if (parent->link_count != 1 || !is_decided)
        return;
    parent->link_count = 0;
    if (!may_be_last)
        found->source = ACTIVE_ONLY;
    parent->active = may_be_last ? last : found;
}

/* Nothing is known of the thread: it works for the test that is open. */
static void choose_test(struct parent *parent)
{
    struct active_context *found = active_room();
    unsigned count = active_tests(found);
    if (count == 1)
        parent->active = found;
    for (unsigned i = 0; count > 1 && i < ACTIVE_TESTS_MAX; i++)
        if (active_test_at(i, found))
            link_add(parent, &found->context);
}

static void choose(struct parent *parent, const struct parent_memory *memory)
{
    enum active_verdict verdict;
    const struct active_context *current = active_current(&verdict);
    bool runtime_decides = verdict == ACTIVE_CERTAIN && (!current || current->source == ACTIVE_RUNTIME);
    bool may_remember = !runtime_decides || (!current && memory && !is_kept(&memory->active));
    if (may_remember && memory_decides(memory)) {
        parent->active = &memory->active;
        return;
    }
    parent->active = current;
    if (!current)
        choose_among_open(parent, verdict);
    if (!parent->active && !parent->link_count)
        choose_test(parent);
    if (!parent->active && !parent->link_count)
        parent->active = active_environment();
}

void parent_choose(struct parent *parent, const struct parent_memory *memory)
{
    parent->link_count = 0;
    parent->may_be_sampled = false;
    choose(parent, memory);
    if (parent->active)
        active_note_use();
}

void parent_describe(struct span *span, const struct active_context *active, const struct span_link *links,
                     size_t link_count)
{
    static const char *const names[] = {
        [ACTIVE_THREAD] = "thread",      [ACTIVE_HANDOVER] = "handover",
        [ACTIVE_RUNTIME] = "runtime",    [ACTIVE_PASSED_ON] = "passed_on",
        [ACTIVE_ONLY] = "only_open_request", [ACTIVE_ENVIRONMENT] = "environment",
        [ACTIVE_TEST] = "only_open_test",
    };
    const char *name = active && active->source < ARRAY_LEN(names) ? names[active->source] : NULL;
    if (name)
        span_set_string(span, ATTRIBUTE_PARENT_SOURCE, name, strlen(name));
    if (!link_count)
        return;
    span_set_true(span, ATTRIBUTE_PARENT_AMBIGUOUS);
    span_set_links(span, links, link_count);
}
