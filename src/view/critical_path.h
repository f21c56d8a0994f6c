/* critical_path.h - which span did a trace wait for, at each instant of its total? */
#ifndef RUN_TRACED_VIEW_CRITICAL_PATH_H
#define RUN_TRACED_VIEW_CRITICAL_PATH_H

#include "view/trace_tree.h"

struct critical_path {
    int64_t *self_us;   /* of tree->nodes[i]: the time on the path that no child accounts for */
    int64_t *waited_us; /* the same, with that of its children: how long the total waited for it */
    int64_t outside_us; /* of the total: between several roots, when none was active; a server's that is the root */
    size_t step_count;  /* nodes looked at: grows linearly with their number */
};

/* critical_path_find - gives each instant of the tree's total to exactly one span: self_us and
 * outside_us sum up to total_end_us - total_start_us. From the end of a span backwards: the child
 * that finished last was waited for; what lies before its start was waiting for the one that
 * finished last before that; the rest is the span's own. A child that outlives its parent was not
 * waited for, except a SERVER span by the CLIENT span that called it. Nobody waits for a program that is_aside: what is
 * below it counts as if it were below its parent.
 * Returns 0 or -ENOMEM. O(n log n), without recursion. */
int critical_path_find(const struct trace_tree *tree, struct critical_path *path);

/* critical_path_free - gives back all memory. */
void critical_path_free(struct critical_path *path);

#endif
