/* view_options.h - the options that --view alone has. */
#ifndef RUN_TRACED_LAUNCHER_VIEW_OPTIONS_H
#define RUN_TRACED_LAUNCHER_VIEW_OPTIONS_H

#include "view/view.h"

/* view_options_set - sets the long option @name to @value (NULL: it takes none), which must stay. Returns 0, or -EINVAL after
 * a message that names the value. */
int view_options_set(struct view_options *view, const char *name, const char *value);

#endif
