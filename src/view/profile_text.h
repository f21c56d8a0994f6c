/* profile_text.h - a profile for people. */
#ifndef RUN_TRACED_VIEW_PROFILE_TEXT_H
#define RUN_TRACED_VIEW_PROFILE_TEXT_H

#include "view/profile.h"
#include "view/screen.h"
#include "view/service_colors.h"

/* profile_print - prints a sorted profile: what it is of, its findings, then its operations, calls and call sites, of
 * each at most
 * @max, and how many more there are. */
void profile_print(struct screen *screen, const struct service_colors *colors, struct profile *profile, size_t max);

#endif
