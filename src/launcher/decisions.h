/* decisions.h - what was decided on traces, for those of their spans that come later. The latest are remembered. */
#ifndef RUN_TRACED_LAUNCHER_DECISIONS_H
#define RUN_TRACED_LAUNCHER_DECISIONS_H

#include "trace/context.h"

enum { DECISION_SETS = 16384, DECISIONS_PER_SET = 4 };

struct decisions {
    uint64_t words[DECISION_SETS][DECISIONS_PER_SET]; /* a hash of the id, and the decision as its last bit; 0: none */
};

/* decisions_find - was @trace_id decided on? *@is_kept: how. */
bool decisions_find(const struct decisions *decisions, const uint8_t trace_id[TRACE_ID_LEN], bool *is_kept);

/* decisions_note - it was; an older one may be forgotten for it. */
void decisions_note(struct decisions *decisions, const uint8_t trace_id[TRACE_ID_LEN], bool is_kept);

#endif
