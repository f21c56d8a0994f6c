/* parked.h - native threads that wait, each on a condition variable of its own, for their next thread's work: whoever
 * signals one starts a thread, without pthread_create. */
#ifndef RUN_TRACED_TRACE_PARKED_H
#define RUN_TRACED_TRACE_PARKED_H

#include "base/compiler.h"

#include <stdatomic.h>
#include <stdint.h>

struct parked;

/* Behind the function below: not to be used directly. */
extern _Atomic uint32_t g_parked_count;
void parked_start_new(const void *condition);

/* parked_enter - the calling thread's work is done: it knows nothing any more, and is about to wait on @condition, where
 * nobody else does. NULL if too many do. */
struct parked *parked_enter(const void *condition);

/* parked_leave - it has waited, or is cancelled: if it was started anew, it inherits as a new thread would. @parked: what
 * parked_enter gave, or NULL. */
void parked_leave(struct parked *parked);

/* parked_start - @condition is about to be signalled: who waits there goes on with what the calling thread works for. One
 * load where nobody is parked. */
static inline void parked_start(const void *condition)
{
    if (UNLIKELY(atomic_load_explicit(&g_parked_count, memory_order_relaxed)))
        parked_start_new(condition);
}

#endif
