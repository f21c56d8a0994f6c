/* trace_summary.h - very many traces as a table: one line for each kind of request. */
#ifndef RUN_TRACED_VIEW_TRACE_SUMMARY_H
#define RUN_TRACED_VIEW_TRACE_SUMMARY_H

#include "view/screen.h"
#include "view/service_colors.h"
#include "view/trace_list.h"

/* trace_summary_print - prints all traces of the list, the ones shown included, grouped by the
 * service and the name of their root: how many, median and 99th percentile of their totals (nearest
 * rank), how many of them have errors. Returns 0 or -ENOMEM. */
int trace_summary_print(struct screen *screen, const struct service_colors *colors,
                        const struct trace_list *list);

#endif
