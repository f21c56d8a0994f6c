/* The counters of a run: shared by processes, and never a danger to them. */
#include "support/shared_stats.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static void count(const char *service, size_t service_len, bool is_error)
{
    run_stats_count_span(&(struct span_note){run_stats_service_hash(service, service_len), is_error, false, false});
}

Test(run_stats, counts_of_several_processes_add_up)
{
    struct run_stats *stats = shared_stats_new();
    cr_assert(stats);
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
                    run_stats_count_process();
            for (int j = 0; j < 1000; j++)
                count(i < 2 ? "a" : "b", 1, j % 10 == 0);
            run_stats_count_drop(DROP_WRITE_FAILED, ENOSPC);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    cr_expect_eq(stats->process_count, 4);
    cr_expect_eq(stats->span_count, 4000);
    cr_expect_eq(stats->error_count, 400);
    cr_expect_eq(stats->dropped_count[DROP_WRITE_FAILED], 4);
    cr_expect_eq(stats->last_errno[DROP_WRITE_FAILED], ENOSPC);
    cr_expect_eq(stats->dropped_count[DROP_BUSY], 0);
    cr_expect_eq(run_stats_service_count(stats), 2);
}

Test(run_stats, a_full_set_of_services_stays_full)
{
    struct run_stats *stats = shared_stats_new();
    for (unsigned i = 0; i < 2 * RUN_STATS_SERVICES_MAX; i++) {
        count((const char *)&i, sizeof i, false);
        count((const char *)&i, sizeof i, false);
        cr_assert_eq(run_stats_service_count(stats),
                     i < RUN_STATS_SERVICES_MAX ? i + 1 : RUN_STATS_SERVICES_MAX);
    }
}

Test(run_stats, every_drop_reason_has_a_text)
{
    for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
        cr_expect(drop_reason_text(i) && *drop_reason_text(i));
    cr_expect_null(drop_reason_text(DROP_REASON_COUNT));
}
