/* shell_call.h - which request is a shell for that system(3) or popen(3) starts? libc hands it the environment of the
 * process, which several threads share. So the thread writes its request to the ring, and the shell, in which this library
 * is as well, looks there for the call that it was started by. It takes none but that: the kernel says which thread has
 * started it, or, where popen has returned already, it has that call's pipe. */
#ifndef RUN_TRACED_EXPORT_SHELL_CALL_H
#define RUN_TRACED_EXPORT_SHELL_CALL_H

#include "trace/context.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_shell;

/* What tells calls apart: the same on both sides. */
struct shell_command {
    uint64_t hash;                            /* of the text that is handed to the shell */
    uint8_t environment_span_id[SPAN_ID_LEN]; /* of what TRACEPARENT says in the process; all zero: nothing */
};

struct shell_call {
    struct ring_shell *place; /* NULL: it is nowhere written */
    uint64_t word;
};

/* shell_call_begin - the calling thread is about to call system or popen with @command, for @context. Where there is no
 * ring, or no room, the shell is not going to know. Signal-safe. */
void shell_call_begin(struct shell_call *call, const struct shell_command *command, const struct span_context *context);

/* shell_call_end - it has returned, and its shell has ended or was never started. */
void shell_call_end(const struct shell_call *call);

/* shell_call_leave - it has returned, while its shell may not have looked yet. @pipe_inode: of what that one has as its
 * standard input or output. */
void shell_call_leave(const struct shell_call *call, uint64_t pipe_inode);

/* shell_call_is_any - has there been any call that this process could have been started by? A load. */
bool shell_call_is_any(void);

/* shell_call_take - in the shell: takes the call that it was started by. False: there is none to be found. Library
 * start-up; some system calls for each call of the parent's with the same command. */
bool shell_call_take(const struct shell_command *command, struct span_context *out);

#endif
