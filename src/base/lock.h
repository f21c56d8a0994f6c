/* lock.h - a lock for a stranger's threads: never waits for its own thread (a signal handler that
 * interrupted the holder), never for a thread that a fork left behind, and never for long. */
#ifndef RUN_TRACED_BASE_LOCK_H
#define RUN_TRACED_BASE_LOCK_H

#include "base/clock.h"
#include "base/process.h"

#include <stdbool.h>
#include <stdint.h>

/* How long is waited for another thread. */
#define LOCK_WAIT_MAX_NS (100 * NANOS_PER_MILLI)

struct lock {
    _Atomic uint64_t owner; /* pid << 32 | tid; 0: free */
};

/* lock_acquire - false if it could not be had without risk: what it guards must then be left alone.
 * Held for about a microsecond by everyone, but the holder may be preempted; waits 100 ms at most.
 * Signal-safe. */
bool lock_wait(struct lock *lock, uint64_t owner);
static ALWAYS_INLINE bool lock_acquire(struct lock *lock)
{
    uint64_t owner = 0;
    return LIKELY(atomic_compare_exchange_strong_explicit(&lock->owner, &owner, process_self(), memory_order_acquire,
                                                          memory_order_relaxed)) ||
           lock_wait(lock, owner);
}

/* lock_pause - between two looks at what another thread is to do, the first of which has number 0. That thread may have been
 * preempted, or have a lower priority: after some hundred times only sleeping lets it go on. */
void lock_pause(unsigned spins);

/* lock_release - by the owner only. */
void lock_release(struct lock *lock);

#endif
