#include "shim/callsite_record.h"
#include "shim/real.h"

/* RTLD_DEEPBIND would hide every interposed call from what is loaded (PHP loads its extensions so).
 * The loader takes the caller's RUNPATH by the return address: this must be, and with these options
 * is, a jump, not a call; tests/e2e/test_binary.py checks. */
__attribute__((optimize("O2", "omit-frame-pointer"))) EXPORT void *dlopen(const char *file, int mode)
{
    callsite_prepare();
    return REAL(dlopen)(file, mode & ~RTLD_DEEPBIND);
}
