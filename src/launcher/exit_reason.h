/* exit_reason.h - how a process that need not be our child came to its end. */
#ifndef RUN_TRACED_LAUNCHER_EXIT_REASON_H
#define RUN_TRACED_LAUNCHER_EXIT_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct exit_reason {
    bool is_known;
    bool is_exec;    /* it lives on, as another program */
    int wait_status; /* as waitpid(2) gives it */
};

/* exit_reason_find - of the process @pid behind @pidfd, which has ended. The kernel tells through the
 * pidfd since Linux 6.15, once the parent has asked; before that /proc tells. */
struct exit_reason exit_reason_find(int pidfd, pid_t pid);

/* exit_reason_is_kept - does the kernel tell after the parent has asked? Otherwise exit_reason_find is to be called as soon
 * as can be. */
bool exit_reason_is_kept(void);

/* exit_reason_describe - the value of error.type, and a sentence, for a span that was open then.
 * "SIGKILL", "exit", "exec"; "died" where nothing is known. */
void exit_reason_describe(const struct exit_reason *reason, char *error_type, size_t type_size,
                          char *message, size_t message_size);

#endif
