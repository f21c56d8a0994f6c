#include "launcher/collector.h"

#include "backend/environment.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "launcher/broken_off.h"
#include "launcher/call_sites.h"
#include "launcher/call_stack.h"
#include "launcher/collector_limits.h"
#include "launcher/line_batch.h"
#include "launcher/newcomers.h"
#include "launcher/outputs.h"
#include "launcher/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* How long spans may lie: short while they come, so that few records are needed; longer in quiet. */
static const uint64_t DELAY_MIN_NS = 2 * NANOS_PER_MILLI;
static const uint64_t DELAY_FEW_NS = 8 * NANOS_PER_MILLI; /* at most, while anything comes */
static const uint64_t DELAY_MAX_NS = 50 * NANOS_PER_MILLI;
/* The last look waits so long for processes that are dying with a span open. */
static const uint64_t DYING_MAX_NS = 50 * NANOS_PER_MILLI;

static void dirty_all(struct ring *ring)
{
    for (uint32_t i = 0; i < RING_DIRTY_WORDS; i++)
        atomic_store(&ring->dirty[i].word, ~0ULL);
}

static int watch(struct collector *collector, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(collector->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int descriptors_open(struct collector *collector)
{
    collector->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    collector->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (collector->epoll_fd < 0 || collector->timer_fd < 0)
        return -errno;
    int error = traced_processes_open(&collector->processes, collector->ring_path);
    collector->processes.newcomers = &collector->newcomers;
    if (!error) /* signals are blocked already; its thread inherits that */
        error = newcomers_open(&collector->newcomers, collector->ring, collector->process_limit);
    if (!error)
        error = watch(collector, collector->timer_fd);
    if (!error)
        error = watch(collector, collector->newcomers.wake_fd);
    /* Before Linux 6.15 a process that its parent has reaped tells nobody how it ended. */
    if (!error && !exit_reason_is_kept())
        error = watch(collector, collector->processes.epoll_fd);
    return error;
}

/* One for each process that makes spans. The command was started with the limit as it was. */
static void descriptor_limit_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int backends_start(struct collector *collector, const struct outputs *outputs, bool is_telling)
{
    struct backend_limits limits = backend_environment_limits();
    limits.is_telling = is_telling;
    if (!outputs->target_count)
        return 0;
    collector->backends = backends_open(outputs->targets, outputs->target_count, &limits);
    return collector->backends ? 0 : -ENOMEM;
}

int collector_open(struct collector *collector, struct ring *ring, const char *path,
                   const struct outputs *outputs, bool is_telling)
{
    *collector = (struct collector){.ring = ring, .ring_path = path};
    descriptor_limit_raise();
    /* libdw would ask servers for debug information. Now, before there are threads that read the environment. */
    unsetenv("DEBUGINFOD_URLS");
    run_stats_use(&ring->stats);
    collector_limits_take(collector);
    /* One before us may have left anything at all. */
    atomic_store(&ring->has_new_process, 1);
    dirty_all(ring);
    collector->batch = line_batch_new(outputs->exporters);
    int error = collector->batch ? descriptors_open(collector) : -ENOMEM;
    return error ? error : backends_start(collector, outputs, is_telling);
}

static void span_output(void *argument, const struct span *span, const struct resource *resource)
{
    struct collector *collector = argument;
    bool is_taken = collector->backends && backends_add(collector->backends, span, resource);
    line_batch_add(collector->batch, span, resource, is_taken);
}

int collector_keep(struct collector *collector, const struct keep *keep)
{
    if (!keep->is_set)
        return 0;
    collector->tail = tail_new(keep, TAIL_MEMORY_MAX, span_output, collector);
    return collector->tail ? 0 : -ENOMEM;
}

void collector_look_up(struct collector *collector, uint64_t oldest_boottime_ns)
{
    collector->call_sites = call_sites_new(oldest_boottime_ns);
}

/* By tail or at once: what is reported comes here. */
static void span_report(void *argument, const struct span *span, const struct resource *resource)
{
    struct collector *collector = argument;
    if (UNLIKELY(collector->tail))
        tail_add(collector->tail, span, resource, clock_monotonic_ns());
    else
        span_output(collector, span, resource);
}

void collector_programs(struct collector *collector, enum process_spans_mode mode, const struct ring_program *root,
                        const struct process_command *command)
{
    if (mode == PROCESS_SPANS_NONE)
        return;
    collector->command = *command;
    collector->process_spans = process_spans_new(mode, root, span_report, collector);
}

static void timer_set(struct collector *collector)
{
    struct itimerspec next = {.it_value = {.tv_sec = 0, .tv_nsec = (long)collector->delay_ns}};
    timerfd_settime(collector->timer_fd, 0, &next, NULL);
}

/* A private copy with lengths that hold; only what is in use of the bytes is copied. */
static void record_copy(struct span *to, const struct span *from)
{
    memcpy(to, from, offsetof(struct span, events));
    uint32_t attributes_len = atomic_load_explicit(&to->attributes_len, memory_order_relaxed);
    to->tracestate_len = MIN(to->tracestate_len, TRACESTATE_LEN_MAX);
    attributes_len = MIN(attributes_len, (uint32_t)sizeof to->bytes - to->tracestate_len);
    atomic_store_explicit(&to->attributes_len, attributes_len, memory_order_relaxed);
    to->name_len = MIN(to->name_len, sizeof to->name);
    to->message_len = MIN(to->message_len, sizeof to->message);
    to->event_count = MIN(to->event_count, SPAN_EVENT_COUNT);
    memcpy(to->events, from->events, to->event_count * sizeof *to->events);
    memcpy(to->message, from->message, to->message_len);
    memcpy(to->bytes, from->bytes, to->tracestate_len + attributes_len);
}

static void newcomers_scan(struct collector *collector)
{
    traced_processes_scan(&collector->processes, collector->ring, collector->process_limit);
}

/* It may have come since we looked; but that is asked once a pass only, whatever the ring says. */
static void process_meet(struct collector *collector, uint32_t process)
{
    if (process < RING_PROCESSES_MAX && !collector->processes.table[process] &&
        !collector->has_scanned) {
        collector->has_scanned = true;
        newcomers_scan(collector);
    }
}

/* Something was seen in it. */
static void process_note_seen(struct collector *collector, uint32_t number)
{
    struct traced_process *process = number < RING_PROCESSES_MAX ? collector->processes.table[number] : NULL;
    if (!process || process->is_noted || !process->program.is_set)
        return;
    process->is_noted = true;
    process_spans_note(collector->process_spans, process->program.span_id);
}

/* A process with connections that were not seen into says so on its own span. */
static void opaque_note(struct collector *collector, struct span *span, uint32_t number)
{
    struct traced_process *process = number < RING_PROCESSES_MAX ? collector->processes.table[number] : NULL;
    if (!process)
        return;
    if (span->role != SPAN_ROLE_PROCESS)
        process->has_opaque = process->has_opaque || span_is_opaque(span);
    else if (process->has_opaque)
        span_set_string(span, ATTRIBUTE_PROCESS_BLIND, "tls", 3);
}

static void span_export(struct collector *collector, struct span *span, uint32_t process)
{
    process_meet(collector, process);
    if (collector->call_sites && process < RING_PROCESSES_MAX) {
        call_sites_describe(collector->call_sites, span, collector->processes.table[process]);
        call_stack_describe(collector->call_sites, span, collector->processes.table[process]);
    }
    const struct resource *resource = traced_processes_resource(&collector->processes, process);
    opaque_note(collector, span, process);
    coverage_note(&collector->coverage, span, resource);
    if (collector->process_spans && span->role == SPAN_ROLE_PROCESS) {
        process_spans_add(collector->process_spans, span, resource);
        return;
    }
    if (collector->process_spans)
        process_note_seen(collector, process);
    span_report(collector, span, resource);
}

/* The record's own state goes first: whoever claims it next and dies at once leaves no old span. */
static void record_free(struct ring *ring, uint32_t index, uint32_t word)
{
    atomic_store_explicit(&ring->records[index].state, SPAN_FREE, memory_order_relaxed);
    atomic_compare_exchange_strong(&ring->states[index], &word,
                                   ring_state_make(SPAN_FREE, ring_state_use(word), 0));
}

/* The next record is likely to have ended as well; its cache lines are another processor's. */
static void next_prefetch(const struct span *record)
{
    for (size_t at = 0; at < RING_USUAL_LEN; at += RING_CACHE_LINE)
        __builtin_prefetch((const char *)(record + 1) + at);
}

static void record_take(struct collector *collector, uint32_t index, uint32_t word)
{
    const struct span *record = &collector->ring->records[index];
    struct span span;
    next_prefetch(record);
    record_copy(&span, record);
    record_free(collector->ring, index, word);
    span_export(collector, &span, ring_state_process(word));
}

static uint32_t group_take(struct collector *collector, uint32_t group)
{
    uint32_t count = 0;
    uint32_t end = MIN((group + 1) * RING_GROUP_LEN, collector->record_limit);
    for (uint32_t i = group * RING_GROUP_LEN; i < end; i++) {
        uint32_t word = atomic_load_explicit(&collector->ring->states[i], memory_order_acquire);
        if (ring_state_of(word) != SPAN_ENDED)
            continue;
        record_take(collector, i, word);
        count++;
    }
    return count;
}

/* Takes what has ended. Returns how many spans. One pass, whatever comes meanwhile. */
static uint32_t ended_take(struct collector *collector)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < RING_DIRTY_WORDS; i++) {
        uint64_t bits = atomic_exchange(&collector->ring->dirty[i].word, 0);
        for (; bits; bits &= bits - 1)
            count += group_take(collector, i * 64 + (uint32_t)__builtin_ctzll(bits));
    }
    return count;
}

/* When what @process had open came to its end; monotonic. */
static uint64_t end_of(const struct traced_process *process)
{
    uint64_t now_ns = clock_monotonic_ns(), boottime_ns = clock_read_ns(CLOCK_BOOTTIME);
    uint64_t ended_ns = process->ended_boottime_ns;
    return ended_ns && ended_ns < boottime_ns ? now_ns - MIN(boottime_ns - ended_ns, now_ns) : now_ns;
}

/* What the dead left: ended spans whose bit they did not live to set, and open ones. */
static void dead_sweep(struct collector *collector)
{
    struct traced_processes *processes = &collector->processes;
    for (uint32_t i = 0; i < collector->record_limit; i++) {
        uint32_t word = atomic_load_explicit(&collector->ring->states[i], memory_order_acquire);
        if (ring_state_of(word) == SPAN_FREE)
            continue;
        uint32_t number = ring_state_process(word);
        struct traced_process *process =
            number < RING_PROCESSES_MAX ? processes->table[number] : NULL;
        if (!process || !process->is_dead)
            continue;
        struct span span;
        record_copy(&span, &collector->ring->records[i]);
        record_free(collector->ring, i, word);
        /* Claimed, and no more. */
        if (ring_state_of(word) == SPAN_OPEN && span.state != SPAN_OPEN)
            continue;
        if (ring_state_of(word) == SPAN_OPEN)
            broken_off_complete(&span, traced_process_reason(process), end_of(process));
        span_export(collector, &span, number);
    }
    traced_processes_forget_dead(processes, collector->ring);
}

static void drain_word(int fd)
{
    uint64_t ignored;
    while (TEMP_FAILURE_RETRY(read(fd, &ignored, sizeof ignored)) == (ssize_t)sizeof ignored)
        ;
}

static uint32_t newcomers_greet(struct collector *collector)
{
    uint32_t count = traced_processes_scan_new(&collector->processes, collector->ring, collector->process_limit);
    bool is_due = count && ++collector->greeting_count % COLLECTOR_GREETINGS_A_SCAN == 0;
    if (newcomers_take_nameless(&collector->newcomers) || is_due) /* who died on the way in has told of nobody */
        newcomers_scan(collector);
    return count;
}

static uint32_t pass(struct collector *collector)
{
    collector->has_scanned = false;
    if (collector->call_sites)
        call_sites_begin(collector->call_sites);
    traced_processes_reap(&collector->processes); /* first: what they did, they have done by now */
    collector->newcomer_count = newcomers_greet(collector);
    uint32_t count = ended_take(collector);
    if (collector->processes.has_dead)
        dead_sweep(collector);
    if (collector->tail)
        tail_work(collector->tail, clock_monotonic_ns());
    line_batch_flush(collector->batch);
    if (collector->backends)
        backends_tick(collector->backends, collector->processes.live_count == 0);
    collector_limits_adapt(collector, count);
    atomic_store(&collector->newcomers.process_limit, collector->process_limit);
    return count;
}

/* Until the next look, after one that has found @count spans. */
static uint64_t delay_choose(const struct collector *collector, uint32_t count)
{
    enum { FEW = 4 };
    bool is_waiting = collector->tail && tail_is_waiting(collector->tail);
    if (collector->processes.live_count == 0 && !is_waiting)
        return 0;
    if (count > FEW || collector->newcomer_count > FEW)
        return DELAY_MIN_NS;
    if (count > 0 || collector->newcomer_count > 0 || collector->delay_ns == 0)
        return MAX(MIN(collector->delay_ns, DELAY_FEW_NS), DELAY_MIN_NS);
    return MIN(2 * collector->delay_ns, DELAY_MAX_NS);
}

void collector_work(struct collector *collector)
{
    drain_word(collector->timer_fd);
    drain_word(collector->newcomers.wake_fd);
    collector->delay_ns = delay_choose(collector, pass(collector));
    timer_set(collector);
    newcomers_note_sleep(&collector->newcomers, collector->delay_ns == 0 || collector->delay_ns > DELAY_FEW_NS);
}

void collector_note_exit(struct collector *collector, pid_t pid, int wait_status)
{
    newcomers_scan(collector);
    traced_processes_note_exit(&collector->processes, pid, wait_status);
    if (pid != collector->command.pid)
        return;
    collector->has_command_ended = true;
    collector->command_status = wait_status;
    collector->command_end_ns = clock_monotonic_ns();
}

uint32_t collector_live_count(const struct collector *collector)
{
    return collector->processes.live_count;
}

/* Does anybody have a span open? A process killed at the same time as the command may take a moment
 * to be gone. */
static bool any_open(const struct collector *collector)
{
    for (uint32_t i = 0; i < collector->record_limit; i++)
        if (ring_state_of(atomic_load_explicit(&collector->ring->states[i],
                                               memory_order_relaxed)) == SPAN_OPEN)
            return true;
    return false;
}

static void all_take(struct collector *collector)
{
    dirty_all(collector->ring);
    newcomers_scan(collector);
    pass(collector);
}

/* Whoever lives on is not heard any more. */
static void living_report(struct collector *collector)
{
    for (uint32_t i = 0; i < collector->record_limit; i++) {
        uint32_t word = atomic_load_explicit(&collector->ring->states[i], memory_order_acquire);
        uint32_t number = ring_state_process(word);
        struct span span;
        if (ring_state_of(word) != SPAN_OPEN || number >= RING_PROCESSES_MAX || !collector->processes.table[number])
            continue;
        record_copy(&span, &collector->ring->records[i]);
        if (span.role != SPAN_ROLE_PROCESS || span.state != SPAN_OPEN)
            continue;
        span_set_string(&span, ATTRIBUTE_PROCESS_END, "running", 7);
        span.end_ns = MAX(clock_monotonic_ns(), span.start_ns);
        span_export(collector, &span, number);
    }
}

static void process_spans_end(struct collector *collector)
{
    struct process_spans_end end = {.stats = &collector->ring->stats,
                                    .command = &collector->command,
                                    .has_status = collector->has_command_ended,
                                    .wait_status = collector->command_status,
                                    .end_ns = collector->command_end_ns};
    if (!collector->process_spans)
        return;
    if (collector->is_closing)
        living_report(collector);
    process_spans_finish(collector->process_spans, &end);
    collector->process_spans = NULL;
}

void collector_leave(struct collector *collector)
{
    all_take(collector);
    process_spans_end(collector);
    if (collector->tail)
        tail_finish(collector->tail, clock_monotonic_ns());
    collector->tail = NULL;
    call_sites_free(collector->call_sites);
    collector->call_sites = NULL;
    line_batch_finish(collector->batch);
    if (collector->backends)
        backends_finish(collector->backends);
    newcomers_close(&collector->newcomers);
}

void collector_close(struct collector *collector)
{
    uint64_t start_ns = clock_monotonic_ns();
    all_take(collector);
    while (collector->processes.live_count > 0 && any_open(collector) &&
           clock_monotonic_ns() - start_ns < DYING_MAX_NS) {
        struct epoll_event event;
        epoll_wait(collector->processes.epoll_fd, &event, 1, 5);
        pass(collector);
    }
    atomic_store(&collector->ring->is_closed, 1);
    traced_processes_give_up_foreign(&collector->processes);
    collector->is_closing = true;
    collector_leave(collector);
}
