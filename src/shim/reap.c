/* Children that have ended: by which signal, nobody but their parent is told for sure. */
#include "export/ring_sink.h"
#include "shim/real.h"

#include <sys/wait.h>

/* errno is the call's. */
static void note(pid_t pid, int status)
{
    if (LIKELY(pid <= 0 || !WIFSIGNALED(status)))
        return;
    int saved = errno;
    ring_sink_note_killed(pid, status);
    errno = saved;
}

EXPORT pid_t wait(int *status)
{
    int own;
    int *told = status ? status : &own;
    pid_t pid = REAL(wait)(told);
    if (pid > 0)
        note(pid, *told);
    return pid;
}

EXPORT pid_t waitpid(pid_t which, int *status, int options)
{
    int own;
    int *told = status ? status : &own;
    pid_t pid = REAL(waitpid)(which, told, options);
    if (pid > 0)
        note(pid, *told);
    return pid;
}

EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
    int own;
    int *told = status ? status : &own;
    pid_t pid = REAL(wait3)(told, options, usage);
    if (pid > 0)
        note(pid, *told);
    return pid;
}

EXPORT pid_t wait4(pid_t which, int *status, int options, struct rusage *usage)
{
    int own;
    int *told = status ? status : &own;
    pid_t pid = REAL(wait4)(which, told, options, usage);
    if (pid > 0)
        note(pid, *told);
    return pid;
}

EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    int result = REAL(waitid)(type, id, info, options);
    if (result == 0 && info && (info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED))
        note(info->si_pid, info->si_status);
    return result;
}
