/* shell_request.h - the request that a shell is started for by system(3) or popen(3), in a program with several threads:
 * from the thread that calls them to the shell's environment, by way of the ring (export/shell_call.h). */
#ifndef RUN_TRACED_SHIM_SHELL_REQUEST_H
#define RUN_TRACED_SHIM_SHELL_REQUEST_H

#include "export/shell_call.h"

/* shell_request_begin - the calling thread is about to start a shell with @command, which may be NULL or unreadable, and
 * the process's environment @envp. Fills @call. */
void shell_request_begin(struct shell_call *call, const char *command, char *const envp[]);

/* shell_request_adopt - if this process is such a shell, its environment gets the request's context in place of that of
 * the process that has started it. @argv: NULL-terminated. Library start-up only, before TRACEPARENT is read. A load
 * where no thread has ever made such a call. */
void shell_request_adopt(char *const argv[]);

#endif
