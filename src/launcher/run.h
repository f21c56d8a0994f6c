/* run.h - one run of a command under the prefix, from finding it to the closing line. */
#ifndef RUN_TRACED_LAUNCHER_RUN_H
#define RUN_TRACED_LAUNCHER_RUN_H

#include "launcher/options.h"

/* run_command - runs the command that @options name and waits for it.
 * Returns the exit status for this process. Where a signal killed the command, the same signal ends
 * this process, and the function does not return. */
int run_command(const struct options *options);

#endif
