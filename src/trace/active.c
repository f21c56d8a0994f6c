#include "trace/active.h"

#include "base/compiler.h"
#include "base/process.h"
#include "trace/traceparent.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static struct active_context g_process_active;
static _Atomic int g_open_counts[4096];

static THREAD_LOCAL struct active_context t_active;
static THREAD_LOCAL uint32_t t_turn;        /* counts the waits of an event loop */
static THREAD_LOCAL uint32_t t_set_in_turn; /* when t_active was set */

void active_init_from_environment(void)
{
    const char *traceparent = getenv("TRACEPARENT");
    const char *tracestate = getenv("TRACESTATE");
    struct span_context *context = &g_process_active.context;
    if (!traceparent || traceparent_parse(traceparent, strlen(traceparent), context))
        return;
    if (tracestate)
        tracestate_parse(tracestate, strlen(tracestate), context);
    g_process_active.source = ACTIVE_ENVIRONMENT;
    g_process_active.has_incoming = true;
    memcpy(g_process_active.incoming_span_id, context->span_id, SPAN_ID_LEN);
}

void active_copy(struct active_context *to, const struct active_context *from)
{
    memcpy(to, from, offsetof(struct active_context, context));
    span_context_copy(&to->context, &from->context);
}

bool active_is_open(const struct active_context *active)
{
    return !active->owner.generation ||
           atomic_load_explicit(active->owner.generation, memory_order_acquire) ==
               active->owner.expected;
}

void active_set(const struct active_context *active)
{
    active_copy(&t_active, active);
    t_set_in_turn = t_turn;
    t_active.was_used = false;
}

void active_clear_if_owned(const struct active_owner *owner)
{
    if (t_active.owner.generation == owner->generation &&
        t_active.owner.expected == owner->expected)
        t_active.source = ACTIVE_NONE;
}

/* A thread that was started for a request may go on after that was answered, but a pool's thread
 * outlives the request that it happened to be started in: so the inherited context of an ended span
 * is good for the first call only. */
static bool is_usable(const struct active_context *active)
{
    if (active->source == ACTIVE_NONE)
        return false;
    return active_is_open(active) || (active->source == ACTIVE_THREAD && !active->was_used);
}

static bool is_ambiguous_now(void)
{
    if (LIKELY(t_active.source != ACTIVE_SERVER || t_set_in_turn == t_turn))
        return false;
    unsigned slot = active_open_slot(process_tid());
    return atomic_load_explicit(&g_open_counts[slot], memory_order_relaxed) > 1;
}

const struct active_context *active_current(bool *is_ambiguous)
{
    bool is_usable_now = is_usable(&t_active);
    bool is_unclear = is_usable_now && is_ambiguous_now();
    if (is_ambiguous)
        *is_ambiguous = is_unclear;
    if (is_usable_now)
        return is_unclear ? NULL : &t_active;
    return g_process_active.source ? &g_process_active : NULL;
}

bool active_came_in_with(const struct active_context *active,
                         const struct span_context *traceparent)
{
    return active->source != ACTIVE_NONE && active->has_incoming &&
           memcmp(active->incoming_span_id, traceparent->span_id, SPAN_ID_LEN) == 0 &&
           memcmp(active->context.trace_id, traceparent->trace_id, TRACE_ID_LEN) == 0;
}

void active_note_use(void)
{
    t_active.was_used = true;
}

void active_next_turn(void)
{
    t_turn++;
}

unsigned active_open_slot(int tid)
{
    return (unsigned)tid % ARRAY_LEN(g_open_counts);
}

int active_open_change(unsigned slot, int change)
{
    return atomic_fetch_add_explicit(&g_open_counts[slot], change, memory_order_relaxed) + change;
}
