/* clock_skew.h - hosts whose clocks differ. */
#ifndef RUN_TRACED_VIEW_CLOCK_SKEW_H
#define RUN_TRACED_VIEW_CLOCK_SKEW_H

#include "view/trace_tree.h"

/* clock_skew_correct - moves a node onto its parent's clock. A node has its parent's correction; a
 * SERVER span that even so began before the CLIENT span that called it, or after that one had its
 * answer, was timed by another clock: it is centred within the call (as the network took equally
 * long there and back), if it is short enough to fit, else begins with it.
 * @node: has a parent, and the parent has been corrected. */
void clock_skew_correct(struct trace_node *node);

#endif
