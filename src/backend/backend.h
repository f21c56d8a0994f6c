/* backend.h - the collector's way to backends: spans are batched in a backend's own format, the batches wait in a queue, and
 * a thread a backend delivers them, again and again while it is away. The collector itself never waits. */
#ifndef RUN_TRACED_BACKEND_BACKEND_H
#define RUN_TRACED_BACKEND_BACKEND_H

#include "backend/target.h"

enum { BACKENDS_MAX = 8 };

/* What the user may say of all of them. */
struct backend_limits {
    uint32_t batch_spans;     /* in one message: OTEL_BSP_MAX_EXPORT_BATCH_SIZE */
    uint64_t delay_ns;        /* how long a span may wait for others: OTEL_BSP_SCHEDULE_DELAY */
    uint64_t flush_ns;        /* at the end: how long without any success: OTEL_BSP_EXPORT_TIMEOUT */
    size_t memory_max;        /* of one queue, bytes */
    uint64_t memory_spans;    /* and spans: OTEL_BSP_MAX_QUEUE_SIZE */
    uint64_t spill_max;       /* beyond that on the disk */
    const char *spill_path;   /* the folder for that */
    bool is_telling;          /* at once when a backend is away; else at the end */
};

struct backends;

/* backends_open - starts a thread for each of @targets, which must stay. Signals are to be blocked. NULL if there is no
 * memory or thread; a backend that cannot work is named in a message, and the others work. */
struct backends *backends_open(const struct target *targets, unsigned count, const struct backend_limits *limits);

/* backends_add - one more span for all of them. Returns whether any took it. @span must not change meanwhile. */
bool backends_add(struct backends *backends, const struct span *span, const struct resource *resource);

/* backends_tick - sends off what has waited for long enough; @is_quiet: all that there is, nobody will add for a while. */
void backends_tick(struct backends *backends, bool is_quiet);

/* backends_finish - delivers all there is, within the limit. Says so on a terminal if it takes long. */
void backends_finish(struct backends *backends);

/* backends_report - what became of the spans, a line for each backend, by message_print. After backends_finish. */
void backends_report(const struct backends *backends);

void backends_free(struct backends *backends);

#endif
