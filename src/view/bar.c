#include "view/bar.h"

#include "base/compiler.h"

/* Filled from the left by so many eighths. */
static const char *const LEFT_BLOCKS[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};

/* Filled from the right: Unicode has only one, four and eight eighths. */
static const char *right_block(int eighths)
{
    if (eighths <= 2)
        return "▕";
    return eighths <= 5 ? "▐" : "█";
}

static void right_part_draw(struct screen *screen, int style, int eighths)
{
    if (screen->has_color)
        screen_reverse(screen, style, LEFT_BLOCKS[8 - eighths]);
    else
        screen_put(screen, style, right_block(eighths));
}

/* One column, filled from @from to @to eighths; 0 <= from < to <= 8. */
static void cell_draw(struct screen *screen, int style, int from, int to)
{
    if (!screen->is_utf8)
        screen_put(screen, style, "=");
    else if (from == 0 || (from + to < 8 && to < 8))
        screen_put(screen, style, LEFT_BLOCKS[to - from]);
    else
        right_part_draw(screen, style, to - from);
}

static int eighths_at(int64_t us, int64_t total_us, int columns)
{
    if (total_us <= 0)
        return 0;
    double share = MIN(MAX((double)us / (double)total_us, 0.0), 1.0);
    return (int)(share * columns * 8 + 0.5);
}

void bar_draw(struct screen *screen, int style, int columns, const int64_t span_us[2],
              int64_t total_us)
{
    int step = screen->is_utf8 ? 1 : 8;
    int from = MIN(eighths_at(span_us[0], total_us, columns) / step * step, columns * 8 - step);
    int to = total_us > 0 ? eighths_at(span_us[1], total_us, columns) : columns * 8;
    to = MAX((to + step / 2) / step * step, from + step);
    int first = from / 8, last = (to - 1) / 8;
    screen_pad(screen, first);
    cell_draw(screen, style, from % 8, first == last ? to - 8 * first : 8);
    screen_repeat(screen, style, screen->is_utf8 ? LEFT_BLOCKS[8] : "=", last - first - 1);
    if (last > first)
        cell_draw(screen, style, 0, to - 8 * last);
    screen_pad(screen, columns - last - 1);
}

void bar_draw_light(struct screen *screen, int columns, const int64_t span_us[2], int64_t total_us)
{
    int from = MIN(eighths_at(span_us[0], total_us, columns) / 8, columns - 1);
    int to = MAX((eighths_at(span_us[1], total_us, columns) + 4) / 8, from + 1);
    screen_pad(screen, from);
    screen_repeat(screen, STYLE_DIM, screen->is_utf8 ? "░" : ".", to - from);
    screen_pad(screen, columns - to);
}

void bar_draw_point(struct screen *screen, int columns, int64_t at_us, int64_t total_us)
{
    int at = MIN(eighths_at(at_us, total_us, columns) / 8, columns - 1);
    screen_pad(screen, at);
    screen_put(screen, STYLE_DIM, screen->is_utf8 ? "┆" : "|");
    screen_pad(screen, columns - at - 1);
}
