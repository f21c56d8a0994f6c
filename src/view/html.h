/* html.h - the traces of a file as one page for browsers, which needs nothing but itself. */
#ifndef RUN_TRACED_VIEW_HTML_H
#define RUN_TRACED_VIEW_HTML_H

#include "view/view_source.h"

/* Of more spans than these a page has the traces that matter most, unless a number is asked for. */
enum { HTML_SPANS_MAX = 100000 };

/* html_write - writes the page to @path ("-": standard output): a new file, which takes the place of a page that was
 * there when it is whole. Returns 0, -EEXIST where something else is there, or another negative errno. */
int html_write(const struct view_source *source, const char *path);

#endif
