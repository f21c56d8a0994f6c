/* waterfall.h - one trace as a tree of lines, each with its bar on a common scale of time. */
#ifndef RUN_TRACED_VIEW_WATERFALL_H
#define RUN_TRACED_VIEW_WATERFALL_H

#include "view/screen.h"
#include "view/service_colors.h"
#include "view/trace_tree.h"

/* waterfall_print - prints the heading (trace id, start, total, counts) and a line a span; of a
 * trace of very many spans the first ones and how many more there are. */
void waterfall_print(struct screen *screen, const struct service_colors *colors,
                     const struct trace_tree *tree);

#endif
