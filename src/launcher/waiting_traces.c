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

/* ---- resources ---- */

static struct shared_resource **resource_bucket(struct waiting_traces *traces, const struct resource *resource)
{
    uint64_t hash = run_stats_service_hash(resource->service_name, resource->service_name_len) ^
                    run_stats_service_hash(resource->attributes, resource->attributes_len);
    return &traces->resources[(hash ^ hash >> 32) % WAITING_RESOURCE_BUCKETS];
}

static struct shared_resource *resource_share(struct waiting_traces *traces, const struct resource *resource)
{
    struct shared_resource **bucket = resource_bucket(traces, resource), *shared = *bucket;
    while (shared && memcmp(&shared->resource, resource, sizeof *resource) != 0)
        shared = shared->next;
    if (shared)
        return shared;
    shared = malloc(sizeof *shared);
    if (!shared)
        return NULL;
    shared->span_count = 0;
    shared->next = *bucket;
    memcpy(&shared->resource, resource, sizeof *resource);
    *bucket = shared;
    traces->memory += sizeof *shared;
    return shared;
}

static void resource_release(struct waiting_traces *traces, struct shared_resource *shared)
{
    struct shared_resource **link = resource_bucket(traces, &shared->resource);
    if (shared->span_count)
        return;
    while (*link != shared)
        link = &(*link)->next;
    *link = shared->next;
    traces->memory -= sizeof *shared;
    free(shared);
}

/* ---- spans ---- */

static struct waiting_span *span_keep(struct waiting_traces *traces, const struct span *span,
                                      const struct resource *resource)
{
    size_t len = offsetof(struct span, bytes) + span->tracestate_len +
                 atomic_load_explicit(&span->attributes_len, memory_order_relaxed);
    struct shared_resource *shared = resource_share(traces, resource);
    struct waiting_span *kept = shared ? malloc(sizeof *kept + len) : NULL;
    if (!kept) {
        if (shared)
            resource_release(traces, shared);
        return NULL;
    }
    *kept = (struct waiting_span){.resource = shared, .len = len};
    memcpy(kept->bytes, span, len);
    shared->span_count++;
    traces->memory += sizeof *kept + len;
    return kept;
}

static void span_free(struct waiting_traces *traces, struct waiting_span *kept)
{
    kept->resource->span_count--;
    resource_release(traces, kept->resource);
    traces->memory -= sizeof *kept + kept->len;
    free(kept);
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
    traces->memory += sizeof *trace;
    return trace;
}

static uint64_t route_of(const struct span *span, const struct resource *resource)
{
    uint64_t service = run_stats_service_hash(resource->service_name, resource->service_name_len);
    return (service ^ run_stats_service_hash(span->name, span_name_len(span)) * 0x9e3779b97f4a7c15ULL) | 1;
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
    struct waiting_span *kept = span_keep(traces, span, resource);
    if (kept && !trace)
        trace = trace_new(traces, span, now_ns);
    if (!kept || !trace) {
        if (kept)
            span_free(traces, kept);
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
    for (struct waiting_span *kept = trace->spans, *next; kept; kept = next, count++) {
        struct span span; /* whole, whoever looks at it */
        next = kept->next;
        memcpy(&span, kept->bytes, kept->len);
        if (visit)
            visit(argument, &span, &kept->resource->resource);
        span_free(traces, kept);
    }
    bucket_remove(traces, trace);
    list_remove(traces, WAITING_BY_FIRST, trace);
    if (trace->has_root)
        list_remove(traces, WAITING_BY_LAST, trace);
    traces->memory -= sizeof *trace;
    free(trace);
    return count;
}
