/* view_load.h - the traces of a file that are asked for. */
#ifndef RUN_TRACED_VIEW_VIEW_LOAD_H
#define RUN_TRACED_VIEW_VIEW_LOAD_H

#include "view/view_show.h"

/* view_load - reads the spans of a file ("-": standard input) into @view, all zero before, and lists those of its
 * traces that
 * @options choose. Returns 0 or a negative errno; @view->set has no spans if there is none in the file. view_free is
 * due either way. */
int view_load(const char *path, const struct view_options *options, struct view *view);

/* view_free - gives back all memory of @view. */
void view_free(struct view *view);

#endif
