/* coverage.h - how much of a run was seen: which programs were not, and why, and what is not certain. Counted by the
 * collector, told at the end. */
#ifndef RUN_TRACED_LAUNCHER_COVERAGE_H
#define RUN_TRACED_LAUNCHER_COVERAGE_H

#include "base/text.h"
#include "export/run_stats.h"

enum { COVERAGE_PROGRAMS_MAX = 64, COVERAGE_NAME_LEN = 64, COVERAGE_REASON_LEN = 24 };

/* A program that was not seen into, for one reason. */
struct coverage_program {
    char name[COVERAGE_NAME_LEN];
    char reason[COVERAGE_REASON_LEN]; /* the value of run_traced.process.blind */
    uint64_t count; /* of processes; for "tls", of connections */
};

/* All zero: nothing yet. */
struct coverage {
    struct coverage_program programs[COVERAGE_PROGRAMS_MAX];
    unsigned program_count;
    uint64_t more_count; /* processes and connections of programs that have no room there */
    uint64_t ambiguous_count; /* spans that may be the child of several */
};

/* coverage_note - one more span has ended: reported or not. */
void coverage_note(struct coverage *coverage, const struct span *span, const struct resource *resource);

/* coverage_format - one line: "not seen into: busybox (static), sudo (setuid); --coverage tells more". Nothing if all
 * was. */
void coverage_format(const struct coverage *coverage, struct text *text);

/* coverage_print - all of it on stderr, a line each. */
void coverage_print(const struct coverage *coverage, const struct run_stats *stats);

#endif
