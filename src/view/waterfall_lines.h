/* waterfall_lines.h - the lines of a waterfall in their columns. */
#ifndef RUN_TRACED_VIEW_WATERFALL_LINES_H
#define RUN_TRACED_VIEW_WATERFALL_LINES_H

#include "view/critical_path.h"
#include "view/screen.h"
#include "view/service_colors.h"
#include "view/waterfall_rows.h"

/* The columns of all lines of a trace: label, mark, bar, duration, self time, status; one blank between them. */
struct layout {
    int label;
    int bar; /* 0: no room for bars */
    int duration;
    int self; /* 0: no room for it */
    int status;
};

struct waterfall {
    struct screen *screen;
    const struct service_colors *colors;
    struct operation_names *names;
    int events_file;
    const struct trace_tree *tree;
    const struct critical_path *path;
    struct waterfall_rows rows;
    struct layout layout;
};

/* waterfall_layout_find - settles the columns by what the rows need and the screen has. */
struct layout waterfall_layout_find(const struct waterfall *waterfall);

/* waterfall_row_print - prints the line of a row, and those of its events. */
void waterfall_row_print(const struct waterfall *waterfall, const struct waterfall_row *row);

/* waterfall_path_mark - what marks a span on the critical path, with a large part of it or not. */
const char *waterfall_path_mark(const struct screen *screen, bool is_large);

#endif
