#include "launcher/exit_reason.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/pidfd.h of Linux 6.15; Debian 12's headers are older. */
struct pidfd_info_64 {
    uint64_t mask;
    uint64_t cgroup_id;
    uint32_t ids[11];
    int32_t exit_code;
};
#define PIDFD_GET_INFO_IOCTL _IOWR(0xFF, 11, struct pidfd_info_64)
#define PIDFD_INFO_EXIT_BIT (1ULL << 3)

static bool ask_pidfd(int pidfd, int *wait_status)
{
    struct pidfd_info_64 info = {.mask = PIDFD_INFO_EXIT_BIT};
    if (pidfd < 0 || ioctl(pidfd, PIDFD_GET_INFO_IOCTL, &info) < 0 ||
        !(info.mask & PIDFD_INFO_EXIT_BIT))
        return false;
    *wait_status = info.exit_code;
    return true;
}

/* Until its parent has reaped it, /proc/PID/stat shows its status in the last field but none. */
static bool ask_proc(pid_t pid, int *wait_status)
{
    char path[64], stat[2048];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
    if (fd >= 0)
        close(fd);
    if (len <= 0)
        return false;
    stat[len] = '\0';
    const char *name_end = strrchr(stat, ')'); /* the name may hold anything */
    const char *last = strrchr(stat, ' ');
    return name_end && last && name_end[1] == ' ' && name_end[2] == 'Z' &&
           sscanf(last, "%d", wait_status) == 1;
}

struct exit_reason exit_reason_find(int pidfd, pid_t pid)
{
    struct exit_reason reason = {0};
    /* Asked twice: it may be reaped between the first two questions. */
    reason.is_known = ask_pidfd(pidfd, &reason.wait_status) ||
                      ask_proc(pid, &reason.wait_status) || ask_pidfd(pidfd, &reason.wait_status);
    return reason;
}

bool exit_reason_is_kept(void)
{
    struct utsname name;
    unsigned major = 0, minor = 0;
    return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 15));
}

void exit_reason_describe(const struct exit_reason *reason, char *error_type, size_t type_size,
                          char *message, size_t message_size)
{
    int status = reason->wait_status;
    if (reason->is_exec) {
        snprintf(error_type, type_size, "exec");
        snprintf(message, message_size, "the process became another program in the middle of it");
    } else if (!reason->is_known) {
        snprintf(error_type, type_size, "died");
        snprintf(message, message_size, "the process ended in the middle of it");
    } else if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        if (name)
            snprintf(error_type, type_size, "SIG%s", name);
        else /* a real-time signal */
            snprintf(error_type, type_size, "SIG%d", WTERMSIG(status));
        snprintf(message, message_size, "the process was killed by signal %d in the middle of it",
                 WTERMSIG(status));
    } else {
        snprintf(error_type, type_size, "exit");
        snprintf(message, message_size, "the process exited with status %d in the middle of it",
                 WEXITSTATUS(status));
    }
}
