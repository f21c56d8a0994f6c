/* Criterion runs each test in a process of its own, which learns late which test that is. */
#include "shim/program.h"
#include "shim/real.h"
#include "shim/test_program.h"

/* As Criterion's stats.h has it, from version 2.3 on. */
struct criterion_assert_stats {
    const char *message;
    bool has_passed;
};

EXPORT void criterion_internal_test_setup(void)
{
    int saved = errno;
    program_note_test();
    errno = saved;
    REAL(criterion_internal_test_setup)();
}

EXPORT void criterion_send_assert(struct criterion_assert_stats *stats)
{
    if (!stats->has_passed)
        test_program_note_failure();
    REAL(criterion_send_assert)(stats);
}
