/* run_checks.h - checks on the spans of a run, judged when its command has ended. */
#ifndef RUN_TRACED_LAUNCHER_RUN_CHECKS_H
#define RUN_TRACED_LAUNCHER_RUN_CHECKS_H

#include "launcher/outputs.h"
#include "view/check_run.h"

struct run_checks {
    const struct check_options *options;
    struct check_set set;
    const char *path; /* of the spans file; NULL: there is nothing to check */
    off_t from;       /* where this run's begin */
};

/* run_checks_load - reads the checks that @options have, before anything is changed or started. Returns 0, or a
 * negative errno after a message. */
int run_checks_load(struct run_checks *checks, const struct check_options *options);

/* run_checks_begin - settles where this run's spans will be: in a native file of @outputs, which must stay. Returns 0,
 * or -EINVAL after a message. */
int run_checks_begin(struct run_checks *checks, const struct outputs *outputs);

/* run_checks_end - judges them, and says on stderr what became of them. Returns an exit status: 0, 1 where one does not
 * hold, or EXIT_LAUNCHER_FAILED after a message. */
int run_checks_end(struct run_checks *checks);

#endif
