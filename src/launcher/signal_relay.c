#include "launcher/signal_relay.h"

#include "base/compiler.h"
#include "launcher/process_tree.h"

#include <errno.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void signal_relay_block(struct signal_relay *relay)
{
    sigset_t all;
    *relay = (struct signal_relay){.fd = -1};
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &relay->inherited_mask);
}

void signal_relay_unblock(const struct signal_relay *relay)
{
    sigprocmask(SIG_SETMASK, &relay->inherited_mask, NULL);
}

int signal_relay_open(struct signal_relay *relay)
{
    sigset_t all;
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigfillset(&all);
    /* Where SIGCHLD is ignored, the kernel would throw the command's status away. */
    sigaction(SIGCHLD, &by_default, &relay->inherited_sigchld);
    relay->fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    return relay->fd < 0 ? -errno : 0;
}

void signal_relay_undo_in_child(const struct signal_relay *relay)
{
    sigaction(SIGCHLD, &relay->inherited_sigchld, NULL);
    signal_relay_unblock(relay);
}

/* What a terminal sends to the whole process group in its foreground. */
static bool is_from_terminal(const struct signalfd_siginfo *info)
{
    static const int numbers[] = {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGWINCH};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if ((int)info->ssi_signo == numbers[i])
            return info->ssi_code == SI_KERNEL;
    return false;
}

/* Is the command to get this signal from us, since it did not get it by itself? */
static bool relay_should_hand_on(const struct signal_relay *relay,
                                 const struct signalfd_siginfo *info)
{
    pid_t command = relay->command_pid, sender = (pid_t)info->ssi_pid;
    if (is_from_terminal(info))
        return getpgid(command) != getpgrp();
    if (info->ssi_signo == SIGCONT && relay->was_stopped)
        return process_is_stopped(command);
    if (info->ssi_code > 0) /* SI_KERNEL, CLD_EXITED, ...: about ourselves */
        return false;
    /* The command and its children know nothing of us: what they send went to the whole group. */
    return sender != command && sender != getpid() && !process_descends_from(sender, command);
}

static void relay_hand_on(const struct signal_relay *relay, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    if (info->ssi_code != SI_QUEUE) {
        kill(relay->command_pid, number);
        return;
    }
    siginfo_t queued = {.si_signo = number, .si_code = SI_QUEUE};
    queued.si_pid = (pid_t)info->ssi_pid;
    queued.si_uid = info->ssi_uid;
    queued.si_value.sival_ptr = (void *)(uintptr_t)info->ssi_ptr;
    syscall(SYS_rt_sigqueueinfo, relay->command_pid, number, &queued);
}

/* The command was stopped by @number: we stop in the same way, and return when we are continued. */
static void relay_stop(struct signal_relay *relay, int number)
{
    sigset_t pending, only, before;
    struct sigaction by_default = {.sa_handler = SIG_DFL}, inherited;
    if (sigpending(&pending) == 0 && sigismember(&pending, SIGCONT))
        return; /* it has been continued already; stopping would throw that SIGCONT away */
    relay->was_stopped = true;
    sigemptyset(&only);
    sigaddset(&only, number);
    sigaction(number, &by_default, &inherited);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &only, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    sigaction(number, &inherited, NULL);
}

static bool relay_reap(struct signal_relay *relay, int *wait_status)
{
    bool has_ended = false;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        if (pid != relay->command_pid)
            continue;
        if (WIFSTOPPED(status)) {
            relay_stop(relay, WSTOPSIG(status));
            continue;
        }
        *wait_status = status;
        has_ended = true;
    }
    return has_ended;
}

static bool relay_take(const struct signal_relay *relay, struct signalfd_siginfo *info)
{
    return TEMP_FAILURE_RETRY(read(relay->fd, info, sizeof *info)) == (ssize_t)sizeof *info;
}

bool signal_relay_read(struct signal_relay *relay, int *wait_status)
{
    struct signalfd_siginfo info;
    while (relay_take(relay, &info)) {
        if (info.ssi_signo == SIGCHLD && relay_reap(relay, wait_status))
            return true;
        if (relay_should_hand_on(relay, &info))
            relay_hand_on(relay, &info);
        if (info.ssi_signo == SIGCONT)
            relay->was_stopped = false;
    }
    return false;
}

bool signal_relay_interrupted(struct signal_relay *relay)
{
    struct signalfd_siginfo info;
    bool is_asked = false;
    while (relay_take(relay, &info))
        is_asked |= info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM ||
                    info.ssi_signo == SIGHUP || info.ssi_signo == SIGQUIT;
    return is_asked;
}

void signal_die_of(int number)
{
    struct rlimit no_core = {0, 0};
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigset_t only;
    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_DUMPABLE, 0); /* where cores are piped to a program, the limit is not asked */
    sigemptyset(&only);
    sigaddset(&only, number);
    sigaction(number, &by_default, NULL);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
}
