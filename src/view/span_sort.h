/* span_sort.h - the spans of a file in the order that traces are found by. */
#ifndef RUN_TRACED_VIEW_SPAN_SORT_H
#define RUN_TRACED_VIEW_SPAN_SORT_H

#include "view/span_decode.h"

/* view_spans_sort - sorts by trace id, then span id, and drops all but the first of spans with
 * equal ids (by line). Returns how many stay. O(n log n). */
size_t view_spans_sort(struct view_span *spans, size_t count);

/* view_span_compare - that order: by trace id, span id, line. */
int view_span_compare(const void *left, const void *right);

/* view_span_is_same - whether two have the same ids. */
bool view_span_is_same(const struct view_span *a, const struct view_span *b);

#endif
