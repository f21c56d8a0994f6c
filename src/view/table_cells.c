#include "view/table_cells.h"

#include "view/duration_text.h"

#include <stdio.h>

void cell_text(struct screen *screen, int style, const char *text, int columns)
{
    screen_pad(screen, columns - screen_text_columns(screen, text));
    screen_put(screen, style, text);
}

void cell_count(struct screen *screen, int style, uint64_t count, int columns)
{
    char text[COUNT_TEXT_LEN];
    cell_text(screen, style, count_text(count, text), columns);
}

void cell_time(struct screen *screen, int style, int64_t us, int columns)
{
    char text[DURATION_TEXT_LEN];
    cell_text(screen, style, duration_text(us, 3, screen->is_utf8, text), columns);
}

void cell_percent(struct screen *screen, int style, double part, double whole, int columns)
{
    char text[32] = "";
    double percent = whole > 0 ? part * 100 / whole : 0;
    if (percent > 0 && percent < 1)
        snprintf(text, sizeof text, "<1 %%");
    else if (percent > 0)
        /* Not rounded up to all of it. */
        snprintf(text, sizeof text, "%d %%", percent >= 99.5 && part < whole ? 99 : (int)(percent + 0.5));
    cell_text(screen, style, text, columns);
}
