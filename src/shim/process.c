/* The end of a process, and changes of what it may do. */
#include "base/memory.h"
#include "base/process.h"
#include "export/direct_sink.h"
#include "shim/life.h"
#include "shim/program.h"
#include "shim/real.h"

EXPORT void _exit(int status)
{
    life_end();
    program_exit(status);
    REAL(_exit)(status);
    __builtin_unreachable();
}

EXPORT void _Exit(int status)
{
    life_end();
    program_exit(status);
    REAL(_Exit)(status);
    __builtin_unreachable();
}

/* The exporters' files are opened while the program may still open them. */
static void privileges_change(void)
{
    int saved = errno;
    direct_sink_prepare();
    errno = saved;
}

EXPORT int setuid(uid_t uid)
{
    privileges_change();
    return REAL(setuid)(uid);
}

EXPORT int seteuid(uid_t uid)
{
    privileges_change();
    return REAL(seteuid)(uid);
}

EXPORT int setreuid(uid_t real_uid, uid_t effective_uid)
{
    privileges_change();
    return REAL(setreuid)(real_uid, effective_uid);
}

EXPORT int setresuid(uid_t real_uid, uid_t effective_uid, uid_t saved_uid)
{
    privileges_change();
    return REAL(setresuid)(real_uid, effective_uid, saved_uid);
}

/* Less address space is to be had: we take none of it that is not needed. */
EARLY static void limit_change(int resource, const struct rlimit *limit)
{
    int saved = errno;
    if (resource == RLIMIT_AS && memory_is_readable(limit, sizeof *limit) &&
        limit->rlim_cur != RLIM_INFINITY && !process_is_vfork_child())
        program_release_ring();
    errno = saved;
}

EARLY EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    limit_change((int)resource, limit);
    return REAL(setrlimit)(resource, limit);
}

EARLY EXPORT int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
    limit_change((int)resource, (const struct rlimit *)limit);
    return REAL(setrlimit64)(resource, limit);
}

EARLY EXPORT int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *limit,
                   struct rlimit *old)
{
    if (pid == 0 || pid == process_pid())
        limit_change((int)resource, limit);
    return REAL(prlimit)(pid, resource, limit, old);
}

EARLY EXPORT int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *limit,
                     struct rlimit64 *old)
{
    if (pid == 0 || pid == process_pid())
        limit_change((int)resource, (const struct rlimit *)limit);
    return REAL(prlimit64)(pid, resource, limit, old);
}

EXPORT int chroot(const char *path)
{
    privileges_change();
    return REAL(chroot)(path);
}
