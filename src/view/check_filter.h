/* check_filter.h - whether a filter holds of a span. */
#ifndef RUN_TRACED_VIEW_CHECK_FILTER_H
#define RUN_TRACED_VIEW_CHECK_FILTER_H

#include "view/check_spans.h"

/* Three values: what is not known of a span does not become false by "not". */
enum check_truth { CHECK_FALSE, CHECK_UNKNOWN, CHECK_TRUE };

/* check_filter_judge - UNKNOWN: a value that it hangs on is missing, or of another type. @filter: NULL holds of all. */
enum check_truth check_filter_judge(const struct check_spans *spans, size_t span, const struct check_node *filter);

/* check_compare_numbers - by an op from EQUAL to AT_LEAST. */
enum check_truth check_compare_numbers(enum check_op op, double left, double right);

/* check_not, check_and, check_or - as Kleene's. */
enum check_truth check_not(enum check_truth a);
enum check_truth check_and(enum check_truth a, enum check_truth b);
enum check_truth check_or(enum check_truth a, enum check_truth b);

#endif
