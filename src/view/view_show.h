/* view_show.h - traces that were chosen, drawn in the form that was asked for. */
#ifndef RUN_TRACED_VIEW_VIEW_SHOW_H
#define RUN_TRACED_VIEW_VIEW_SHOW_H

#include "view/operation.h"
#include "view/screen.h"
#include "view/service_colors.h"
#include "view/span_reader.h"
#include "view/trace_list.h"
#include "view/view.h"

/* What is to be drawn, and on what. */
struct view {
    struct span_set set;
    struct trace_list list;
    struct service_colors colors;
    struct screen screen;
    struct operation_names names;
    size_t trace_count; /* in the file, before any were chosen */
    int file; /* descriptor + 1 of what is read again, for events or to be written elsewhere; 0: none */
    bool is_continued; /* its table has its heading already */
    bool is_sorted; /* by what was asked for: the first are shown */
};

/* view_show_traces - prints those of the list that are to be shown; @view->screen is open on @out. Returns 0 or -ENOMEM. */
int view_show_traces(struct view *view, FILE *out, const struct view_options *options);

/* view_show_leftovers - prints what of the file is not shown, if anything. */
void view_show_leftovers(struct view *view);

#endif
