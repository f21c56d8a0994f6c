/* broken_off.h - the span of a request that its process did not live to see the end of. */
#ifndef RUN_TRACED_LAUNCHER_BROKEN_OFF_H
#define RUN_TRACED_LAUNCHER_BROKEN_OFF_H

#include "launcher/exit_reason.h"
#include "trace/span.h"

/* broken_off_complete - makes a whole span of the private copy of an open record: ids if it had none
 * yet, the name, an end, and an error that says how the process ended. @end_ns: monotonic. */
void broken_off_complete(struct span *span, const struct exit_reason *reason, uint64_t end_ns);

#endif
