/* command.h - the command: found as a shell would find it, and started as our child. */
#ifndef RUN_TRACED_LAUNCHER_COMMAND_H
#define RUN_TRACED_LAUNCHER_COMMAND_H

#include "launcher/signal_relay.h"

#include <stddef.h>
#include <sys/types.h>

/* command_find - the file that @name stands for: itself if it has a '/', else the first executable
 * regular file of that name in PATH.
 * @path: receives it, NUL-terminated, in at most @size bytes.
 * Returns 0 or a negative errno: -ENOENT, -EACCES (found, but not executable), -EISDIR, ... */
int command_find(const char *name, char *path, size_t size);

struct command {
    pid_t pid;
    int error_fd; /* a pipe that closes at exec; if exec fails, it brings the errno */
};

/* command_start - starts @path with @argv and the environment as it is now, in our process group
 * and session, with the signal mask, the dispositions, the interval timers and the parent-death
 * signal that we were started with. A file of no known format is given to /bin/sh, as execvp(3)
 * does. Tells @relay of the new process, and, before that is the command, *@pid_word, which lies in shared memory; NULL:
 * nobody else is to know. Returns 0 or a negative errno; does not wait for the exec.
 */
int command_start(const char *path, char **argv, struct signal_relay *relay, int32_t *pid_word,
                  struct command *command);

/* command_become - this process becomes the program at @path, as execvp(3) does. Returns only on
 * failure, with the errno. */
int command_become(const char *path, char **argv);

/* command_exec_error - to be called after the process has ended: the errno with which exec failed,
 * or 0 if the program was executed. Ends the use of @command. */
int command_exec_error(struct command *command);

#endif
