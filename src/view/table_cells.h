/* table_cells.h - the columns of tables: numbers to the right, times and shares as people read them. */
#ifndef RUN_TRACED_VIEW_TABLE_CELLS_H
#define RUN_TRACED_VIEW_TABLE_CELLS_H

#include "view/screen.h"

/* cell_text - our own text, at the right end of @columns. */
void cell_text(struct screen *screen, int style, const char *text, int columns);

/* cell_count, cell_time, cell_percent - "9,998"; "1.02 s"; "98 %", "<1 %", or nothing for 0. */
void cell_count(struct screen *screen, int style, uint64_t count, int columns);
void cell_time(struct screen *screen, int style, int64_t us, int columns);
void cell_percent(struct screen *screen, int style, double part, double whole, int columns);

#endif
