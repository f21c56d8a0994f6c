/* callsite_record.h - which code made a call: module, offset and, where a symbol table tells it,
 * function. */
#ifndef RUN_TRACED_SHIM_CALLSITE_RECORD_H
#define RUN_TRACED_SHIM_CALLSITE_RECORD_H

#include "base/compiler.h"

/* The return address of the interposed call under way on this thread. */
extern THREAD_LOCAL const void *t_caller;

/* CALLSITE_ENTER - in an interposed function: its caller is who made the call. */
#define CALLSITE_ENTER() (t_caller = __builtin_return_address(0))

/* callsite_init - at start-up: sets the recorder if the program, as it was linked, can connect
 * somewhere, and loads libunwind if it has a library that connects on behalf of others. For every
 * short process that would be too much: 10 us the one, 200 us the other. */
void callsite_init(void);

/* callsite_prepare - before the application loads a library of its own: that may be what will connect,
 * and now is a safe moment to load libunwind. */
void callsite_prepare(void);

#endif
