/* bar.h - a stretch of time as a bar, exact to an eighth of a column. */
#ifndef RUN_TRACED_VIEW_BAR_H
#define RUN_TRACED_VIEW_BAR_H

#include "view/screen.h"

/* bar_draw - fills @columns columns: blank, but for the part from @from_us to @to_us of @total_us
 * (0 <= from <= to <= total; a total of 0 counts as filled), of which at least an eighth of a
 * column shows. Columns of '=' without UTF-8. */
void bar_draw(struct screen *screen, int style, int columns, const int64_t span_us[2],
              int64_t total_us);

/* bar_draw_point - fills @columns columns: blank, but for the one that @at_us of @total_us is in. */
void bar_draw_point(struct screen *screen, int columns, int64_t at_us, int64_t total_us);

/* bar_draw_light - the same in whole columns of a light shade ('.' without UTF-8): time that is empty. */
void bar_draw_light(struct screen *screen, int columns, const int64_t span_us[2], int64_t total_us);

#endif
