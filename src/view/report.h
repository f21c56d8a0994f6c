/* report.h - the analysis of a trace in words and a table. */
#ifndef RUN_TRACED_VIEW_REPORT_H
#define RUN_TRACED_VIEW_REPORT_H

#include "view/analysis.h"
#include "view/screen.h"
#include "view/service_colors.h"

/* report_print - prints the total, each share of it, the bottleneck, and what failed. */
void report_print(struct screen *screen, const struct service_colors *colors,
                  const struct analysis *analysis);

#endif
