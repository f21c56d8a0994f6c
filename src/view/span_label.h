/* span_label.h - the left column of the waterfall: the tree's lines, service, name and path. */
#ifndef RUN_TRACED_VIEW_SPAN_LABEL_H
#define RUN_TRACED_VIEW_SPAN_LABEL_H

#include "view/retries.h"
#include "view/screen.h"
#include "view/service_colors.h"
#include "view/trace_tree.h"

/* How a line hangs on its parent's: as one of several, as the last, or not at all: it says more of the parent. */
enum branch { BRANCH_MIDDLE, BRANCH_LAST, BRANCH_NONE };

/* span_label_columns - what span_label_print would need to print all of it. Costs no more than a
 * line's width, however deep the node. */
int span_label_columns(const struct screen *screen, const struct trace_node *node);

/* span_label_print - prints the label and pads it to exactly @columns. Cut first: the path, then
 * the name, then the service; of the tree's lines those to the far left. */
void span_label_print(struct screen *screen, const struct service_colors *colors,
                      const struct trace_node *node, enum branch branch, int columns);

/* span_tree_print - prints the tree's lines alone, for a line below @parent (NULL: for a root); returns their columns.
 * @columns: those of the label. */
int span_tree_print(struct screen *screen, const struct trace_node *parent, enum branch branch, int columns);

/* span_status_columns, span_status_print - the outcome: HTTP status, which retry it was, and of an error its type and
 * message, in at most @columns. */
int span_status_columns(const struct screen *screen, const struct view_span *span, struct retry retry);
void span_status_print(struct screen *screen, const struct view_span *span, struct retry retry, int columns);

#endif
