/* view_profile.h - the traces that were chosen, summed up in the form that was asked for. */
#ifndef RUN_TRACED_VIEW_VIEW_PROFILE_H
#define RUN_TRACED_VIEW_VIEW_PROFILE_H

#include "view/profile.h"
#include "view/view_show.h"

/* view_profile_show - prints the profile (profile.h) of the list's traces; @view->screen is open on @out. Returns 0 or
 * -ENOMEM. */
int view_profile_show(struct view *view, FILE *out, const struct view_options *options);

/* view_profile_add - sums up the traces of the list of @view. Returns 0 or -ENOMEM. */
int view_profile_add(const struct view *view, struct profile *profile);

#endif
