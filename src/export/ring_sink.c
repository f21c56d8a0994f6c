#include "export/ring_sink.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/lock.h"
#include "base/process.h"
#include "base/raw.h"
#include "export/ring.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>

/* How many records are tried before a span is given up, and after that, how many spans are given up
 * without a try: a full ring costs less than one with room. */
enum { PROBES_MAX = 512, PROBES_PER_RUN = 64, REST_AFTER_FULL = 64 };

static struct ring *g_ring;
static struct lock g_register_lock; /* taking a number, or giving up the ring */
static bool g_is_released;          /* guarded by it */
static _Atomic uint32_t g_cursor; /* where the next free record is looked for */
static _Atomic uint32_t g_rest;   /* spans to be given up without a try */
static uint64_t g_pid_namespace; /* that of process g_pid_namespace_pid, and no other */
static int g_pid_namespace_pid;
static struct ring_program g_program; /* this process's span, or the one that it was forked under */

/* Limits come from shared memory: whatever they say, we stay inside. */
static uint32_t record_limit(void)
{
    uint32_t limit = atomic_load_explicit(&g_ring->record_limit, memory_order_relaxed);
    return limit - 1 < RING_RECORDS_MAX ? limit : RING_RECORDS_FIRST;
}

/* @number % @limit: limits are powers of two, unless somebody has overwritten them, and a division takes as long as all
 * else that is done to find a record. */
static uint32_t place_within(uint32_t number, uint32_t limit)
{
    return LIKELY((limit & (limit - 1)) == 0) ? number & (limit - 1) : number % limit;
}

static uint32_t process_limit(void)
{
    uint32_t limit = atomic_load_explicit(&g_ring->process_limit, memory_order_relaxed);
    return limit - 1 < RING_PROCESSES_MAX ? limit : RING_PROCESSES_FIRST;
}

/* Asking /proc takes as long as all else that is done here, five times over. */
static uint64_t own_pid_namespace(int pid)
{
    return g_pid_namespace_pid == pid ? g_pid_namespace : ring_pid_namespace();
}

static bool process_claim(uint32_t number, int pid, uint64_t pid_namespace, const struct ring_program *program)
{
    struct ring_process *process = &g_ring->processes[number];
    uint64_t identity = 0;
    if (!atomic_compare_exchange_strong(&process->identity, &identity,
                                        (uint64_t)(uint32_t)pid << 8 | RING_PROCESS_CLAIMED))
        return false;
    process->start_boottime_ns = clock_read_ns(CLOCK_BOOTTIME);
    process->pid_namespace = pid_namespace;
    process->program = *program;
    process->program_record = 0;
    atomic_store_explicit(&process->killed_status, 0, memory_order_relaxed);
    const struct resource *resource = resource_current();
    memcpy(&process->resource, resource,
           offsetof(struct resource, attributes) + resource->attributes_len);
    return true;
}

static void process_announce(uint32_t number, int pid, enum ring_process_state state)
{
    atomic_store_explicit(&g_ring->processes[number].identity, (uint64_t)(uint32_t)pid << 8 | state,
                          memory_order_release);
    atomic_fetch_or_explicit(&g_ring->new_processes[number / 64], 1ULL << number % 64, memory_order_release);
    /* Once in a process's life: so that the collector knows it before it can be gone. If it has been told of others
     * already it has yet to look. */
    if (!atomic_exchange_explicit(&g_ring->has_new_process, 1, memory_order_acq_rel))
        raw_syscall6(SYS_futex, (long)&g_ring->has_new_process, FUTEX_WAKE, 1, 0, 0, 0);
}

/* A place of its own for @pid, + 1; 0: there is none. */
static uint32_t process_place(int pid, uint64_t pid_namespace, const struct ring_program *program)
{
    uint32_t limit = process_limit();
    for (uint32_t i = 0; i < limit; i++) {
        uint32_t number = ((uint32_t)pid + i) % limit;
        uint64_t identity =
            atomic_load_explicit(&g_ring->processes[number].identity, memory_order_relaxed);
        if (identity == 0 && process_claim(number, pid, pid_namespace, program))
            return number + 1;
    }
    return 0;
}

static uint32_t process_register(struct process_page *page)
{
    int pid = process_pid();
    uint32_t number = process_place(pid, own_pid_namespace(pid), &g_program);
    if (!number)
        return 0;
    process_announce(number - 1, pid, RING_PROCESS_READY);
    atomic_store_explicit(&g_cursor, (number - 1) * RING_GROUP_LEN, memory_order_relaxed);
    atomic_store_explicit(&page->ring_registered, number, memory_order_release);
    return number;
}

/* This process's number + 1, or 0 if the ring has no room for more processes. One number a process:
 * two would look like two programs in it, one after the other. */
static COLD uint32_t process_register_once(struct process_page *page)
{
    if (g_raw_is_forbidden || !lock_acquire(&g_register_lock)) /* in a sandbox it cannot say who it is */
        return 0;
    uint32_t number = atomic_load_explicit(&page->ring_registered, memory_order_acquire);
    if (number == 0 && !g_is_released)
        number = process_register(page);
    if (!g_is_released)
        atomic_store_explicit(&page->ring_process, number, memory_order_release);
    lock_release(&g_register_lock);
    return g_is_released ? 0 : number;
}

/* A fork child starts without one: its page was wiped. */
static uint32_t process_number_plus_one(void)
{
    struct process_page *page = process_page();
    uint32_t number = atomic_load_explicit(&page->ring_process, memory_order_acquire);
    return LIKELY(number) ? number : process_register_once(page);
}

static struct span *record_try(uint32_t index, uint32_t process)
{
    _Atomic uint32_t *state = &g_ring->states[index];
    uint32_t word = atomic_load_explicit(state, memory_order_relaxed);
    if (ring_state_of(word) != SPAN_FREE ||
        !atomic_compare_exchange_strong_explicit(
            state, &word, ring_state_make(SPAN_OPEN, ring_state_use(word) + 1, process),
            memory_order_acquire, memory_order_relaxed))
        return NULL;
    struct span *span = &g_ring->records[index];
    span->index = index;
    return span;
}

/* A process starts at a place of its own, and comes back there as soon as that has been collected:
 * under a load that the collector keeps up with, few records are used, and they stay in the cache. At the very first
 * place its own span stays. */
static uint32_t cursor_place(uint32_t process, uint32_t limit)
{
    uint32_t home = place_within(process * RING_GROUP_LEN, limit);
    for (uint32_t place = home; place < home + 2; place++) /* both are in one group */
        if (ring_state_of(atomic_load_explicit(&g_ring->states[place], memory_order_relaxed)) == SPAN_FREE)
            return place;
    return place_within(atomic_load_explicit(&g_cursor, memory_order_relaxed), limit);
}

/* The next record will most likely be the one behind this. The collector has read what was in it, and to
 * take a cache line back from another processor takes longer than to fill it: 0.18 us a span in all. */
static void next_prefetch(uint32_t index)
{
    const char *next = (const char *)&g_ring->records[(index + 1) % RING_RECORDS_MAX];
#pragma GCC unroll 16
    for (size_t at = 0; at < RING_USUAL_LEN; at += RING_CACHE_LINE)
        prefetch_to_write(next + at);
}

static bool is_resting(void)
{
    uint32_t rest = atomic_load_explicit(&g_rest, memory_order_relaxed);
    if (LIKELY(rest == 0))
        return false;
    atomic_store_explicit(&g_rest, rest - 1, memory_order_relaxed);
    return true;
}

static COLD struct span *ring_is_full(void)
{
    run_stats_count_drop(DROP_RING_FULL, 0);
    return NULL;
}

/* The i-th place to look at: run by run, from places all over the ring, so that many spans which stay
 * open in a row are no hindrance. */
static uint32_t probe_index(uint32_t cursor, uint32_t i, uint32_t limit)
{
    return place_within(cursor + i + i / PROBES_PER_RUN * (limit / (PROBES_MAX / PROBES_PER_RUN)), limit);
}

static struct span *record_find(uint32_t process, uint32_t cursor, uint32_t limit)
{
    for (uint32_t i = 0; i < PROBES_MAX; i++) {
        uint32_t index = probe_index(cursor, i, limit);
        struct span *span = record_try(index, process);
        if (LIKELY(span))
            return span;
    }
    return NULL;
}

static struct span *ring_claim(void)
{
    if (UNLIKELY(atomic_load_explicit(&g_ring->is_closed, memory_order_relaxed)))
        return NULL;
    uint32_t number = process_number_plus_one();
    if (UNLIKELY(number == 0)) {
        run_stats_count_drop(DROP_NO_PROCESS, 0);
        return NULL;
    }
    uint32_t limit = record_limit();
    uint32_t cursor = cursor_place(number - 1, limit);
    if (is_resting())
        return ring_is_full();
    struct span *span = record_try(cursor, number - 1);
    if (UNLIKELY(!span))
        span = record_find(number - 1, cursor, limit);
    if (LIKELY(span)) {
        atomic_store_explicit(&g_cursor, span->index + 1, memory_order_relaxed);
        next_prefetch(span->index);
        return span;
    }
    atomic_store_explicit(&g_rest, REST_AFTER_FULL, memory_order_relaxed);
    return ring_is_full();
}

/* The record's state word, if the record is this process's and open: a fork child may hold the pointer
 * to a record of its parent's. */
static _Atomic uint32_t *own_open_state(struct span *span, uint32_t *word)
{
    size_t index = (size_t)(span - g_ring->records);
    if (UNLIKELY(index >= RING_RECORDS_MAX))
        return NULL;
    *word = atomic_load_explicit(&g_ring->states[index], memory_order_relaxed);
    uint32_t number = atomic_load_explicit(&process_page()->ring_registered, memory_order_relaxed);
    bool is_own = ring_state_of(*word) == SPAN_OPEN && ring_state_process(*word) + 1 == number;
    return is_own ? &g_ring->states[index] : NULL;
}

static void ring_publish(struct span *span)
{
    uint32_t word;
    _Atomic uint32_t *state = own_open_state(span, &word);
    if (!state)
        return;
    size_t group = (size_t)(state - g_ring->states) / RING_GROUP_LEN;
    uint32_t ended =
        ring_state_make(SPAN_ENDED, ring_state_use(word), ring_state_process(word));
    atomic_store_explicit(state, ended, memory_order_release);
    /* After the state, always: the collector clears the bit first and looks then. */
    atomic_fetch_or_explicit(&g_ring->dirty[group / 64].word, 1ULL << group % 64,
                             memory_order_acq_rel);
}

static void ring_abandon(struct span *span)
{
    uint32_t word;
    _Atomic uint32_t *state = own_open_state(span, &word);
    if (!state)
        return;
    atomic_store_explicit(&span->state, SPAN_FREE, memory_order_relaxed);
    atomic_store_explicit(state, ring_state_make(SPAN_FREE, ring_state_use(word), 0),
                          memory_order_release);
}

/* The ring is as large as many a limit; a process that makes spans by itself needs less. */
static bool is_memory_limited(void)
{
    struct rlimit limit;
    return raw_getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/* All but what every process counts in. Whoever has no number yet has no pointer into the rest. */
bool ring_sink_release(void)
{
    enum { KEPT_LEN = 4096 };
    _Static_assert(offsetof(struct ring, stats) + sizeof(struct run_stats) <= KEPT_LEN, "counts stay");
    if (!g_ring || !lock_acquire(&g_register_lock))
        return false;
    if (!g_is_released && atomic_load(&process_page()->ring_process) == 0) {
        g_is_released = true;
        raw_munmap((char *)g_ring + KEPT_LEN, sizeof *g_ring - KEPT_LEN);
    }
    lock_release(&g_register_lock);
    return g_is_released;
}

/* ---- programs ---- */

struct ring *ring_sink_ring(void)
{
    return g_is_released ? NULL : g_ring;
}

bool ring_sink_is_used(void)
{
    return g_ring != NULL;
}

bool ring_sink_keeps_environment(void)
{
    return g_ring && g_ring->keeps_environment;
}

bool ring_sink_has_programs(void)
{
    return g_ring && g_ring->has_programs;
}

bool ring_sink_take_root(struct ring_program *out)
{
    uint32_t none = 0;
    if (!g_ring->root.is_set || g_ring->command_pid != process_pid() ||
        !atomic_compare_exchange_strong(&g_ring->root_is_made, &none, 1))
        return false;
    *out = g_ring->root;
    return true;
}

/* That of a process which was executed before in this one has not ended; one that has is some earlier process's. */
static bool is_of_predecessor(const struct ring_process *process)
{
    uint32_t record = process->program_record - 1;
    return record < RING_RECORDS_MAX && ring_state_of(atomic_load(&g_ring->states[record])) == SPAN_OPEN;
}

/* One that is about to execute a program has as good as done so, for who comes after it. */
static bool is_ready_as(const struct ring_process *process, int pid)
{
    uint64_t identity = atomic_load_explicit(&process->identity, memory_order_acquire);
    return identity >> 8 == (uint32_t)pid && (identity & 0xff) >= RING_PROCESS_READY &&
           (identity & 0xff) != RING_PROCESS_ABANDONED;
}

/* Who has registered as @pid and is under a program; NULL: nobody near where it would have been put, when the limit
 * was what it is or less. */
static const struct ring_process *process_find(int pid)
{
    enum { PLACES = 4 }; /* each is a page that is touched */
    for (uint32_t limit = process_limit(); limit >= RING_PROCESSES_FIRST; limit /= 2)
        for (uint32_t i = 0; i < PLACES; i++) {
            const struct ring_process *process = &g_ring->processes[((uint32_t)pid + i) % limit];
            if (is_ready_as(process, pid) && process->program.is_set)
                return process;
        }
    return NULL;
}

/* Whose span id we were given must be it: a number may be another one's, in another namespace. */
static const struct ring_process *parent_find(int pid, const uint8_t span_id[SPAN_ID_LEN])
{
    const struct ring_process *parent = process_find(pid);
    return parent && memcmp(parent->program.span_id, span_id, SPAN_ID_LEN) == 0 ? parent : NULL;
}

bool ring_sink_parent_runs_tests(int pid, const uint8_t span_id[SPAN_ID_LEN])
{
    const struct ring_process *parent = g_ring ? parent_find(pid, span_id) : NULL;
    return !parent || parent->program.runs_tests;
}

void ring_sink_recognise_parent(int pid, const uint8_t span_id[SPAN_ID_LEN])
{
    const struct ring_process *parent = parent_find(pid, span_id);
    if (!parent)
        return;
    g_pid_namespace = parent->pid_namespace;
    g_pid_namespace_pid = process_pid();
}

bool ring_sink_find_ancestor(struct ring_program *out)
{
    enum { GENERATIONS_MAX = 16 };
    uint64_t pid_namespace = ring_pid_namespace();
    int own_pid = process_pid(), pid = own_pid;
    for (int i = 0; i < GENERATIONS_MAX && pid > 1; i++) {
        const struct ring_process *found = process_find(pid);
        if (found && !ring_process_is_foreign(found, pid_namespace) && (pid != own_pid || is_of_predecessor(found))) {
            *out = found->program;
            return true;
        }
        pid = process_parent_of(pid);
    }
    *out = g_ring->root;
    return out->is_set;
}

bool ring_sink_is_command(void)
{
    return g_ring && g_ring->command_pid == process_pid();
}

const struct span *ring_sink_predecessor(void)
{
    const struct ring_process *before = g_ring ? process_find(process_pid()) : NULL;
    return before && is_of_predecessor(before) ? &g_ring->records[before->program_record - 1] : NULL;
}

void ring_sink_set_program(const struct ring_program *program)
{
    g_program = *program;
}

void ring_sink_note_program(const struct span *span)
{
    uint32_t number = atomic_load(&process_page()->ring_registered);
    g_program.is_set = span != NULL;
    if (!number)
        return;
    g_ring->processes[number - 1].program.is_set = span != NULL;
    g_ring->processes[number - 1].program_record = span ? span->index + 1 : 0;
    /* Till the process claims more, nobody but the caller has a pointer into the ring. */
    atomic_store(&process_page()->ring_process, 0);
}

/* ---- marks ---- */

uint32_t ring_sink_mark_count(void)
{
    return g_ring ? atomic_load_explicit(&g_ring->mark_count, memory_order_acquire) : 0;
}

static bool mark_read(const struct ring_mark *mark, struct ring_sink_mark *out)
{
    uint64_t owner = atomic_load_explicit(&mark->owner, memory_order_acquire);
    if (owner >> 32 != (uint32_t)process_pid() || owner & 1 || mark->pid_namespace != ring_pid_namespace())
        return false;
    out->version = (uint32_t)owner;
    out->monotonic_ns = mark->monotonic_ns;
    out->name_len = MIN(mark->name_len, sizeof out->name);
    memcpy(out->name, mark->name, out->name_len);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&mark->owner, memory_order_relaxed) == owner;
}

bool ring_sink_find_mark(struct ring_sink_mark *out)
{
    for (unsigned i = 0; g_ring && !g_is_released && i < RING_MARKS_MAX; i++)
        if (mark_read(&g_ring->marks[i], out))
            return true;
    return false;
}

const struct span_sink *ring_sink_init(const char *path)
{
    static const struct span_sink sink = {ring_claim, ring_publish, ring_abandon};
    if (!path || !*path || is_memory_limited() || ring_open(path, &g_ring) != 0)
        return NULL;
    process_pid(); /* before there is a vfork child that could be taken for this process */
    run_stats_use(&g_ring->stats);
    return &sink;
}

static void name_set(char *field, uint16_t *field_len, size_t field_max, const char *name, size_t len)
{
    *field_len = (uint16_t)MIN(len, field_max);
    memcpy(field, name, *field_len);
}

/* What the process says of itself, but for its name. */
static void resource_rename(struct resource *resource, const char *name, size_t len)
{
    const char *given = getenv("OTEL_SERVICE_NAME");
    name_set(resource->executable_name, &resource->executable_name_len, sizeof resource->executable_name, name, len);
    if (!given || !*given)
        name_set(resource->service_name, &resource->service_name_len, sizeof resource->service_name, name, len);
}

struct span *ring_sink_claim_unseen(int pid, bool is_certain, const struct ring_program *program, const char *name,
                                    size_t len)
{
    if (!g_ring || g_is_released || atomic_load_explicit(&g_ring->is_closed, memory_order_relaxed))
        return NULL;
    /* Whose parent is in our namespace is in it too, as far as anybody can see. */
    uint32_t number = process_place(pid, own_pid_namespace(process_pid()), program);
    if (!number) {
        run_stats_count_drop(DROP_NO_PROCESS, 0);
        return NULL;
    }
    resource_rename(&g_ring->processes[number - 1].resource, name, len);
    uint32_t limit = record_limit();
    struct span *span = record_find(number - 1, (number - 1) * RING_GROUP_LEN % limit, limit);
    if (span)
        g_ring->processes[number - 1].program_record = span->index + 1;
    if (!span && !is_certain) /* nobody would know the place by which to give it back */
        atomic_store(&g_ring->processes[number - 1].identity, RING_PROCESS_FREE);
    else
        process_announce(number - 1, pid, is_certain ? RING_PROCESS_READY : RING_PROCESS_EXECUTING);
    return span ? span : ring_is_full();
}

/* The collector may come in between; it has the place until it has seen that it is abandoned. */
static void place_give_back(struct ring_process *process)
{
    uint64_t identity = (uint64_t)(uint32_t)raw_getpid() << 8 | RING_PROCESS_EXECUTING;
    uint64_t watched = identity - RING_PROCESS_EXECUTING + RING_PROCESS_WATCHED;
    uint64_t abandoned = identity - RING_PROCESS_EXECUTING + RING_PROCESS_ABANDONED;
    if (!atomic_compare_exchange_strong(&process->identity, &identity, RING_PROCESS_FREE))
        atomic_compare_exchange_strong(&process->identity, &watched, abandoned);
}

void ring_sink_abandon_unseen(struct span *span)
{
    uint32_t word = atomic_load(&g_ring->states[span->index]);
    atomic_store_explicit(&span->state, SPAN_FREE, memory_order_relaxed);
    atomic_store(&g_ring->states[span->index], ring_state_make(SPAN_FREE, ring_state_use(word), 0));
    place_give_back(&g_ring->processes[ring_state_process(word)]);
}

/* All places of its programs, near where process_place() began when the limit was @limit. */
static void killed_note(int pid, int wait_status, uint64_t pid_namespace, uint32_t limit)
{
    enum { PLACES_MAX = 64 };
    for (uint32_t i = 0; i < MIN(limit, PLACES_MAX); i++) {
        struct ring_process *process = &g_ring->processes[((uint32_t)pid + i) % limit];
        uint64_t identity = atomic_load_explicit(&process->identity, memory_order_acquire);
        if (identity == ((uint64_t)(uint32_t)pid << 8 | RING_PROCESS_READY) &&
            !ring_process_is_foreign(process, pid_namespace))
            atomic_store_explicit(&process->killed_status, (uint32_t)wait_status, memory_order_release);
    }
}

void ring_sink_note_killed(int pid, int wait_status)
{
    if (!g_ring || g_is_released || g_raw_is_forbidden)
        return;
    uint64_t pid_namespace = own_pid_namespace(process_pid());
    for (uint32_t limit = process_limit(); limit >= RING_PROCESSES_FIRST; limit /= 2) /* it grows by doubling */
        killed_note(pid, wait_status, pid_namespace, limit);
}
