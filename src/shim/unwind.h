/* unwind.h - who called: the return addresses on the calling thread's stack.
 *
 * By .eh_frame, so that no frame pointers are needed, and by nothing of any library: no lock, no allocation. Memory is looked at
 * only where it is known to be there, so that a stack that is damaged ends the walk and nothing else. A system call for each page
 * of stack that a thread's walks come to for the first time. Signal-safe, also on another stack. */
#ifndef RUN_TRACED_SHIM_UNWIND_H
#define RUN_TRACED_SHIM_UNWIND_H

#include <stddef.h>

/* unwind_callers - up to @max return addresses, the innermost first, this library's own among them. Returns how many. Some 10 ns
 * a frame, once it has been seen before. */
size_t unwind_callers(const void **out, size_t max);

/* unwind_forget - an object was unloaded: what is known of its code counts no more. */
void unwind_forget(void);

#endif
