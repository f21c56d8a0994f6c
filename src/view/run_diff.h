/* run_diff.h - two runs compared by test and call path: what is new, gone, called more or less often, slower, or
 * failing (DIFF.md). */
#ifndef RUN_TRACED_VIEW_RUN_DIFF_H
#define RUN_TRACED_VIEW_RUN_DIFF_H

#include "view/run_diff_paths.h"

#include <stdio.h>

enum diff_change { DIFF_SAME, DIFF_ADDED, DIFF_GONE, DIFF_MORE, DIFF_FEWER, DIFF_FAILING, DIFF_SLOWER, DIFF_CHANGES };

/* run_diff_change - what became of a path. What follows from the one above it (the callee of a new call; as many more
 * as of the caller) is the SAME. */
enum diff_change run_diff_change(const struct diff_paths *paths, const struct diff_path *path);

/* run_diff_changed - the places of all paths that are not the SAME, in an order that does not hang on ids: what is
 * below a path follows it. @count: how many. To be given to free(3); NULL: there is no memory. */
size_t *run_diff_changed(const struct diff_paths *paths, size_t *count);

/* run_diff_median - of its durations on one side, in microseconds; 0 where there are none. */
int64_t run_diff_median(const struct diff_paths *paths, const struct diff_path *path, enum diff_side side);

/* run_diff_files - compares the spans of two files, and prints what differs. @is_json: an object a line. Returns an
 * exit status: 0 they are equal, 1 they differ, 2 after a message on stderr. */
int run_diff_files(const char *old_path, const char *new_path, bool is_json, FILE *out);

#endif
