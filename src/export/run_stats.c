#include "export/run_stats.h"

#include "base/compiler.h"
#include "base/raw.h"

/* Where counts go until (and unless) the run's shared page is mapped. */
static BULKY struct run_stats g_private;
static _Atomic(struct run_stats *) g_stats = &g_private;

static struct run_stats *stats_current(void)
{
    return atomic_load_explicit(&g_stats, memory_order_acquire);
}

static void add_one(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static struct run_stats *stats_map_checked(int fd)
{
    struct stat st;
    if (raw_fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size != (off_t)sizeof(struct run_stats))
        return NULL;
    struct run_stats *stats =
        raw_mmap(sizeof(struct run_stats), PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    if (stats && (stats->magic != RUN_STATS_MAGIC || stats->version != RUN_STATS_VERSION)) {
        raw_munmap(stats, sizeof *stats);
        return NULL;
    }
    return stats;
}

void run_stats_open(const char *path)
{
    if (!path || !*path)
        return;
    /* O_NONBLOCK: should the path name a FIFO, the open must not wait for its other end. */
    int fd = raw_open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return;
    struct run_stats *stats = stats_map_checked(fd);
    raw_close(fd);
    if (stats)
        run_stats_use(stats);
}

void run_stats_use(struct run_stats *stats)
{
    atomic_store_explicit(&g_stats, stats, memory_order_release);
}

/* FNV-1a; 0 stands for an unused place. */
uint64_t run_stats_service_hash(const char *service, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)service[i]) * 0x100000001b3ULL;
    return hash ? hash : 1;
}

/* A set by open addressing. What is beyond RUN_STATS_SERVICES_MAX is not counted. */
static void service_add(struct run_stats *stats, uint64_t hash)
{
    for (unsigned i = 0; i < RUN_STATS_SERVICES_MAX; i++) {
        _Atomic uint64_t *place = &stats->services[(hash + i) % RUN_STATS_SERVICES_MAX];
        uint64_t found = atomic_load_explicit(place, memory_order_relaxed);
        if (found == 0 && atomic_compare_exchange_strong(place, &found, hash))
            return;
        if (found == hash)
            return;
    }
}

struct span_note run_stats_note(const struct span *span, const struct resource *resource)
{
    return (struct span_note){
        .service_hash = run_stats_service_hash(resource->service_name, resource->service_name_len),
        .is_error = span->status == SPAN_STATUS_ERROR,
        .is_opaque = span_is_opaque(span),
        .is_process = span->role == SPAN_ROLE_PROCESS,
    };
}

void run_stats_count_span(const struct span_note *note)
{
    struct run_stats *stats = stats_current();
    if (note->is_process) {
        add_one(&stats->process_span_count);
        return;
    }
    add_one(&stats->span_count);
    if (note->is_error)
        add_one(&stats->error_count);
    if (note->is_opaque)
        add_one(&stats->opaque_count);
    service_add(stats, note->service_hash);
}

void run_stats_count_drop(enum drop_reason reason, int error)
{
    run_stats_count_drops(reason, error, 1);
}

void run_stats_count_drops(enum drop_reason reason, int error, uint64_t count)
{
    struct run_stats *stats = stats_current();
    atomic_fetch_add_explicit(&stats->dropped_count[reason], count, memory_order_relaxed);
    if (error)
        atomic_store_explicit(&stats->last_errno[reason], error, memory_order_relaxed);
}

void run_stats_count_sampled_out(uint64_t count)
{
    atomic_fetch_add_explicit(&stats_current()->sampled_out_count, count, memory_order_relaxed);
}

void run_stats_count_decided_early(void)
{
    add_one(&stats_current()->decided_early_count);
}

void run_stats_count_process(void)
{
    add_one(&stats_current()->process_count);
}

unsigned run_stats_service_count(const struct run_stats *stats)
{
    unsigned count = 0;
    for (unsigned i = 0; i < RUN_STATS_SERVICES_MAX; i++)
        count += atomic_load_explicit(&stats->services[i], memory_order_relaxed) != 0;
    return count;
}

enum attribute_key drop_reason_attribute(enum drop_reason reason)
{
    _Static_assert(ATTRIBUTE_DROPPED_NO_PROCESS - ATTRIBUTE_DROPPED_NO_MEMORY == DROP_NO_PROCESS, "in the same order");
    return (enum attribute_key)(ATTRIBUTE_DROPPED_NO_MEMORY + (unsigned)reason);
}

const char *drop_reason_text(unsigned reason)
{
    static const char *const texts[DROP_REASON_COUNT] = {
        [DROP_NO_MEMORY] = "there was no memory left for a record or a buffer",
        [DROP_WRITE_FAILED] = "the spans file could not be written",
        [DROP_SOCKET_FULL] = "the socket's peer did not read fast enough",
        [DROP_SOCKET_GONE] = "the socket's peer was not there",
        [DROP_BUSY] = "another thread was writing for too long",
        [DROP_DAMAGED] = "the record was not a valid span",
        [DROP_RING_FULL] = "they came faster than they could be collected",
        [DROP_NO_PROCESS] = "there were too many processes at a time",
    };
    return reason < ARRAY_LEN(texts) ? texts[reason] : NULL;
}
