/* view_compare.h - the traces that were chosen, compared with those of another file. */
#ifndef RUN_TRACED_VIEW_VIEW_COMPARE_H
#define RUN_TRACED_VIEW_VIEW_COMPARE_H

#include "view/view_show.h"

/* view_compare_show - prints what differs between @before and the list of @view (compare.h); @view->screen is open on
 * @out. The paths are what the two are called. Returns 0 or -ENOMEM. */
int view_compare_show(struct view *view, const char *path, const struct view *before, FILE *out,
                      const struct view_options *options);

#endif
