#include "backend/retry.h"

#include "base/clock.h"
#include "base/compiler.h"

#define PAUSE_FIRST_NS (200 * NANOS_PER_MILLI)
#define PAUSE_MAX_NS (30 * NANOS_PER_SECOND)
#define ASKED_MAX_NS (300 * NANOS_PER_SECOND)

struct retry retry_begin(uint64_t seed)
{
    return (struct retry){.pause_ns = PAUSE_FIRST_NS, .seed = seed ^ clock_monotonic_ns()};
}

uint64_t retry_next_ns(struct retry *retry, uint64_t asked_ns)
{
    uint64_t half_ns = retry->pause_ns / 2;
    retry->seed = retry->seed * 6364136223846793005ULL + 1442695040888963407ULL;
    uint64_t wait_ns = half_ns + (retry->seed >> 11) % (half_ns + 1);
    retry->pause_ns = MIN(2 * retry->pause_ns, PAUSE_MAX_NS);
    return MAX(wait_ns, MIN(asked_ns, ASKED_MAX_NS));
}
