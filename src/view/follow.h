/* follow.h - a file that is being written: its traces as they are over. */
#ifndef RUN_TRACED_VIEW_FOLLOW_H
#define RUN_TRACED_VIEW_FOLLOW_H

#include "view/view.h"

/* follow - shows each trace of the file that @options ask for once nothing has come for it for a second, if it has a root; for
 * five seconds, if not. Follows the name: a file that takes its place is read next. Ends, with what waits shown, on SIGINT and
 * SIGTERM, which are let go as before, at the end of what is no regular file, when @out cannot be written, and when
 * options->max_traces, if not 0, were shown. Holds what waits, and no more. Returns 0 or a negative errno. */
int follow(const char *path, FILE *out, const struct view_options *options);

#endif
