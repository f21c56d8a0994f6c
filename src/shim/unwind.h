/* unwind.h - who called: the return addresses on the calling thread's stack.
 *
 * By .eh_frame, so that no frame pointers are needed, and by nothing of any library: no lock, no allocation. Memory
 * is looked at only where it is known to be there, so that a stack that is damaged ends the walk and nothing else. A
 * system call for each page of its own stack that a thread's walks come to for the first time; of another one, which
 * may be gone the next time, for each but the page that is in use. Signal-safe, also on another stack. */
#ifndef RUN_TRACED_SHIM_UNWIND_H
#define RUN_TRACED_SHIM_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A frame that is under way. */
struct unwind_frame {
    uintptr_t pc, sp, fp;
    bool is_interrupted; /* by a signal: pc is the next instruction, not behind a call */
    uintptr_t readable_begin, readable_end; /* of the stack, as far as this walk knows */
};

/* unwind_begin - the function that calls this; as long as it has not returned. */
void unwind_begin(struct unwind_frame *frame);

/* unwind_next - @frame becomes its caller's. False, @frame untouched: there is none, or it cannot be told. Some 15
 * ns, for code that was seen before. */
bool unwind_next(struct unwind_frame *frame);

/* unwind_call - where the frame is in its function: within the call. */
static inline const char *unwind_call(const struct unwind_frame *frame)
{
    return (const char *)frame->pc - !frame->is_interrupted;
}

/* unwind_forget - an object was unloaded: what is known of its code counts no more. */
void unwind_forget(void);

#endif
