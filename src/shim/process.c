/* The end of a process, and changes of what it may do. */
#include "export/direct_sink.h"
#include "shim/life.h"
#include "shim/real.h"

EXPORT void _exit(int status)
{
    life_end();
    REAL(_exit)(status);
    __builtin_unreachable();
}

EXPORT void _Exit(int status)
{
    life_end();
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

EXPORT int chroot(const char *path)
{
    privileges_change();
    return REAL(chroot)(path);
}
