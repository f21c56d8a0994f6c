/* shared_stats.h - counters that a test's children share, as a run's processes do in the ring. */
#ifndef TESTS_UNIT_SUPPORT_SHARED_STATS_H
#define TESTS_UNIT_SUPPORT_SHARED_STATS_H

#include "export/run_stats.h"

#include <sys/mman.h>

static inline struct run_stats *shared_stats_new(void)
{
    struct run_stats *stats = mmap(NULL, sizeof *stats, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    run_stats_use(stats);
    return stats;
}

#endif
