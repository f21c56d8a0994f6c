#include "base/lock.h"

#include "base/compiler.h"
#include "base/process.h"
#include "base/raw.h"

#include <stdatomic.h>

enum { SPINS_BEFORE_YIELD = 100, YIELDS_BEFORE_SLEEP = 100, SLEEP_NS = 50000 };

void lock_pause(unsigned spins)
{
    struct timespec nap = {.tv_nsec = SLEEP_NS};
    if (spins < SPINS_BEFORE_YIELD)
        atomic_signal_fence(memory_order_seq_cst);
    else if (spins < SPINS_BEFORE_YIELD + YIELDS_BEFORE_SLEEP)
        raw_sched_yield();
    else
        raw_syscall3(SYS_nanosleep, (long)&nap, 0, 0);
}

COLD bool lock_wait(struct lock *lock, uint64_t owner)
{
    uint64_t start_ns = clock_monotonic_ns(), me = process_self();
    for (unsigned spins = 0; clock_monotonic_ns() - start_ns < LOCK_WAIT_MAX_NS; spins++) {
        bool is_orphan = owner != 0 && owner >> 32 != me >> 32;
        if (owner == me)
            return false;
        if ((owner == 0 || is_orphan) &&
            atomic_compare_exchange_strong_explicit(&lock->owner, &owner, me, memory_order_acquire,
                                                    memory_order_relaxed))
            return true;
        lock_pause(spins);
        owner = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    }
    return false;
}

void lock_release(struct lock *lock)
{
    atomic_store_explicit(&lock->owner, 0, memory_order_release);
}
