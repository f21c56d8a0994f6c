/* trace_filter.h - which traces of a list are asked for, and in which order. */
#ifndef RUN_TRACED_VIEW_TRACE_FILTER_H
#define RUN_TRACED_VIEW_TRACE_FILTER_H

#include "view/trace_list.h"
#include "view/view.h"

/* trace_filter - drops from the list, from its entry @first on, what @options do not ask for. O(spans). */
void trace_filter(struct trace_list *list, size_t first, const struct view_options *options);

/* trace_sort - puts the list in that order: by start, or the slowest, or those with most errors, first. NONE: as it is. */
void trace_sort(struct trace_list *list, enum view_sort sort);

#endif
