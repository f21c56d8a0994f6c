/* broken_off.h - the span of a request that its process did not live to see the end of. */
#ifndef RUN_TRACED_LAUNCHER_BROKEN_OFF_H
#define RUN_TRACED_LAUNCHER_BROKEN_OFF_H

#include "launcher/exit_reason.h"
#include "trace/span.h"

/* broken_off_complete - of a process's span: an end, and how the process ended. Of any other: makes a whole span of
 * the private copy of an open record: ids if it had none yet, the name, an end, and an error that says how the
 * process ended. @end_ns: monotonic. */
void broken_off_complete(struct span *span, const struct exit_reason *reason, uint64_t end_ns);

/* broken_off_describe_process - says on the span of a process how that came to its end: an exit code, or an error
 * that has the signal's name; where neither is known, "run_traced.process.end". What it says itself already counts. */
void broken_off_describe_process(struct span *span, const struct exit_reason *reason);

#endif
