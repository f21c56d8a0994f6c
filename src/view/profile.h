/* profile.h - many traces summed up: by operation, by who calls whom, by call site, and what may be wrong with them. */
#ifndef RUN_TRACED_VIEW_PROFILE_H
#define RUN_TRACED_VIEW_PROFILE_H

#include "view/operation.h"
#include "view/stats_table.h"
#include "view/trace_tree.h"

/* All zero: no trace yet; by_caller is to be set before the first. */
struct profile {
    struct operation_names names; /* interns all strings of the tables that are no span's */
    bool by_caller;               /* operations are told apart by the service that called them */
    struct stats_table
        operations; /* service, what: operation, other: the caller's service; kind: view_kind; path_us: its own */
    struct stats_table
        calls; /* service: the caller; what: the callee, NULL: unknown; kind: enum callee_kind; path_us: waited */
    struct stats_table sites;           /* service; what: operation; place: "order.c line 142"; path_us: waited */
    struct stats_table findings;        /* findings.h */
    uint64_t trace_count, failed_count; /* failed: with a span that did */
    uint64_t span_count, error_count;
    uint64_t unjudged_count; /* traces without findings, since something of them is missing or their clocks differ */
    uint64_t left_out_count; /* traces that are no part of any of this: of more than TRACE_SPANS_MAX spans */
    int64_t total_us;        /* of all traces: the length of their critical paths */
    int64_t outside_us;      /* of it, when no span was active */
    int64_t programs_us;     /* of it, in programs outside of any call: their spans are no operations */
    int64_t start_us, end_us;
};

enum callee_kind { CALLEE_SERVICE, CALLEE_ADDRESS };

/* profile_add - adds one trace: @count spans as trace_tree_build takes them. Returns 0 or -ENOMEM. O(n log n). */
int profile_add(struct profile *profile, const struct view_span *spans, size_t count);

/* profile_sort - sorts all tables, before they are shown; nothing can be added then. */
void profile_sort(struct profile *profile);

/* profile_free - gives back all memory. */
void profile_free(struct profile *profile);

#endif
