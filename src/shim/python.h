/* python.h - a bridge into CPython: what asyncio and the thread pools queue goes on with the request that it was queued
 * for. src/README.md, "Whose child". */
#ifndef RUN_TRACED_SHIM_PYTHON_H
#define RUN_TRACED_SHIM_PYTHON_H

#include "base/compiler.h"

#include "shim/python_tasks.h"
#include "shim/python_uvloop.h"

#include <stdbool.h>

/* Behind the function below: not to be used directly. */
extern bool g_python_is_waiting;
void python_try(void);

/* python_begin - at library start: is this process Python's? RUN_TRACED_PYTHON_BRIDGE=off says that it is none. */
void python_begin(void);

/* python_has_received - the program has received something: with the first requests that it serves the bridge is put in
 * place, in the modules that are there by then. No lock of ours may be held: it takes the interpreter's. @set_count:
 * active_set_count() before. Three loads in all other programs. */
static inline void python_has_received(uint32_t set_count)
{
    if (UNLIKELY(g_python_is_waiting))
        python_try();
    if (UNLIKELY(g_python_has_tasks))
        python_tasks_have_received();
    if (UNLIKELY(g_python_has_uvloop))
        python_uvloop_have_received(set_count);
}

/* python_has_decrypted - the same of what it had received in secret. */
static inline void python_has_decrypted(uint32_t set_count)
{
    if (UNLIKELY(g_python_is_waiting))
        python_try();
    if (UNLIKELY(g_python_has_tasks))
        python_tasks_have_received();
    if (UNLIKELY(g_python_has_uvloop))
        python_uvloop_have_decrypted(set_count);
}

/* python_has_read - it reads from anything. One load in all other programs. */
static inline void python_has_read(void)
{
    if (UNLIKELY(g_python_has_uvloop))
        python_uvloop_have_read();
}

#endif
