/* spans_file.h - the file that the spans go to, made ready before the command starts.
 *
 * Each run holds a shared flock(2) on its file for as long as it lives. A run that finds the file
 * in use does not move it away: a server and a client that are traced side by side in one directory
 * write their halves of a trace into one file. */
#ifndef RUN_TRACED_LAUNCHER_SPANS_FILE_H
#define RUN_TRACED_LAUNCHER_SPANS_FILE_H

/* spans_file_create - makes @path anew, mode 0600. A regular file that is there is renamed to
 * PATH.old, unless it is empty or another run is writing it; a character device is left as it is. A
 * symbolic link is not followed.
 * Returns a descriptor to be kept open during the run (closed on exec), or a negative errno after a
 * message. */
int spans_file_create(const char *path);

/* spans_file_append - as spans_file_create, but what is there is kept and appended to. */
int spans_file_append(const char *path);

#endif
