/* exec_target.h - what a program to be executed would make of this library. Where its dynamic loader
 * cannot load it, it says so on the program's stderr, or refuses to start it.
 *
 * All functions: safe between fork and exec, in a vfork child too; system calls that the new program's
 * loader is going to make as well (openat, pread64, close), so that no sandbox minds. */
#ifndef RUN_TRACED_SHIM_EXEC_TARGET_H
#define RUN_TRACED_SHIM_EXEC_TARGET_H

#include <stdbool.h>

/* exec_target_open - @path as execveat(2) takes it, to be looked at. Returns a descriptor or a negative
 * errno. */
int exec_target_open(int directory_fd, const char *path);

/* exec_target_search - @file as execvp(3) searches for it. */
int exec_target_search(const char *file);

/* What becomes of the library in a program. */
enum exec_fate {
    EXEC_TAKES_LIBRARY,   /* as far as can be told */
    EXEC_STATIC,          /* nobody loads it */
    EXEC_GO,              /* the same, made by Go's compiler */
    EXEC_PRIVILEGED,      /* the loader ignores it: setuid, setgid */
    EXEC_OTHER_LIBC,      /* another C library's loader */
    EXEC_OTHER_MACHINE,
    EXEC_WITHOUT_LIBRARY, /* its environment does not name it */
};

/* exec_target_fate - of the program, or, of a script, of its interpreter. */
enum exec_fate exec_target_fate(int fd);

/* exec_fate_is_harmful - the loader would complain of the library, or refuse to start the program. */
static inline bool exec_fate_is_harmful(enum exec_fate fate)
{
    return fate == EXEC_OTHER_LIBC || fate == EXEC_OTHER_MACHINE;
}

/* exec_fate_name - the value of run_traced.process.blind; NULL: it is not. */
const char *exec_fate_name(enum exec_fate fate);

/* exec_library_is_there - can the file be opened here and now? Not so in a chroot, say. */
bool exec_library_is_there(const char *path);

#endif
