/* run_diff_print.h - the differences of two runs, to read or as JSON. */
#ifndef RUN_TRACED_VIEW_RUN_DIFF_PRINT_H
#define RUN_TRACED_VIEW_RUN_DIFF_PRINT_H

#include "view/run_diff.h"
#include "view/screen.h"

/* run_diff_text - prints what differs, by test or root, and a closing line. Returns how many differences there are, or
 * -ENOMEM. */
long run_diff_text(struct screen *screen, const struct diff_paths *paths);

/* run_diff_json - prints an object a line: change, test (its name, if it is in one), suite, path (service, kind, name
 * of each step), old and new (count, errors, p50 in microseconds). Returns how many, or -ENOMEM. */
long run_diff_json(FILE *out, const struct diff_paths *paths);

#endif
