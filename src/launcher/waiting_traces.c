#include "launcher/waiting_traces.h"

#include "base/compiler.h"
#include "export/run_stats.h"
#include "export/span_facts.h"

#include <stdlib.h>
#include <string.h>

static size_t bucket_of(const uint8_t id[TRACE_ID_LEN])
{
    uint64_t halves[2];
    memcpy(halves, id, sizeof halves);
    return ((halves[0] ^ halves[1]) * 0x9e3779b97f4a7c15ULL >> 32) % WAITING_BUCKETS;
}

struct waiting_trace *waiting_find(const struct waiting_traces *traces, const uint8_t id[TRACE_ID_LEN])
{
    struct waiting_trace *trace = traces->buckets[bucket_of(id)];
    while (trace && memcmp(trace->id, id, TRACE_ID_LEN) != 0)
        trace = trace->next;
    return trace;
}

/* ---- the two orders ---- */

static void list_append(struct waiting_traces *traces, enum waiting_order order, struct waiting_trace *trace)
{
    struct waiting_list *list = &traces->lists[order];
    trace->links[order] = (struct waiting_link){.before = list->last};
    if (list->last)
        list->last->links[order].after = trace;
    else
        list->first = trace;
    list->last = trace;
}

static void list_remove(struct waiting_traces *traces, enum waiting_order order, struct waiting_trace *trace)
{
    struct waiting_list *list = &traces->lists[order];
    struct waiting_link *link = &trace->links[order];
    if (link->before)
        link->before->links[order].after = link->after;
    else
        list->first = link->after;
    if (link->after)
        link->after->links[order].before = link->before;
    else
        list->last = link->before;
}

/* ---- traces ---- */

static struct waiting_trace *trace_new(struct waiting_traces *traces, const struct span *span, uint64_t now_ns)
{
    struct waiting_trace *trace = malloc(sizeof *trace);
    struct waiting_trace **bucket = &traces->buckets[bucket_of(span->trace_id)];
    if (!trace)
        return NULL;
    *trace = (struct waiting_trace){.next = *bucket, .first_ns = now_ns, .start_ns = UINT64_MAX};
    memcpy(trace->id, span->trace_id, TRACE_ID_LEN);
    trace->spans_end = &trace->spans;
    *bucket = trace;
    list_append(traces, WAITING_BY_FIRST, trace);
    traces->store.memory += sizeof *trace;
    return trace;
}

static uint64_t route_of(const struct span *span, const struct resource *resource)
{
    struct attribute_element name = span_name(span);
    uint64_t service = run_stats_service_hash(resource->service_name, resource->service_name_len);
    return (service ^ run_stats_service_hash(name.bytes, name.len) * 0x9e3779b97f4a7c15ULL) | 1;
}

/* What the trace is, as far as this span knows. */
static void trace_note(struct waiting_trace *trace, const struct span *span, const struct resource *resource)
{
    bool is_root = span_is_root(span);
    if (is_root || (!trace->has_root && span->start_ns < trace->start_ns))
        trace->route = route_of(span, resource);
    trace->start_ns = MIN(trace->start_ns, span->start_ns);
    trace->end_ns = MAX(trace->end_ns, span->start_ns + span_duration_ns(span));
    trace->has_error = trace->has_error || span->status == SPAN_STATUS_ERROR;
    trace->has_root = trace->has_root || is_root;
}

struct waiting_trace *waiting_add(struct waiting_traces *traces, const struct span *span,
                                  const struct resource *resource, uint64_t now_ns)
{
    struct waiting_trace *trace = waiting_find(traces, span->trace_id);
    struct stored_span *kept = span_store_add(&traces->store, span, resource);
    if (kept && !trace)
        trace = trace_new(traces, span, now_ns);
    if (!kept || !trace) {
        if (kept)
            span_store_remove(&traces->store, kept);
        return NULL;
    }
    *trace->spans_end = kept;
    trace->spans_end = &kept->next;
    if (trace->has_root)
        list_remove(traces, WAITING_BY_LAST, trace);
    trace_note(trace, span, resource);
    trace->last_ns = now_ns;
    if (trace->has_root)
        list_append(traces, WAITING_BY_LAST, trace);
    return trace;
}

static void bucket_remove(struct waiting_traces *traces, const struct waiting_trace *trace)
{
    struct waiting_trace **link = &traces->buckets[bucket_of(trace->id)];
    while (*link != trace)
        link = &(*link)->next;
    *link = trace->next;
}

uint64_t waiting_remove(struct waiting_traces *traces, struct waiting_trace *trace,
                        void (*visit)(void *argument, const struct span *span, const struct resource *resource),
                        void *argument)
{
    uint64_t count = 0;
    for (struct stored_span *kept = trace->spans, *next; kept; kept = next, count++) {
        struct span span;
        next = kept->next;
        stored_span_read(kept, &span);
        if (visit)
            visit(argument, &span, &kept->resource->resource);
        span_store_remove(&traces->store, kept);
    }
    bucket_remove(traces, trace);
    list_remove(traces, WAITING_BY_FIRST, trace);
    if (trace->has_root)
        list_remove(traces, WAITING_BY_LAST, trace);
    traces->store.memory -= sizeof *trace;
    free(trace);
    return count;
}
