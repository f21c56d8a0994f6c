/* privileges.h - does executing a file change privileges? Then the dynamic loader runs in its
 * secure mode and ignores LD_PRELOAD. */
#ifndef RUN_TRACED_LAUNCHER_PRIVILEGES_H
#define RUN_TRACED_LAUNCHER_PRIVILEGES_H

/* privileges_gained - what the program file behind @fd gives to the user that we run as: "is
 * setuid", "is setgid" or "has capabilities of its own"; NULL if nothing, since the file or the
 * user is plain, or its file system or this process is barred from it. ld.so(8), "Secure-execution
 * mode". */
const char *privileges_gained(int fd);

#endif
