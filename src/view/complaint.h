/* complaint.h - what is wrong with a file, in a line on stderr. */
#ifndef RUN_TRACED_VIEW_COMPLAINT_H
#define RUN_TRACED_VIEW_COMPLAINT_H

/* complaint_print - "run-traced: WHAT PATH: WHY"; @path may hold anything, "-" is standard input. */
void complaint_print(const char *what, const char *path, const char *why);

#endif
