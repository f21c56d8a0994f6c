#include "shim/callsite_record.h"
#include "shim/deepbind.h"
#include "shim/library_entry.h"
#include "shim/real.h"
#include "shim/unwind.h"

/* The loader takes the caller's RUNPATH by the return address: this must be, and with these options
 * is, a jump, not a call; tests/e2e/test_binary.py checks. */
__attribute__((optimize("O2", "omit-frame-pointer"))) EXPORT void *dlopen(const char *file, int mode)
{
    callsite_prepare();
    if (UNLIKELY(mode & RTLD_DEEPBIND))
        deepbind_note();
    else
        deepbind_correct();
    return REAL(dlopen)(file, mode);
}

EXPORT int dlclose(void *handle)
{
    int result = REAL(dlclose)(handle);
    int saved = errno;
    library_entry_note_unload();
    unwind_forget();
    errno = saved;
    return result;
}
