/* collect.h - run-traced.sh --collect DIR: a collector without a command. */
#ifndef RUN_TRACED_LAUNCHER_COLLECT_H
#define RUN_TRACED_LAUNCHER_COLLECT_H

#include "launcher/options.h"

/* collect - collects from the ring in the directory that @options name until SIGINT or SIGTERM. The
 * ring stays: services go on, and a later collector picks up what they leave there. One collector a
 * ring at a time. Returns the exit status. */
int collect(const struct options *options);

#endif
