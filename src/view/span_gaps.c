#include "view/span_gaps.h"

#include "base/compiler.h"

bool span_gaps_next(struct span_gaps *gaps, struct span_gap *gap)
{
    int64_t end_us = gaps->node->end_us;
    while (gaps->at_us < end_us) {
        const struct trace_node *child = gaps->child;
        *gap = (struct span_gap){child, gaps->at_us, child ? MIN(child->start_us, end_us) : end_us};
        gaps->at_us = child ? MAX(gaps->at_us, child->end_us) : end_us;
        gaps->child = child ? child->next_sibling : NULL;
        if (gap->start_us >= gap->end_us)
            continue;
        if (gap->end_us == end_us) {
            gaps->at_us = end_us;
            gap->next = NULL; /* what starts after the span does not end its gap */
        }
        return true;
    }
    return false;
}

int64_t span_self_us(const struct trace_node *node)
{
    struct span_gaps gaps = span_gaps_of(node);
    struct span_gap gap;
    int64_t self_us = 0;
    while (span_gaps_next(&gaps, &gap))
        self_us += gap.end_us - gap.start_us;
    return self_us;
}
