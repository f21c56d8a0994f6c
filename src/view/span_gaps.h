/* span_gaps.h - the time of a span that none of its children accounts for. */
#ifndef RUN_TRACED_VIEW_SPAN_GAPS_H
#define RUN_TRACED_VIEW_SPAN_GAPS_H

#include "view/trace_tree.h"

/* A stretch of a span without a child; as one goes on from the span's start. */
struct span_gap {
    const struct trace_node *next; /* the child that ends it; NULL: the span's own end does */
    int64_t start_us;
    int64_t end_us; /* after start_us */
};

struct span_gaps {
    const struct trace_node *node;
    const struct trace_node *child; /* the next one to look at */
    int64_t at_us;                  /* what lies before it is accounted for */
};

/* span_gaps_of - the gaps of @node, before the first. */
static inline struct span_gaps span_gaps_of(const struct trace_node *node)
{
    return (struct span_gaps){node, node->first_child, node->start_us};
}

/* span_gaps_next - the next gap in time, in @gap; false: there is none any more. All of a node's: O(its children). */
bool span_gaps_next(struct span_gaps *gaps, struct span_gap *gap);

/* span_self_us - the sum of all gaps of @node. O(its children). */
int64_t span_self_us(const struct trace_node *node);

#endif
