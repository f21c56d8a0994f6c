/* sandbox.h - seccomp: from some point on, the kernel may kill the process for a system call that the
 * program does not expect. The library makes none from then on (base/raw.h). */
#ifndef RUN_TRACED_SHIM_SANDBOX_H
#define RUN_TRACED_SHIM_SANDBOX_H

#include <stdbool.h>

enum sandbox {
    SANDBOX_NONE,
    SANDBOX_FILTER,
    SANDBOX_STRICT, /* read, write, exit; on x86 not even the clock, whose instruction is a SIGSEGV then */
};

/* sandbox_prepare - the program is about to enter one: what would need a system call later is done now.
 * Returns false if it is none of ours: a vfork child, which must change nothing. */
bool sandbox_prepare(void);

/* sandbox_enter - it has, after sandbox_prepare returned true. */
void sandbox_enter(enum sandbox sandbox);

/* sandbox_of_syscall - what is entered by this system call with these arguments. */
enum sandbox sandbox_of_syscall(long number, long first, long second);

#endif
