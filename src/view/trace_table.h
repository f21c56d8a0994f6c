/* trace_table.h - traces as a table, a line each. */
#ifndef RUN_TRACED_VIEW_TRACE_TABLE_H
#define RUN_TRACED_VIEW_TRACE_TABLE_H

#include "view/screen.h"
#include "view/service_colors.h"
#include "view/span_reader.h"
#include "view/trace_list.h"

/* trace_table_heading - prints what the columns of trace_table_print are. */
void trace_table_heading(struct screen *screen, const struct trace_list *list);

/* trace_table_print - prints the traces of the list that are to be shown, in its order: start, duration, spans, errors, as
 * much of the id as tells them all apart, root, services. Lines are cut to @columns; 0: not at all. Returns 0 or -ENOMEM. */
int trace_table_print(struct screen *screen, const struct service_colors *colors, const struct span_set *set,
                      const struct trace_list *list, int columns);

/* trace_services - the services of a trace, each once, by name. @services: room for as many as it has spans. Returns how many. */
size_t trace_services(const struct trace_entry *entry, const char **services);

#endif
