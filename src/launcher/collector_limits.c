#include "launcher/collector_limits.h"

#include "base/compiler.h"

static uint32_t limit_of(uint32_t shared, uint32_t first, uint32_t max)
{
    return shared >= first && shared <= max ? shared : first;
}

/* Those of a ring that is there already count if there is memory for them. */
void collector_limits_take(struct collector *collector)
{
    struct ring *ring = collector->ring;
    collector->record_limit = limit_of(ring->record_limit, RING_RECORDS_FIRST, RING_RECORDS_MAX);
    collector->process_limit =
        limit_of(ring->process_limit, RING_PROCESSES_FIRST, RING_PROCESSES_MAX);
    if (ring_reserve(collector->ring_path, collector->record_limit, collector->process_limit)) {
        collector->record_limit = RING_RECORDS_FIRST;
        collector->process_limit = RING_PROCESSES_FIRST;
    }
    ring->record_limit = collector->record_limit;
    ring->process_limit = collector->process_limit;
}

/* Doubles what is usable; a full file system leaves it as it is. */
static void limits_grow(struct collector *collector, bool records, bool processes)
{
    uint32_t record_limit = MIN(collector->record_limit * (records ? 2 : 1), RING_RECORDS_MAX);
    uint32_t process_limit =
        MIN(collector->process_limit * (processes ? 2 : 1), RING_PROCESSES_MAX);
    if (ring_reserve(collector->ring_path, record_limit, process_limit))
        return;
    collector->ring->record_limit = collector->record_limit = record_limit;
    collector->ring->process_limit = collector->process_limit = process_limit;
}

/* Has anything been lost for @reason since we last asked? */
static bool has_lost(struct collector *collector, enum drop_reason reason, uint64_t *known)
{
    uint64_t count = atomic_load(&collector->ring->stats.dropped_count[reason]);
    bool is_more = count != *known;
    *known = count;
    return is_more;
}

void collector_limits_adapt(struct collector *collector, uint32_t count)
{
    bool needs_records = has_lost(collector, DROP_RING_FULL, &collector->known_full_count) ||
                         count > collector->record_limit / 4;
    bool needs_processes =
        has_lost(collector, DROP_NO_PROCESS, &collector->known_crowded_count) ||
        collector->processes.live_count > collector->process_limit / 4;
    needs_records = needs_records && collector->record_limit < RING_RECORDS_MAX;
    needs_processes = needs_processes && collector->process_limit < RING_PROCESSES_MAX;
    if (needs_records || needs_processes)
        limits_grow(collector, needs_records, needs_processes);
}
