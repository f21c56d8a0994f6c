/* check_groups.h - the spans sorted into those that a check is about one by one: per test, per trace. */
#ifndef RUN_TRACED_VIEW_CHECK_GROUPS_H
#define RUN_TRACED_VIEW_CHECK_GROUPS_H

#include "view/check_spans.h"

#define CHECK_NO_GROUP UINT32_MAX

struct check_groups {
    uint32_t *of_span;
    uint32_t *example; /* a span of each group; of a test: its own */
    size_t count;
    size_t outside_count; /* spans in none */
};

/* check_groups_make - without any grouping all are in one group, which is there without spans too. Returns 0 or
 * -ENOMEM. */
int check_groups_make(const struct check_spans *spans, const struct check *check, struct check_groups *groups);

/* check_groups_free - gives back all memory. */
void check_groups_free(struct check_groups *groups);

#endif
