/* How a process ended, asked before and after its parent has reaped it. */
#include "launcher/exit_reason.h"

#include "support/ring_fixture.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

TestSuite(exit_reason, .timeout = 30);

static int pidfd_of(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* A child that ends by @number if that is not 0, or else with status @status; not reaped yet. */
static pid_t ended_child(int number, int status, const char *name)
{
    struct rlimit none = {0, 0};
    pid_t pid = fixture_fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &none);
        prctl(PR_SET_NAME, name);
        if (number) {
            signal(number, SIG_DFL);
            raise(number);
        }
        _exit(status);
    }
    return pid;
}

static void wait_until_ended(pid_t pid)
{
    siginfo_t info;
    cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static const struct {
    int number, status;
    const char *name, *error_type, *message;
} CASES[] = {
    {SIGKILL, 0, "plain", "SIGKILL", "the process was killed by signal 9 in the middle of it"},
    {SIGSEGV, 0, ") Z 1 (", "SIGSEGV", "the process was killed by signal 11 in the middle of it"},
    {SIGTERM, 0, "a b c", "SIGTERM", "the process was killed by signal 15 in the middle of it"},
    {0, 0, "plain", "exit", "the process exited with status 0 in the middle of it"},
    {0, 3, ") R 0 0", "exit", "the process exited with status 3 in the middle of it"},
    {0, 255, "\n \n", "exit", "the process exited with status 255 in the middle of it"},
};

static void expect_described(const struct exit_reason *reason, size_t i)
{
    char type[32], message[65];
    exit_reason_describe(reason, type, sizeof type, message, sizeof message);
    cr_expect_str_eq(type, CASES[i].error_type);
    cr_expect_str_eq(message, CASES[i].message);
}

Test(exit_reason, of_a_process_that_nobody_has_reaped)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        pid_t pid = ended_child(CASES[i].number, CASES[i].status, CASES[i].name);
        wait_until_ended(pid);
        struct exit_reason reason = exit_reason_find(-1, pid);
        cr_expect(reason.is_known, "case %zu", i);
        cr_expect_eq(reason.wait_status, fixture_reap(pid));
        expect_described(&reason, i);
    }
}

static bool kernel_tells_afterwards(void)
{
    struct utsname name;
    int major = 0, minor = 0;
    uname(&name);
    sscanf(name.release, "%d.%d", &major, &minor);
    return major > 6 || (major == 6 && minor >= 15);
}

Test(exit_reason, of_a_process_that_was_reaped)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        pid_t pid = ended_child(CASES[i].number, CASES[i].status, CASES[i].name);
        int pidfd = pidfd_of(pid), status = fixture_reap(pid);
        struct exit_reason reason = exit_reason_find(pidfd, pid);
        close(pidfd);
        cr_expect_eq(reason.is_known, kernel_tells_afterwards());
        if (!reason.is_known)
            continue;
        cr_expect_eq(reason.wait_status, status);
        expect_described(&reason, i);
    }
}

Test(exit_reason, of_a_process_that_lives_is_not_known)
{
    int pidfd = pidfd_of(getpid());
    cr_expect_not(exit_reason_find(pidfd, getpid()).is_known);
    cr_expect_not(exit_reason_find(-1, getpid()).is_known);
    cr_expect_not(exit_reason_find(-1, 0x3fffffff).is_known);
    close(pidfd);
}

Test(exit_reason, words_for_what_is_unknown_or_strange)
{
    char type[32], message[65];
    struct exit_reason reason = {.is_known = false};
    exit_reason_describe(&reason, type, sizeof type, message, sizeof message);
    cr_expect_str_eq(type, "died");
    cr_expect_str_eq(message, "the process ended in the middle of it");
    reason = (struct exit_reason){.is_known = true, .wait_status = 34}; /* a real-time signal */
    exit_reason_describe(&reason, type, sizeof type, message, sizeof message);
    cr_expect_eq(strncmp(type, "SIG", 3), 0);
    cr_expect_neq(strcmp(type, "SIGNAL"), 0, "SIGNAL is not the name of a signal");
    reason.wait_status = SIGSEGV | 0x80; /* with a core */
    exit_reason_describe(&reason, type, sizeof type, message, sizeof message);
    cr_expect_str_eq(type, "SIGSEGV");
    char small[4];
    exit_reason_describe(&reason, small, sizeof small, small, sizeof small);
    cr_expect_lt(strlen(small), sizeof small);
}
