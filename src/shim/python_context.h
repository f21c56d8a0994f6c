/* python_context.h - what a context variable has in the calling thread's Context, read without the interpreter's lock
 * and without a call into Python.
 *
 * Why that is safe: which Context a thread is in, and what that has, is changed by that thread alone, which is in our
 * call meanwhile; the tree of what it has is never changed but replaced. Where in memory all this lies is looked for,
 * and tried out, before anything is believed. CPython 3.9 to 3.13. */
#ifndef RUN_TRACED_SHIM_PYTHON_CONTEXT_H
#define RUN_TRACED_SHIM_PYTHON_CONTEXT_H

#include "shim/python_api.h"

/* python_context_prepare - finds out how @variable is read. False: it cannot be. The interpreter's lock is held. */
bool python_context_prepare(PyObject *variable);

/* python_context_value - what it has, borrowed: good until the thread runs Python code again. NULL: nothing, or that
 * cannot be read. At any time; signal-safe. */
const PyObject *python_context_value(void);

#endif
