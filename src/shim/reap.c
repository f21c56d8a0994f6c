/* Children that have ended: by which signal, nobody but their parent is told for sure. */
#include "export/ring_sink.h"
#include "shim/real.h"

/* Returns @pid. errno is the call's. */
static pid_t note(pid_t pid, int status)
{
    if (LIKELY(!WIFSIGNALED(status)))
        return pid;
    int saved = errno;
    ring_sink_note_killed(pid, status);
    errno = saved;
    return pid;
}

/* The application need not want to know; we do. */
static int *status_or(int *status, int *own)
{
    *own = 0;
    return status ? status : own;
}

EXPORT pid_t wait(int *status)
{
    int own, *told = status_or(status, &own);
    pid_t pid = REAL(wait)(told);
    return pid > 0 ? note(pid, *told) : pid;
}

EXPORT pid_t waitpid(pid_t which, int *status, int options)
{
    int own, *told = status_or(status, &own);
    pid_t pid = REAL(waitpid)(which, told, options);
    return pid > 0 ? note(pid, *told) : pid;
}

EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
    int own, *told = status_or(status, &own);
    pid_t pid = REAL(wait3)(told, options, usage);
    return pid > 0 ? note(pid, *told) : pid;
}

EXPORT pid_t wait4(pid_t which, int *status, int options, struct rusage *usage)
{
    int own, *told = status_or(status, &own);
    pid_t pid = REAL(wait4)(which, told, options, usage);
    return pid > 0 ? note(pid, *told) : pid;
}

EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    int result = REAL(waitid)(type, id, info, options);
    if (result == 0 && info && (info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED))
        note(info->si_pid, info->si_status);
    return result;
}
