/* sibling_groups.h - siblings that do the same, counted. */
#ifndef RUN_TRACED_VIEW_SIBLING_GROUPS_H
#define RUN_TRACED_VIEW_SIBLING_GROUPS_H

#include "view/operation.h"
#include "view/trace_tree.h"

struct sibling_group {
    const char *service, *operation;
    uint8_t kind;
    size_t count, shown_count, failed_shown_count;
    size_t fold; /* the waterfall's, for these: which of its lines */
    bool has_fold;
};

/* So many sorts of siblings below one parent are told apart; what is beyond is of no group. */
enum { SIBLING_GROUPS_MAX = 64 };

struct sibling_groups {
    struct sibling_group groups[SIBLING_GROUPS_MAX];
    size_t count;
};

/* sibling_groups_count - makes @groups anew of the siblings from @first on. */
void sibling_groups_count(const struct trace_node *first, struct operation_names *names, struct sibling_groups *groups);

/* sibling_group_of - the group that @node is in; NULL: none. */
struct sibling_group *sibling_group_of(struct sibling_groups *groups, struct operation_names *names,
                                       const struct trace_node *node);

#endif
