/* profile_json.h - a profile for programs. */
#ifndef RUN_TRACED_VIEW_PROFILE_JSON_H
#define RUN_TRACED_VIEW_PROFILE_JSON_H

#include "view/profile.h"

#include <stdio.h>

/* profile_json_print - prints a sorted profile as one line: counts, operations, calls, callSites, findings; times in
 * microseconds. */
void profile_json_print(struct profile *profile, FILE *out);

/* profile_dot_print - prints who calls whom as a graph for Graphviz, in UTF-8: the thread's locale must be one of it.
 */
void profile_dot_print(struct profile *profile, FILE *out);

/* view_kind_name - "SERVER". */
const char *view_kind_name(unsigned kind);

#endif
