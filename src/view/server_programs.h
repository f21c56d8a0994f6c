/* server_programs.h - which programs nobody waited for: servers, and what a signal ended. */
#ifndef RUN_TRACED_VIEW_SERVER_PROGRAMS_H
#define RUN_TRACED_VIEW_SERVER_PROGRAMS_H

#include "view/trace_tree.h"

/* server_programs_mark - sets is_aside of the tree's program spans: of those that served a request of this trace (same
 * process id and service), of those that a signal ended, and of those whose children are all such, and the same program
 * (a master and its workers). None is what ran tests, nor the command's process if it did anything else than serve.
 * The tree's order and main_root must be there.
 * Returns 0 or -ENOMEM. O(n log n), and O(n) where no program has a span. */
int server_programs_mark(struct trace_tree *tree);

#endif
