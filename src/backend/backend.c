#include "backend/backend.h"

#include "backend/delivery.h"
#include "backend/retry.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "launcher/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Why spans were lost. */
enum loss { LOSS_NO_ROOM, LOSS_REFUSED, LOSS_NOT_IN_TIME, LOSS_COUNT };

struct backend {
    const struct target *target;
    const struct backend_limits *limits;
    struct transport *transport;
    struct batch *batch;
    uint64_t first_ns; /* when the oldest span came into the batch */
    struct queue queue;
    pthread_t thread;
    bool has_thread;
    _Atomic uint64_t abort_after_ns; /* 0: the run goes on */
    _Atomic bool is_done;
    _Atomic uint64_t sent_count, request_count, retry_count, lost_count[LOSS_COUNT];
    bool is_away;           /* the thread's alone */
    char reason[256];       /* of the last failure; the thread's until it has ended */
};

struct backends {
    struct backend_limits limits;
    unsigned count;
    struct backend list[BACKENDS_MAX];
    char *out; /* for a format that makes its message elsewhere */
};

/* ---- the thread ---- */

static void lose(struct backend *backend, enum loss loss, uint64_t count)
{
    atomic_fetch_add(&backend->lost_count[loss], count);
}

static void away_tell(struct backend *backend, const char *reason)
{
    if (*reason || !backend->reason[0])
        snprintf(backend->reason, sizeof backend->reason, "%s", *reason ? reason : "no answer");
    if (!backend->is_away && backend->limits->is_telling)
        message_print("cannot send spans to %s: %s; trying again", backend->target->name, backend->reason);
    backend->is_away = true;
}

static void here_tell(struct backend *backend)
{
    if (backend->is_away && backend->limits->is_telling)
        message_print("sending spans to %s again", backend->target->name);
    backend->is_away = false;
}

/* A success at the end gives those behind it the whole time again. */
static void deadline_move(struct backend *backend)
{
    if (atomic_load(&backend->abort_after_ns))
        atomic_store(&backend->abort_after_ns, clock_monotonic_ns() + backend->limits->flush_ns);
}

static bool is_over(struct backend *backend)
{
    uint64_t abort_after_ns = atomic_load(&backend->abort_after_ns);
    return abort_after_ns && (clock_monotonic_ns() > abort_after_ns || delivery_is_interrupted());
}

static void message_done(struct backend *backend, const struct message *message, const struct delivery *delivery)
{
    uint64_t rejected = MIN(delivery->rejected_count, message->span_count);
    if (delivery->outcome == DELIVERY_REFUSED)
        rejected = message->span_count;
    if (rejected) {
        lose(backend, LOSS_REFUSED, rejected);
        snprintf(backend->reason, sizeof backend->reason, "%s", delivery->reason);
    }
    atomic_fetch_add(&backend->sent_count, message->span_count - rejected);
    here_tell(backend);
    deadline_move(backend);
}

/* In short naps: the signals are blocked, and none would wake us. */
static void sleep_unless_interrupted(uint64_t ns)
{
    uint64_t end_ns = clock_monotonic_ns() + ns, now_ns;
    while ((now_ns = clock_monotonic_ns()) < end_ns && !delivery_is_interrupted())
        nanosleep(&(struct timespec){.tv_nsec = (long)MIN(end_ns - now_ns, 20 * NANOS_PER_MILLI)}, NULL);
}

/* A wait in which the run's end begins is over with it, but for what the backend itself asked for. False: that is later than
 * the last moment there is. */
static bool wait_for_retry(struct backend *backend, uint64_t wait_ns, uint64_t asked_ns)
{
    uint64_t start_ns = clock_monotonic_ns(), now_ns = start_ns;
    if (!atomic_load(&backend->abort_after_ns)) {
        if (!queue_wait(&backend->queue, wait_ns))
            return true;
        now_ns = clock_monotonic_ns();
        wait_ns = asked_ns > now_ns - start_ns ? asked_ns - (now_ns - start_ns) : 0;
    }
    uint64_t abort_after_ns = atomic_load(&backend->abort_after_ns);
    if (now_ns > abort_after_ns || MIN(wait_ns, asked_ns) > abort_after_ns - now_ns)
        return false;
    sleep_unless_interrupted(MIN(wait_ns, abort_after_ns - now_ns));
    return !is_over(backend);
}

/* False: there is no time left. */
static bool message_deliver(struct backend *backend, const struct message *message)
{
    struct retry retry = retry_begin((uintptr_t)message);
    for (;;) {
        struct delivery delivery;
        transport_send(backend->transport, message, &delivery);
        atomic_fetch_add(&backend->request_count, 1);
        if (delivery.outcome != DELIVERY_LATER) {
            message_done(backend, message, &delivery);
            return true;
        }
        away_tell(backend, delivery.reason);
        uint64_t wait_ns = retry_next_ns(&retry, delivery.retry_after_ns);
        if (is_over(backend) || !wait_for_retry(backend, wait_ns, delivery.retry_after_ns))
            return false;
        atomic_fetch_add(&backend->retry_count, 1);
    }
}

static void *backend_run(void *argument)
{
    struct backend *backend = argument;
    bool is_over_time = false;
    struct message *message;
    while (!is_over_time && (message = queue_take(&backend->queue))) {
        is_over_time = !message_deliver(backend, message);
        if (is_over_time)
            lose(backend, LOSS_NOT_IN_TIME, message->span_count);
        free(message);
    }
    lose(backend, LOSS_NOT_IN_TIME, queue_span_count(&backend->queue));
    atomic_store(&backend->is_done, true);
    return NULL;
}

/* ---- the collector's side ---- */

static void batch_reset(struct batch *batch)
{
    batch->text.len = 0;
    batch->text.overflowed = false;
    batch->span_count = 0;
}

static struct message *message_new(const struct backend *backend, const struct text *text)
{
    const struct batch *batch = backend->batch;
    bool has_parts = backend->target->kind == TARGET_UDP;
    size_t lens_len = has_parts ? batch->span_count * sizeof(uint32_t) : 0;
    struct message *message = malloc(sizeof *message + lens_len + text->len);
    if (!message)
        return NULL;
    *message = (struct message){.span_count = batch->span_count,
                                .part_count = has_parts ? batch->span_count : 0,
                                .len = lens_len + text->len};
    for (unsigned i = 0; i < message->part_count; i++)
        memcpy(message->bytes + i * sizeof(uint32_t), &batch->entries[i].len, sizeof(uint32_t));
    memcpy(message->bytes + lens_len, text->bytes, text->len);
    return message;
}

static void batch_ship(struct backends *backends, struct backend *backend)
{
    struct batch *batch = backend->batch;
    struct text out = text_on(backends->out, BATCH_LEN_MAX);
    if (batch->span_count == 0)
        return;
    struct message *message = message_new(backend, backend->target->format->finish(batch, &out));
    if (!message || !queue_add(&backend->queue, message)) {
        lose(backend, LOSS_NO_ROOM, batch->span_count);
        free(message);
    }
    batch_reset(batch);
}

static bool is_same_group(const struct batch *batch, const struct span *span, const struct resource *resource)
{
    const struct resource *last = &batch->resource;
    return batch->span_count > 0 && batch->pid == span->pid && last->service_name_len == resource->service_name_len &&
           last->attributes_len == resource->attributes_len &&
           memcmp(last, resource, offsetof(struct resource, attributes)) == 0 &&
           memcmp(last->attributes, resource->attributes,
                  MIN(resource->attributes_len, sizeof resource->attributes)) == 0;
}

static void group_note(struct batch *batch, const struct span *span, const struct resource *resource)
{
    batch->pid = span->pid;
    memcpy(&batch->resource, resource,
           offsetof(struct resource, attributes) + MIN(resource->attributes_len, sizeof resource->attributes));
}

static int batch_add(struct backend *backend, const struct span *span, const struct resource *resource)
{
    struct batch *batch = backend->batch;
    const struct format *format = backend->target->format;
    bool is_same = is_same_group(batch, span, resource);
    struct batch_entry *entry = &batch->entries[batch->span_count];
    if (batch->span_count == 0)
        format->begin(batch);
    entry->offset = (uint32_t)batch->text.len;
    int error = format->add(batch, span, resource, is_same);
    if (error)
        return error;
    entry->len = (uint32_t)(batch->text.len - entry->offset);
    memcpy(entry->trace_id, span->trace_id, TRACE_ID_LEN);
    if (!is_same)
        group_note(batch, span, resource);
    if (batch->span_count++ == 0)
        backend->first_ns = clock_monotonic_ns();
    return 0;
}

static bool backend_add(struct backends *backends, struct backend *backend, const struct span *span,
                        const struct resource *resource)
{
    int error = batch_add(backend, span, resource);
    if (error == -ENOSPC || error == -EXDEV) {
        batch_ship(backends, backend);
        batch_reset(backend->batch);
        error = batch_add(backend, span, resource);
    }
    if (backend->batch->span_count >= MIN(backend->limits->batch_spans, (uint32_t)BATCH_SPANS_MAX))
        batch_ship(backends, backend);
    return error == 0;
}

bool backends_add(struct backends *backends, const struct span *span, const struct resource *resource)
{
    bool is_taken = false;
    for (unsigned i = 0; i < backends->count; i++)
        is_taken |= backend_add(backends, &backends->list[i], span, resource);
    return is_taken;
}

void backends_tick(struct backends *backends, bool is_quiet)
{
    uint64_t now_ns = clock_monotonic_ns();
    for (unsigned i = 0; i < backends->count; i++) {
        struct backend *backend = &backends->list[i];
        if (backend->batch->span_count > 0 && (is_quiet || now_ns - backend->first_ns >= backends->limits.delay_ns))
            batch_ship(backends, backend);
    }
}

static bool backend_open(struct backends *backends, struct backend *backend, const struct target *target)
{
    char why[256];
    struct text reason = text_on(why, sizeof why);
    backend->target = target;
    backend->limits = &backends->limits;
    backend->batch = malloc(sizeof *backend->batch + BATCH_LEN_MAX);
    backend->transport = backend->batch ? transport_open(target, &backend->abort_after_ns, &reason) : NULL;
    if (!backend->transport) {
        free(backend->batch);
        message_print("no spans can be sent to %s: %s", target->name, reason.len ? text_terminate(&reason) : "no memory");
        return false;
    }
    backend->batch->text = text_on((char *)(backend->batch + 1), BATCH_LEN_MAX);
    batch_reset(backend->batch);
    queue_open(&backend->queue, backends->limits.memory_max, backends->limits.spill_max, backends->limits.spill_path);
    backend->queue.memory_spans_max = backends->limits.memory_spans;
    backend->has_thread = pthread_create(&backend->thread, NULL, backend_run, backend) == 0;
    if (!backend->has_thread)
        message_print("no spans can be sent to %s: no thread can be made", target->name);
    return backend->has_thread;
}

struct backends *backends_open(const struct target *targets, unsigned count, const struct backend_limits *limits)
{
    struct backends *backends = calloc(1, sizeof *backends);
    if (backends)
        backends->out = malloc(BATCH_LEN_MAX);
    if (!backends || !backends->out) {
        free(backends);
        return NULL;
    }
    backends->limits = *limits;
    for (unsigned i = 0; i < count && backends->count < BACKENDS_MAX; i++)
        backends->count += backend_open(backends, &backends->list[backends->count], &targets[i]);
    return backends;
}

/* ---- the end ---- */

static uint64_t waiting_count(struct backends *backends)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < backends->count; i++)
        count += queue_span_count(&backends->list[i].queue);
    return count;
}

static bool are_done(const struct backends *backends)
{
    for (unsigned i = 0; i < backends->count; i++)
        if (!atomic_load(&backends->list[i].is_done))
            return false;
    return true;
}

static void wait_until_done(struct backends *backends)
{
    struct timespec nap = {.tv_nsec = 5 * NANOS_PER_MILLI};
    uint64_t tell_ns = clock_monotonic_ns() + NANOS_PER_SECOND;
    while (!are_done(backends)) {
        nanosleep(&nap, NULL);
        if (clock_monotonic_ns() < tell_ns || !isatty(STDERR_FILENO))
            continue;
        message_print("%llu spans are still to be sent; Ctrl-C gives them up",
                      (unsigned long long)waiting_count(backends));
        tell_ns += 2 * NANOS_PER_SECOND;
    }
}

void backends_finish(struct backends *backends)
{
    backends_tick(backends, true);
    for (unsigned i = 0; i < backends->count; i++) {
        atomic_store(&backends->list[i].abort_after_ns, clock_monotonic_ns() + backends->limits.flush_ns);
        queue_close(&backends->list[i].queue);
    }
    wait_until_done(backends);
    for (unsigned i = 0; i < backends->count; i++)
        pthread_join(backends->list[i].thread, NULL);
}

static void report_losses(const struct backend *backend)
{
    static const char *const texts[LOSS_COUNT] = {
        [LOSS_NO_ROOM] = "the queue was full",
        [LOSS_REFUSED] = "refused",
        [LOSS_NOT_IN_TIME] = "not taken in time",
    };
    for (unsigned i = 0; i < LOSS_COUNT; i++) {
        uint64_t count = atomic_load(&backend->lost_count[i]);
        if (count)
            message_print("%llu span%s lost for %s: %s%s%s", (unsigned long long)count, count == 1 ? "" : "s",
                          backend->target->name, texts[i], backend->reason[0] ? ": " : "", backend->reason);
    }
}

void backends_report(const struct backends *backends)
{
    for (unsigned i = 0; i < backends->count; i++) {
        const struct backend *backend = &backends->list[i];
        unsigned long long retries = atomic_load(&backend->retry_count);
        if (retries)
            message_print("%llu spans sent to %s; %llu tries were repeated%s%s", (unsigned long long)backend->sent_count,
                          backend->target->name, retries, backend->reason[0] ? ": " : "", backend->reason);
        report_losses(backend);
    }
}

void backends_free(struct backends *backends)
{
    for (unsigned i = 0; i < backends->count; i++) {
        transport_close(backends->list[i].transport);
        queue_free(&backends->list[i].queue);
        free(backends->list[i].batch);
    }
    free(backends->out);
    free(backends);
}
