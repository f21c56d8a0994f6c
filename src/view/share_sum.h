/* share_sum.h - single stretches of time summed up to shares of a total. */
#ifndef RUN_TRACED_VIEW_SHARE_SUM_H
#define RUN_TRACED_VIEW_SHARE_SUM_H

#include "view/analysis.h"

/* share_sum - sums up @count shares of the same kind and label, in place, and sorts them: the
 * longest first, those without time last, by name. Of those with time at most @max stay: the
 * smallest become one of kind SHARE_REST behind them. Returns how many shares there are then, and
 * how many of them have no time. */
size_t share_sum(struct share *shares, size_t count, size_t max, size_t *idle_count);

/* share_percent - fills in the percentages of @total_us, by the largest remainder: they sum up to
 * 100 if the shares sum up to the total and that is not 0. */
void share_percent(struct share *shares, size_t count, int64_t total_us);

#endif
