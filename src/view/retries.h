/* retries.h - calls that were made again because the one before had failed. */
#ifndef RUN_TRACED_VIEW_RETRIES_H
#define RUN_TRACED_VIEW_RETRIES_H

#include "view/trace_tree.h"

/* Which retry a call is, and of how many; 0 of n: the first call, which was retried n times; 0 of 0: nothing of the
 * kind. */
struct retry {
    uint16_t number;
    uint16_t count;
};

/* More in a row are taken for a loop over what fails each time. */
enum { RETRIES_MAX = 10 };

/* retries_find - fills in @retries[i] for tree->nodes[i]. A call is a retry if the call before it under the same parent
 * failed, was over when it began, and was the same: service, name, path, callee and, where both are known, line of the
 * source. Only where the parent is in the file, and the row has at most RETRIES_MAX of them. O(n). */
void retries_find(const struct trace_tree *tree, struct retry *retries);

#endif
