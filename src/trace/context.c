#include "trace/context.h"

#include "base/compiler.h"
#include "base/process.h"
#include "trace/sampler.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

/* The finaliser of SplitMix64: a bijection, so distinct counters never give the same id. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static uint64_t counter_next(struct process_page *page)
{
    return atomic_fetch_add_explicit(&page->id_counter, 1, memory_order_relaxed);
}

/* Never 0. */
static uint64_t random_at(struct process_page *page, int stream, uint64_t count)
{
    uint64_t x = mix(mix(atomic_load_explicit(&page->id_key[stream], memory_order_relaxed) +
                         count * 0x9e3779b97f4a7c15ULL) ^
                     atomic_load_explicit(&page->id_key[1 - stream], memory_order_relaxed));
    return x ? x : random_at(page, stream, counter_next(page));
}

void span_id_generate(uint8_t span_id[SPAN_ID_LEN])
{
    struct process_page *page = process_page();
    uint64_t id = random_at(page, 0, counter_next(page));
    memcpy(span_id, &id, SPAN_ID_LEN);
}

void trace_id_generate(uint8_t trace_id[TRACE_ID_LEN])
{
    struct process_page *page = process_page();
    uint64_t count = counter_next(page);
    uint64_t id[2] = {random_at(page, 0, count), random_at(page, 1, count)};
    memcpy(trace_id, id, TRACE_ID_LEN);
}

void span_context_copy(struct span_context *to, const struct span_context *from)
{
    memcpy(to, from, offsetof(struct span_context, tracestate));
    if (!from->is_valid)
        to->tracestate_len = to->baggage_len = 0;
    if (UNLIKELY(to->tracestate_len | to->baggage_len)) {
        memcpy(to->tracestate, from->tracestate, to->tracestate_len);
        memcpy(to->baggage, from->baggage, to->baggage_len);
    }
}

void span_context_child(struct span_context *child, const struct span_context *parent)
{
    bool has_parent = parent && parent->is_valid;
    if (has_parent) {
        span_context_copy(child, parent);
    } else {
        trace_id_generate(child->trace_id);
        child->trace_flags = TRACE_FLAG_SAMPLED | TRACE_FLAG_RANDOM;
        child->tracestate_len = child->baggage_len = 0;
    }
    child->is_valid = true;
    sampler_apply(child, has_parent);
    span_id_generate(child->span_id);
}
