/* failure_text.h - what failed, in one sentence. */
#ifndef RUN_TRACED_VIEW_FAILURE_TEXT_H
#define RUN_TRACED_VIEW_FAILURE_TEXT_H

#include "view/analysis.h"
#include "view/screen.h"
#include "view/service_colors.h"

/* failure_print - prints the line "Error: payment-service answered POST /pay with 503 after 1.2 s, called by
 * order-service from order.c line 142" for the deepest span with an error, and how many more failed; nothing if none. */
void failure_print(struct screen *screen, const struct service_colors *colors,
                   const struct analysis *analysis);

#endif
