/* exec_environment.h - the environment of a program that is to be started: for one that cannot load this library, without
 * our name in LD_PRELOAD; for one that is started for a request, with that one's context. All functions: signal-safe, also
 * in a vfork child. */
#ifndef RUN_TRACED_SHIM_EXEC_ENVIRONMENT_H
#define RUN_TRACED_SHIM_EXEC_ENVIRONMENT_H

#include "trace/context.h"

#include <stddef.h>

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

/* exec_environment_strip_all - the same without the library and all else that run-traced has put in. Returns false if
 * the library is not in it, either. */
bool exec_environment_strip_all(char *const envp[], struct exec_environment *room);

/* exec_environment_context_len - how much room exec_environment_context needs, in bytes: 8 for each entry, and the text.
 * 0: it cannot be done, since there are too many entries. */
size_t exec_environment_context_len(char *const envp[], const struct span_context *context);

/* exec_environment_context - returns an environment that lies in @room (@room_len bytes, aligned for pointers): @envp with
 * TRACEPARENT, and TRACESTATE and BAGGAGE where there is any, in place of what it has of them; NULL if it has grown
 * meanwhile. OpenTelemetry, "Environment Variables as Context Propagation Carriers". */
char **exec_environment_context(char *const envp[], const struct span_context *context, void *room, size_t room_len);

#endif
