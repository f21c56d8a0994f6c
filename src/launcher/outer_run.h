/* outer_run.h - a run-traced that is started within a run of another one. */
#ifndef RUN_TRACED_LAUNCHER_OUTER_RUN_H
#define RUN_TRACED_LAUNCHER_OUTER_RUN_H

#include "launcher/options.h"

/* outer_run_is_joined - there is an outer run whose collector is at work, and @options name no output and nothing
 * else of their own that spans would have to be collected for: the command is simply a part of that run. */
bool outer_run_is_joined(const struct options *options);

#endif
