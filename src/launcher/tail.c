#include "launcher/tail.h"

#include "base/compiler.h"
#include "export/run_stats.h"
#include "export/span_facts.h"
#include "launcher/decisions.h"
#include "launcher/latency.h"
#include "launcher/waiting_traces.h"
#include "trace/sampler.h"

#include <stdlib.h>

struct tail {
    struct keep keep;
    size_t memory_max;
    tail_output *output;
    void *argument;
    struct latencies *latencies; /* NULL: nobody asks */
    double tokens;               /* of the rate: traces that may be kept now */
    uint64_t tokens_at_ns;       /* when they were counted */
    struct decisions decisions;
    struct waiting_traces waiting;
};

struct tail *tail_new(const struct keep *keep, size_t memory_max, tail_output *output, void *argument)
{
    struct tail *tail = calloc(1, sizeof *tail);
    if (!tail)
        return NULL;
    tail->keep = *keep;
    tail->memory_max = memory_max;
    tail->output = output;
    tail->argument = argument;
    tail->tokens = MAX(keep->rate, 1.0);
    tail->latencies = keep->slower_than_p99 ? latencies_new() : NULL;
    return tail;
}

size_t tail_memory(const struct tail *tail)
{
    return tail->waiting.store.memory;
}

bool tail_is_waiting(const struct tail *tail)
{
    return tail->waiting.lists[WAITING_BY_FIRST].first != NULL;
}

static bool is_in_share(const struct tail *tail, const uint8_t trace_id[TRACE_ID_LEN])
{
    return sampler_trace_randomness(trace_id) >= tail->keep.share_threshold;
}

/* What must be kept, and is known to be before the trace is over. */
static bool is_wanted(const struct tail *tail, const struct waiting_trace *trace)
{
    return (tail->keep.errors && trace->has_error) || trace->end_ns - trace->start_ns > tail->keep.slower_than_ns ||
           (tail->keep.rate <= 0 && is_in_share(tail, trace->id));
}

/* A bucket of tokens that is filled as time goes by, and holds those of a second. */
static bool is_within_rate(struct tail *tail, uint64_t now_ns)
{
    if (tail->keep.rate <= 0)
        return true;
    if (tail->tokens_at_ns)
        tail->tokens += (double)(now_ns - tail->tokens_at_ns) / (double)NANOS_PER_SECOND * tail->keep.rate;
    tail->tokens = MIN(tail->tokens, MAX(tail->keep.rate, 1.0));
    tail->tokens_at_ns = now_ns;
    if (tail->tokens < 1)
        return false;
    tail->tokens--;
    return true;
}

static void settle(struct tail *tail, struct waiting_trace *trace, bool is_kept)
{
    decisions_note(&tail->decisions, trace->id, is_kept);
    uint64_t count = waiting_remove(&tail->waiting, trace, is_kept ? tail->output : NULL, tail->argument);
    if (!is_kept)
        run_stats_count_sampled_out(count);
}

/* Each trace once, kept or not: what is usual is to be learnt from all. */
static bool is_slow_for_its_route(struct tail *tail, const struct waiting_trace *trace)
{
    return tail->latencies && latencies_note(tail->latencies, trace->route, trace->end_ns - trace->start_ns);
}

static void decide(struct tail *tail, struct waiting_trace *trace, uint64_t now_ns)
{
    bool is_slow = is_slow_for_its_route(tail, trace);
    bool is_kept = is_wanted(tail, trace) || is_slow ||
                   (is_in_share(tail, trace->id) && is_within_rate(tail, now_ns));
    settle(tail, trace, is_kept);
}

static void memory_bound(struct tail *tail, uint64_t now_ns)
{
    while (tail->waiting.store.memory > tail->memory_max && tail_is_waiting(tail)) {
        run_stats_count_decided_early();
        decide(tail, tail->waiting.lists[WAITING_BY_FIRST].first, now_ns);
    }
}

void tail_add(struct tail *tail, const struct span *span, const struct resource *resource, uint64_t now_ns)
{
    bool is_kept;
    if (!span_is_valid(span)) { /* nothing can be said of it but that it is damaged */
        tail->output(tail->argument, span, resource);
        return;
    }
    if (decisions_find(&tail->decisions, span->trace_id, &is_kept)) {
        if (is_kept)
            tail->output(tail->argument, span, resource);
        else
            run_stats_count_sampled_out(1);
        return;
    }
    struct waiting_trace *trace = waiting_add(&tail->waiting, span, resource, now_ns);
    if (!trace)
        run_stats_count_drop(DROP_NO_MEMORY, 0);
    else if (!tail->latencies && is_wanted(tail, trace)) /* else all of it is needed to learn from */
        settle(tail, trace, true);
    memory_bound(tail, now_ns);
}

void tail_work(struct tail *tail, uint64_t now_ns)
{
    struct waiting_trace *trace;
    while ((trace = tail->waiting.lists[WAITING_BY_LAST].first) && now_ns - trace->last_ns >= tail->keep.wait_ns)
        decide(tail, trace, now_ns);
    while ((trace = tail->waiting.lists[WAITING_BY_FIRST].first) &&
           now_ns - trace->first_ns >= TAIL_WAITS_MAX * tail->keep.wait_ns)
        decide(tail, trace, now_ns);
}

void tail_finish(struct tail *tail, uint64_t now_ns)
{
    while (tail_is_waiting(tail))
        decide(tail, tail->waiting.lists[WAITING_BY_FIRST].first, now_ns);
    free(tail->latencies);
    free(tail);
}
