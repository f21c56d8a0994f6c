/* call_stack.h - the addresses of a stack become code.stacktrace. */
#ifndef RUN_TRACED_LAUNCHER_CALL_STACK_H
#define RUN_TRACED_LAUNCHER_CALL_STACK_H

#include "launcher/call_sites.h"

/* call_stack_describe - if the record has addresses, in their place: a line for each, the innermost first, "at
 * function (file:line)", "at function (module)" or "at module+0xoffset", as far as it is known. What there is no
 * room for is counted in a last line. Whatever the record consists of. @process: NULL: not known. */
void call_stack_describe(struct call_sites *sites, struct span *span, struct traced_process *process);

#endif
