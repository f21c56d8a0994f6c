/* waterfall.h - one trace as a tree of lines, each with its bar on a common scale of time. */
#ifndef RUN_TRACED_VIEW_WATERFALL_H
#define RUN_TRACED_VIEW_WATERFALL_H

#include "view/critical_path.h"
#include "view/operation.h"
#include "view/screen.h"
#include "view/service_colors.h"

/* waterfall_print - prints what the trace is called and took, its lines (waterfall_rows.h), and notes on what is odd
 * about it. @events_file: descriptor + 1 of the file whose events are shown as well; 0: none. @tree is marked
 * (waterfall_rows_make). Returns 0 or -ENOMEM. */
int waterfall_print(struct screen *screen, const struct service_colors *colors, struct operation_names *names,
                    int events_file, struct trace_tree *tree, const struct critical_path *path);

#endif
