/* lock.h - a lock for a stranger's threads: never waits for its own thread (a signal handler that
 * interrupted the holder), never for a thread that a fork left behind, and never for long. */
#ifndef RUN_TRACED_BASE_LOCK_H
#define RUN_TRACED_BASE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct lock {
    _Atomic uint64_t owner; /* pid << 32 | tid; 0: free */
};

/* lock_acquire - false if it could not be had without risk: what it guards must then be left alone.
 * Held for about a microsecond by everyone, but the holder may be preempted; waits 100 ms at most.
 * Signal-safe. */
bool lock_acquire(struct lock *lock);

/* lock_release - by the owner only. */
void lock_release(struct lock *lock);

#endif
