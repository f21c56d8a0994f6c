/* exec.h - what programs are started with, for others that start some. */
#ifndef RUN_TRACED_SHIM_EXEC_H
#define RUN_TRACED_SHIM_EXEC_H

#include "trace/context.h"

/* exec_context - the context that a program goes on with where @envp, which it is started with, is that of a traced
 * program: the request's that the calling thread works for. NULL: there is none, or it is that of the environment, which
 * has it already. Signal-safe, also in a vfork child. */
const struct span_context *exec_context(char *const envp[]);

#endif
