/* clock.h - the two clocks of a span. Hot path, signal-safe (vDSO; about 40 ns a read). */
#ifndef RUN_TRACED_BASE_CLOCK_H
#define RUN_TRACED_BASE_CLOCK_H

#include "base/compiler.h"

#include <stdint.h>
#include <time.h>

/* clock_read_ns - what @clock says, in nanoseconds. */
static inline uint64_t clock_read_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NANOS_PER_SECOND + (uint64_t)t.tv_nsec;
}

/* clock_monotonic_ns - CLOCK_MONOTONIC in nanoseconds: durations. The same in every process. */
static inline uint64_t clock_monotonic_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

/* clock_unix_nano_at - what CLOCK_REALTIME said (nanoseconds since the Unix epoch) when CLOCK_MONOTONIC
 * said @monotonic_ns, which was lately. Reads a clock at most every 10 ms: by so much it may be late to
 * learn that the time of day was set. */
uint64_t clock_unix_nano_at(uint64_t monotonic_ns);

#endif
