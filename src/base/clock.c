#include "base/clock.h"

#include <stdatomic.h>

/* For how long the two clocks are taken to run side by side: as long as a timestamp stays wrong after
 * the time of day was set, or the machine slept. */
#define OFFSET_MAX_AGE_NS (10 * NANOS_PER_MILLI)

/* Two readings of one clock lie so close together when nothing comes in between. */
#define READ_TIME_NS (2 * NANOS_PER_MICRO)
enum { READ_TRIES = 4 };

static _Atomic uint64_t g_offset_ns;    /* CLOCK_REALTIME minus CLOCK_MONOTONIC, modulo 2^64 */
static _Atomic uint64_t g_offset_at_ns; /* monotonic, when that was read; 0: never */

/* The thread may be interrupted between the two clocks: the closest pair of a few counts. */
static COLD uint64_t offset_read(uint64_t monotonic_ns)
{
    uint64_t offset_ns = 0, closest_ns = UINT64_MAX, after_ns = 0;
    for (int i = 0; i < READ_TRIES && closest_ns > READ_TIME_NS; i++) {
        uint64_t before_ns = clock_monotonic_ns();
        uint64_t realtime_ns = clock_read_ns(CLOCK_REALTIME);
        after_ns = clock_monotonic_ns();
        if (after_ns - before_ns >= closest_ns)
            continue;
        closest_ns = after_ns - before_ns;
        offset_ns = realtime_ns - (before_ns + closest_ns / 2);
    }
    atomic_store_explicit(&g_offset_ns, offset_ns, memory_order_relaxed);
    atomic_store_explicit(&g_offset_at_ns, MAX(after_ns, monotonic_ns), memory_order_relaxed);
    return offset_ns;
}

uint64_t clock_unix_nano_at(uint64_t monotonic_ns)
{
    uint64_t read_at_ns = atomic_load_explicit(&g_offset_at_ns, memory_order_relaxed);
    int64_t age_ns = (int64_t)(monotonic_ns - read_at_ns);
    if (UNLIKELY(read_at_ns == 0 || age_ns > (int64_t)OFFSET_MAX_AGE_NS))
        return monotonic_ns + offset_read(monotonic_ns);
    return monotonic_ns + atomic_load_explicit(&g_offset_ns, memory_order_relaxed);
}
