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

/* What this process's ids are made of. */
struct id_source {
    struct process_page *page;
    uint64_t key[2];
};

static struct id_source id_source_get(void)
{
    struct process_page *page = process_page();
    return (struct id_source){page,
                              {atomic_load_explicit(&page->id_key[0], memory_order_relaxed),
                               atomic_load_explicit(&page->id_key[1], memory_order_relaxed)}};
}

static uint64_t count_next(const struct id_source *source)
{
    return atomic_fetch_add_explicit(&source->page->id_counter, 1, memory_order_relaxed);
}

/* Three streams of ids, each a bijection of the count: none comes twice in any of them. The second word keeps who sees
 * an id from telling the next one. */
static ALWAYS_INLINE uint64_t id_of(const struct id_source *source, int stream, uint64_t count)
{
    static const uint64_t steps[] = {0x9e3779b97f4a7c15ULL, 0x9e3779b97f4a7c15ULL, 0xd1342543de82ef95ULL};
    return mix(source->key[stream & 1] + count * steps[stream]) ^ source->key[1 - (stream & 1)];
}

static COLD uint64_t id_later(const struct id_source *source, int stream)
{
    uint64_t id;
    do
        id = id_of(source, stream, count_next(source));
    while (!id);
    return id;
}

/* Never 0. */
static ALWAYS_INLINE uint64_t id_at(const struct id_source *source, int stream, uint64_t count)
{
    uint64_t id = id_of(source, stream, count);
    return LIKELY(id) ? id : id_later(source, stream);
}

static void trace_id_at(const struct id_source *source, uint64_t count, uint8_t trace_id[TRACE_ID_LEN])
{
    uint64_t id[2] = {id_at(source, 1, count), id_at(source, 2, count)};
    memcpy(trace_id, id, TRACE_ID_LEN);
}

static void span_id_at(const struct id_source *source, uint64_t count, uint8_t span_id[SPAN_ID_LEN])
{
    uint64_t id = id_at(source, 0, count);
    memcpy(span_id, &id, SPAN_ID_LEN);
}

void span_id_generate(uint8_t span_id[SPAN_ID_LEN])
{
    struct id_source source = id_source_get();
    span_id_at(&source, count_next(&source), span_id);
}

void trace_id_generate(uint8_t trace_id[TRACE_ID_LEN])
{
    struct id_source source = id_source_get();
    trace_id_at(&source, count_next(&source), trace_id);
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
    struct id_source source = id_source_get();
    uint64_t count = count_next(&source);
    if (has_parent) {
        span_context_copy(child, parent);
    } else {
        trace_id_at(&source, count, child->trace_id);
        child->trace_flags = TRACE_FLAG_SAMPLED | TRACE_FLAG_RANDOM;
        child->tracestate_len = child->baggage_len = 0;
    }
    child->is_valid = true;
    sampler_apply(child, has_parent);
    span_id_at(&source, count, child->span_id);
}
