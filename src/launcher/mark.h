/* mark.h - --mark NAME: the script that called says which step it is at. */
#ifndef RUN_TRACED_LAUNCHER_MARK_H
#define RUN_TRACED_LAUNCHER_MARK_H

/* mark_make - tells the library in our parent process, by the ring of the run that it belongs to. Returns the exit status, after a
 * message if it cannot be done. */
int mark_make(const char *name);

#endif
