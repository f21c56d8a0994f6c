#include "view/check_judge.h"

#include "base/compiler.h"

#include <errno.h>
#include <stdlib.h>

enum check_truth check_node_judge(const struct check_result *result, const struct check_node *node, size_t group)
{
    double number;
    switch (node->op) {
    case CHECK_NOT:
        return check_not(check_node_judge(result, node->left, group));
    case CHECK_AND:
        return check_and(check_node_judge(result, node->left, group), check_node_judge(result, node->right, group));
    case CHECK_OR:
        return check_or(check_node_judge(result, node->left, group), check_node_judge(result, node->right, group));
    default:
        if (!check_tally_number(&result->tallies[node->aggregate->index], node->aggregate, group, &number))
            return CHECK_UNKNOWN;
        return check_compare_numbers(node->op, number, node->literals->number);
    }
}

/* It fails where it fails of one group. Of none of them known, or no group at all, nothing is known. */
static void outcome_settle(struct check_result *result)
{
    size_t held = 0;
    for (size_t group = 0; group < result->groups.count; group++) {
        enum check_truth outcome = check_node_judge(result, result->check->root, group);
        result->outcomes[group] = (uint8_t)outcome;
        result->failed_count += outcome == CHECK_FALSE;
        held += outcome == CHECK_TRUE;
    }
    result->outcome = result->failed_count ? CHECK_FALSE : held ? CHECK_TRUE : CHECK_UNKNOWN;
}

int check_judge(const struct check_spans *spans, const struct check *check, struct check_result *result)
{
    *result = (struct check_result){.check = check};
    int error = check_groups_make(spans, check, &result->groups);
    for (unsigned i = 0; i < check->aggregate_count && !error; i++)
        error = check_tally_make(spans, &result->groups, check->aggregates[i], &result->tallies[i]);
    if (!error && !(result->outcomes = calloc(MAX(result->groups.count, (size_t)1), 1)))
        error = -ENOMEM;
    if (!error)
        outcome_settle(result);
    return error;
}

void check_result_free(struct check_result *result)
{
    for (unsigned i = 0; i < CHECK_AGGREGATES_MAX; i++)
        check_tally_free(&result->tallies[i]);
    check_groups_free(&result->groups);
    free(result->outcomes);
    *result = (struct check_result){0};
}
