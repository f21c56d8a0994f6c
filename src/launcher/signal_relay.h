/* signal_relay.h - waiting for the command while handing on to it what signals we are sent.
 *
 * All signals are blocked and read from a signalfd, which an event loop can watch beside other
 * things. What the terminal sends goes to the whole process group anyway; what somebody sends to us
 * alone is meant for the command. When the command stops, we stop, so that the shell's job control
 * works.
 *
 * Not to be told apart: a signal that somebody from outside sends to the whole group (kill -TERM
 * -PGID, an interactive shell's "kill %1"). The command then gets it twice, unless the two
 * coincide. */
#ifndef RUN_TRACED_LAUNCHER_SIGNAL_RELAY_H
#define RUN_TRACED_LAUNCHER_SIGNAL_RELAY_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct signal_relay {
    int fd; /* a signalfd: readable when signal_relay_read has something to do */
    pid_t command_pid;
    bool was_stopped; /* we stopped because the command did: the SIGCONT to come is for both */
    sigset_t inherited_mask;
    struct sigaction inherited_sigchld;
};

/* signal_relay_block - from here on no signal is lost, and none ends us: to be called before there is
 * anything that would be left behind. */
void signal_relay_block(struct signal_relay *relay);

/* signal_relay_unblock - signals do again what they did, those that came meanwhile at once. */
void signal_relay_unblock(const struct signal_relay *relay);

/* signal_relay_open - after signal_relay_block, and before the command is started, which sets
 * @command_pid. Returns 0 or a negative errno. */
int signal_relay_open(struct signal_relay *relay);

/* signal_relay_undo_in_child - between fork and exec: signals as we ourselves found them. */
void signal_relay_undo_in_child(const struct signal_relay *relay);

/* signal_relay_read - takes what signals there are, without waiting: hands on, stops with the
 * command, reaps every child that ended (also those that somebody left to us).
 * @wait_status: receives the command's status, as waitpid(2) gives it.
 * Returns true once the command has ended. */
bool signal_relay_read(struct signal_relay *relay, int *wait_status);

/* signal_relay_interrupted - takes what signals there are after the command has ended. Returns true
 * if one of them asks us to end as well. */
bool signal_relay_interrupted(struct signal_relay *relay);

/* signal_die_of - ends this process by the signal @number, without a core dump of our own. Returns
 * only when that signal cannot kill us (the first process of a container). */
void signal_die_of(int number);

#endif
