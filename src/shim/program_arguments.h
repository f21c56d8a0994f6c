/* program_arguments.h - the arguments of a program on its span, where RUN_TRACED_PROCESS_ARGS asks for them. */
#ifndef RUN_TRACED_SHIM_PROGRAM_ARGUMENTS_H
#define RUN_TRACED_SHIM_PROGRAM_ARGUMENTS_H

#include "trace/span.h"

/* program_arguments_init - reads RUN_TRACED_PROCESS_ARGS. Library start-up. */
void program_arguments_init(void);

/* program_arguments_set - process.command_args, redacted; where something was cut or left out for want of room,
 * run_traced.process.command_args.cut is true. @argv: NULL-terminated; it, or what it points to, may be unreadable:
 * then it ends there. Signal-safe, also in a vfork child. */
void program_arguments_set(struct span *span, char *const argv[]);

#endif
