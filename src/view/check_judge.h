/* check_judge.h - what became of a check. */
#ifndef RUN_TRACED_VIEW_CHECK_JUDGE_H
#define RUN_TRACED_VIEW_CHECK_JUDGE_H

#include "view/check_filter.h"
#include "view/check_tally.h"

struct check_result {
    const struct check *check;
    enum check_truth outcome; /* UNKNOWN: there was nothing to judge */
    struct check_groups groups;
    struct check_tally tallies[CHECK_AGGREGATES_MAX];
    uint8_t *outcomes;   /* of each group */
    size_t failed_count; /* groups of which it does not hold */
};

/* check_judge - judges a check. Returns 0 or -ENOMEM; check_result_free is due in any case. */
int check_judge(const struct check_spans *spans, const struct check *check, struct check_result *result);

/* check_node_judge - a part of the check, for one group. */
enum check_truth check_node_judge(const struct check_result *result, const struct check_node *node, size_t group);

/* check_result_free - gives back all memory. */
void check_result_free(struct check_result *result);

#endif
