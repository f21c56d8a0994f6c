/* life.h - the library's own beginning and end. */
#ifndef RUN_TRACED_SHIM_LIFE_H
#define RUN_TRACED_SHIM_LIFE_H

/* life_end - the process is about to end: what is open is reported, what is pending is sent. Does
 * nothing in a vfork child. May be called more than once, from exit(3) and _exit(2). */
void life_end(void);

#endif
