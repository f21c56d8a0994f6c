/* compare.h - two profiles side by side: what differs by more than chance. */
#ifndef RUN_TRACED_VIEW_COMPARE_H
#define RUN_TRACED_VIEW_COMPARE_H

#include "view/profile.h"

/* Times differ if the test of ranks says so at COMPARE_P divided by the operations tested, with COMPARE_COUNT_MIN of
 * each file at least, and the medians are COMPARE_PERCENT_MIN and COMPARE_MIN_US apart. Rates of errors: by Fisher's
 * test, likewise. */
#define COMPARE_P 0.01
enum { COMPARE_COUNT_MIN = 8, COMPARE_PERCENT_MIN = 10, COMPARE_MIN_US = 100 };

enum verdict {
    VERDICT_SLOWER,
    VERDICT_FASTER,
    VERDICT_MORE_ERRORS,
    VERDICT_FEWER_ERRORS,
    VERDICT_NEW,
    VERDICT_GONE,
    VERDICT_COUNT,
};

/* An operation of one file or both. */
struct compared {
    struct stats *before;   /* NULL: new */
    struct stats *after;    /* NULL: gone */
    unsigned verdicts;      /* a bit for each; 0: no difference that counts */
    bool is_rare;           /* too few in one of them to be tested */
    double time_p, error_p; /* 1: not tested */
    double weight;          /* by how much time it differs in all: what is shown first */
};

struct comparison {
    struct compared *items;
    size_t count;
    size_t verdict_counts[VERDICT_COUNT];
    size_t same_count, rare_count; /* of those without a verdict: tested, and not */
};

/* compare_make - compares the operations of two profiles, which have to stay, and which are sorted by name for it. Both
 * were made with by_caller. Returns 0 or -ENOMEM. */
int compare_make(struct profile *before, struct profile *after, struct comparison *comparison);

/* compare_key - what an operation goes by, of either file. */
const struct stats_key *compare_key(const struct compared *item);

/* compare_free - gives back all memory but the profiles. */
void compare_free(struct comparison *comparison);

#endif
