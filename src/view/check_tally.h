/* check_tally.h - an aggregate's number for each group, and the spans that it is made of. */
#ifndef RUN_TRACED_VIEW_CHECK_TALLY_H
#define RUN_TRACED_VIEW_CHECK_TALLY_H

#include "view/check_groups.h"

/* A span that counts. */
struct check_sample {
    uint32_t group;
    uint32_t span;
    double value;      /* of the field; of counts: when it began */
    uint64_t identity; /* of DISTINCT: equal values have equal ones */
};

struct check_tally {
    struct check_sample *samples; /* by group and value */
    size_t count;
    size_t *begins;       /* where a group's begin; one more for the end */
    size_t asked_count;   /* spans that the filter holds of */
    size_t unknown_count; /* spans of which it is not known whether they count, or with what */
};

/* check_tally_make - looks at all spans that are in a group. Returns 0 or -ENOMEM; check_tally_free is due in any case.
 */
int check_tally_make(const struct check_spans *spans, const struct check_groups *groups,
                     const struct check_aggregate *aggregate, struct check_tally *tally);

/* check_tally_number - the number of a group. Returns false where there is none: of the least of nothing, say.
 * Percentiles are by nearest rank. */
bool check_tally_number(const struct check_tally *tally, const struct check_aggregate *aggregate, size_t group,
                        double *number);

/* check_tally_free - gives back all memory. */
void check_tally_free(struct check_tally *tally);

#endif
