/* run_rewrite.h - --reproducible: the spans file of a run, written anew when the command has ended. */
#ifndef RUN_TRACED_LAUNCHER_RUN_REWRITE_H
#define RUN_TRACED_LAUNCHER_RUN_REWRITE_H

#include "launcher/outputs.h"

/* run_rewrite_begin - whether @outputs has a native file, with nothing in it yet, that can be rewritten. Returns 0, or
 * -EINVAL after a message. */
int run_rewrite_begin(const struct outputs *outputs);

/* run_rewrite_end - puts a rewritten file in its place, in one step; where that fails, it stays as it is. Returns 0, or
 * a negative errno after a message. */
int run_rewrite_end(const struct outputs *outputs);

#endif
