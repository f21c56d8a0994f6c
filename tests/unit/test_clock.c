/* test_clock.c - the time of day of a moment on the monotonic clock. */
#include "base/clock.h"

#include <criterion/criterion.h>

/* It cannot be earlier than what the clock said before, nor later than what it says afterwards, but for
 * the time between the two readings that the offset is made of. */
static void assert_is_now(void)
{
    uint64_t before_ns = clock_read_ns(CLOCK_REALTIME);
    uint64_t told_ns = clock_unix_nano_at(clock_monotonic_ns());
    uint64_t after_ns = clock_read_ns(CLOCK_REALTIME);
    cr_assert(told_ns + NANOS_PER_MILLI >= before_ns && told_ns <= after_ns + NANOS_PER_MILLI,
              "%llu is not between %llu and %llu", (unsigned long long)told_ns,
              (unsigned long long)before_ns, (unsigned long long)after_ns);
}

Test(clock, the_first_time_and_again_and_once_the_offset_is_old)
{
    uint64_t begin_ns = clock_monotonic_ns();
    while (clock_monotonic_ns() - begin_ns < 50 * NANOS_PER_MILLI)
        assert_is_now();
}

Test(clock, moments_keep_their_distance)
{
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t told_ns = clock_unix_nano_at(now_ns);
    cr_assert_eq(told_ns - clock_unix_nano_at(now_ns - 5 * NANOS_PER_SECOND),
                 5 * NANOS_PER_SECOND);
}
