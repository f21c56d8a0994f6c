/* complaint.h - what is wrong with a file, in a line on stderr. */
#ifndef RUN_TRACED_VIEW_COMPLAINT_H
#define RUN_TRACED_VIEW_COMPLAINT_H

/* complaint_print - "run-traced: WHAT PATH: WHY", then @advice; @path and @why may hold anything, "-" is standard
 * input. "" for @why leaves out the colon. */
void complaint_print(const char *what, const char *path, const char *why, const char *advice);

#endif
