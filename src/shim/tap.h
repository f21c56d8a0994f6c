/* tap.h - tests of a program that writes TAP, a line at a time, and begins with its plan: each lasts from the end of
 * the one before to its own line. */
#ifndef RUN_TRACED_SHIM_TAP_H
#define RUN_TRACED_SHIM_TAP_H

#include <stdbool.h>
#include <stddef.h>

/* tap_begin - at library start: what the standard output is before a shell, say, puts a file in its place. One system
 * call. */
void tap_begin(void);

/* tap_recognise - these bytes, which can be read, are the first that the process writes to its standard output, by @fd,
 * which may be a copy. If it is TAP that begins so, what is written to @fd is looked at from now on, and true returned.
 * */
bool tap_recognise(int fd, const char *bytes, size_t len);

#endif
