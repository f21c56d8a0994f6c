/* exec_environment.h - an environment for a program that cannot load this library: the same, but for our
 * name in LD_PRELOAD. */
#ifndef RUN_TRACED_SHIM_EXEC_ENVIRONMENT_H
#define RUN_TRACED_SHIM_EXEC_ENVIRONMENT_H

#include <stdbool.h>

enum { EXEC_ENTRIES_MAX = 1024, EXEC_PRELOAD_LEN_MAX = 1024 };

/* Room for one; on the stack, since there may be a parent whose memory this is (vfork). */
struct exec_environment {
    char *entries[EXEC_ENTRIES_MAX];
    char preload[EXEC_PRELOAD_LEN_MAX]; /* LD_PRELOAD=… without us */
};

/* exec_environment_library - the path by which the environment @envp preloads this library, copied to
 * @path (EXEC_PRELOAD_LEN_MAX bytes). Returns false if it does not, or by no plain path. */
bool exec_environment_library(char *const envp[], char *path);

/* exec_environment_only_lists - the program is not to run, but to list the libraries that it would load (ldd). */
bool exec_environment_only_lists(char *const envp[]);

/* exec_environment_strip - makes @room's entries @envp without the library. Returns false if there is no
 * room for it. */
bool exec_environment_strip(char *const envp[], struct exec_environment *room);

#endif
