#include "shim/sandbox.h"

#include "base/process.h"
#include "base/raw.h"
#include "export/direct_sink.h"
#include "shim/libtest.h"
#include "shim/real.h"
#include "trace/span.h"
#include "wire/table.h"

#include <linux/seccomp.h>
#include <stdarg.h>

bool sandbox_prepare(void)
{
    if (!shim_is_tracing() || g_raw_is_forbidden || process_is_vfork_child())
        return false;
    int saved = errno;
    process_tid();
    direct_sink_prepare();
    span_abandon(span_start(SPAN_KIND_INTERNAL, 0)); /* the collector knows us from now on */
    raw_set_aside();
    errno = saved;
    return true;
}

void sandbox_enter(enum sandbox sandbox)
{
    g_raw_is_forbidden = true;
    if (sandbox == SANDBOX_STRICT)
        table_forget_all();
}

static enum sandbox sandbox_of_mode(unsigned long mode)
{
    return mode == SECCOMP_MODE_STRICT   ? SANDBOX_STRICT
           : mode == SECCOMP_MODE_FILTER ? SANDBOX_FILTER
                                         : SANDBOX_NONE;
}

enum sandbox sandbox_of_syscall(long number, long first, long second)
{
    if (number == SYS_prctl && first == PR_SET_SECCOMP)
        return sandbox_of_mode((unsigned long)second);
    if (number != SYS_seccomp)
        return SANDBOX_NONE;
    return first == SECCOMP_SET_MODE_STRICT   ? SANDBOX_STRICT
           : first == SECCOMP_SET_MODE_FILTER ? SANDBOX_FILTER
                                              : SANDBOX_NONE;
}

EARLY EXPORT int prctl(int option, ...)
{
    unsigned long a[4];
    va_list arguments;
    va_start(arguments, option);
    for (size_t i = 0; i < ARRAY_LEN(a); i++)
        a[i] = va_arg(arguments, unsigned long);
    va_end(arguments);
    if (option == PR_SET_NAME)
        libtest_note_name((const char *)a[0]);
    enum sandbox sandbox = option == PR_SET_SECCOMP ? sandbox_of_mode(a[0]) : SANDBOX_NONE;
    if (LIKELY(sandbox == SANDBOX_NONE) || !sandbox_prepare())
        return REAL(prctl)(option, a[0], a[1], a[2], a[3]);
    int result = REAL(prctl)(option, a[0], a[1], a[2], a[3]);
    if (result == 0)
        sandbox_enter(sandbox);
    return result;
}
