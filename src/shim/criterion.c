/* Criterion runs each test in a process of its own, which learns late which test that is. The real functions are looked up when
 * they are called: hardly a program has them. */
#include "shim/program.h"
#include "shim/real.h"
#include "shim/test_program.h"

/* As Criterion's stats.h has it, from version 2.3 on. */
struct criterion_assert_stats {
    const char *message;
    bool has_passed;
};

EXPORT void criterion_internal_test_setup(void);
EXPORT void criterion_send_assert(struct criterion_assert_stats *stats);

void criterion_internal_test_setup(void)
{
    void (*real)(void) = (void (*)(void))real_dlsym(RTLD_NEXT, "criterion_internal_test_setup");
    int saved = errno;
    program_note_test();
    errno = saved;
    if (real)
        real();
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    void (*real)(struct criterion_assert_stats *) =
        (void (*)(struct criterion_assert_stats *))real_dlsym(RTLD_NEXT, "criterion_send_assert");
    if (!stats->has_passed)
        test_program_note_failure();
    if (real)
        real(stats);
}
