/* findings.h - what in a trace may be worth a change. Each rule says when; src/view/README.md has them for people. */
#ifndef RUN_TRACED_VIEW_FINDINGS_H
#define RUN_TRACED_VIEW_FINDINGS_H

#include "view/critical_path.h"
#include "view/operation.h"
#include "view/stats_table.h"

/* The kind of an item in the table. key.service: who calls or is busy; what: the operation that it calls (SEQUENTIAL:
 * several; OWN: does); other: the operation that it calls it in (WAITED: the address that it waits for; NULL: unknown);
 * place: from which line. us: of each time, what may be saved or was spent; path_us: the sum. */
enum finding_kind {
    /* REPEATED_MIN calls or more of one operation, from one line, under one parent, each after the end of the one
     * before, none but the last failed. us: what the trace waited for all but the longest; FINDING_PERCENT of the trace
     * and FINDING_MIN_US at least. */
    FINDING_REPEATED,
    /* retries.h. us: what the trace waited for tries that failed; any. */
    FINDING_RETRIED,
    /* 2 to SEQUENTIAL_MAX calls, GET or HEAD, under one parent, each after the end of the one before and of another
     * operation than that, none failed. us: as for REPEATED. */
    FINDING_SEQUENTIAL,
    /* A span that is no call has OWN_PERCENT of the trace to itself on the critical path, OWN_MIN_US at least. */
    FINDING_OWN,
    /* The same of a call whose server left no span. */
    FINDING_WAITED,
    FINDING_KIND_COUNT,
};

enum {
    REPEATED_MIN = 5,
    FINDING_PERCENT = 1,
    FINDING_MIN_US = 1000,
    OWN_PERCENT = 50,
    OWN_MIN_US = 10000,
    SEQUENTIAL_MAX = 8
};

/* findings_are_safe - nothing of the trace is known to be missing, and no clocks differ: what is in it is what was. */
bool findings_are_safe(const struct trace_tree *tree);

/* findings_find - adds what is found in one trace. Returns 0 or -ENOMEM. O(n). */
int findings_find(const struct trace_tree *tree, const struct critical_path *path, struct operation_names *names,
                  struct stats_table *findings);

#endif
