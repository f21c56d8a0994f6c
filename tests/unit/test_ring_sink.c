/* The ring's producers: threads, processes, forks and deaths, and never one record for two. */
#include "export/ring_sink.h"

#include "base/compiler.h"
#include "support/random.h"
#include "support/ring_fixture.h"

#include <pthread.h>
#include <sched.h>

TestSuite(ring_sink, .init = fixture_set_up, .fini = fixture_tear_down, .timeout = 120);

static uint32_t state_word(const struct span *span)
{
    return atomic_load(&g_fixture_ring->states[span - g_fixture_ring->records]);
}

/* What the collector does with a record that has ended. */
static uint32_t free_ended(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < RING_RECORDS_MAX; i++) {
        uint32_t word = atomic_load(&g_fixture_ring->states[i]);
        if (ring_state_of(word) != SPAN_ENDED)
            continue;
        atomic_store(&g_fixture_ring->records[i].state, SPAN_FREE);
        atomic_store(&g_fixture_ring->states[i],
                     ring_state_make(SPAN_FREE, ring_state_use(word), 0));
        count++;
    }
    return count;
}

static uint64_t drop_count(enum drop_reason reason)
{
    return atomic_load(&g_fixture_ring->stats.dropped_count[reason]);
}

Test(ring_sink, a_span_lives_in_the_ring_from_its_start_to_its_end)
{
    struct span *span = fixture_start(1);
    cr_assert(span >= g_fixture_ring->records);
    cr_assert(span < g_fixture_ring->records + RING_RECORDS_FIRST);
    cr_expect_eq(span->index, span - g_fixture_ring->records);
    cr_expect_eq(ring_state_of(state_word(span)), SPAN_OPEN);
    cr_expect_eq(span->state, SPAN_OPEN);
    cr_expect_eq(span->pid, getpid());
    uint32_t number = ring_state_process(state_word(span));
    struct ring_process *process = &g_fixture_ring->processes[number];
    cr_expect_eq(process->identity, (uint64_t)getpid() << 8 | RING_PROCESS_READY);
    cr_expect_eq(process->resource.service_name_len, 4);
    cr_expect_eq(memcmp(process->resource.service_name, "shop", 4), 0);
    span_end(span, 0);
    cr_expect_eq(ring_state_of(state_word(span)), SPAN_ENDED);
    cr_expect_eq(ring_state_process(state_word(span)), number);
    size_t group = (size_t)(span - g_fixture_ring->records) / RING_GROUP_LEN;
    cr_expect_eq(g_fixture_ring->dirty[group / 64].word, 1ULL << group % 64);
}

Test(ring_sink, an_abandoned_record_is_free_again_and_not_dirty)
{
    struct span *span = fixture_start(1);
    uint32_t use = ring_state_use(state_word(span));
    span_abandon(span);
    cr_expect_eq(ring_state_of(state_word(span)), SPAN_FREE);
    cr_expect_eq(span->state, SPAN_FREE);
    for (uint32_t i = 0; i < RING_DIRTY_WORDS; i++)
        cr_expect_eq(g_fixture_ring->dirty[i].word, 0);
    cr_expect_eq(fixture_start(2), span, "the place that is in the cache is used again");
    cr_expect_neq(ring_state_use(state_word(span)), use);
}

Test(ring_sink, a_span_ends_once)
{
    struct span *span = fixture_start(1);
    span_end(span, 0);
    uint32_t word = state_word(span);
    span_end(span, 0);
    span_abandon(span);
    cr_expect_eq(state_word(span), word);
    free_ended();
    span_end(span, 0);
    span_abandon(span);
    cr_expect_eq(fixture_state_count(SPAN_FREE), RING_RECORDS_MAX);
}

Test(ring_sink, one_process_takes_one_number)
{
    for (uint32_t i = 1; i <= 1000; i++) {
        cr_assert(fixture_finish(i));
        free_ended();
    }
    cr_expect_eq(fixture_process_count(), 1);
}

/* The first spans of a process may start on several threads at the same moment. */

enum { FIRST_THREADS = 8, FIRST_ROUNDS = 300 };
static pthread_barrier_t g_barrier;
static struct span *g_firsts[FIRST_THREADS];

static void *first_span(void *argument)
{
    struct span **place = argument;
    pthread_barrier_wait(&g_barrier);
    *place = fixture_start((uint32_t)(place - g_firsts) + 1);
    pthread_barrier_wait(&g_barrier);
    span_end(*place, 0);
    return NULL;
}

/* Returns 0 if all that was started has ended, and in one name. One that had to wait for too long is not
 * started, but counted. */
static int first_spans_race(void)
{
    pthread_t threads[FIRST_THREADS];
    int result = 0;
    for (int i = 0; i < FIRST_THREADS; i++)
        pthread_create(&threads[i], NULL, first_span, &g_firsts[i]);
    for (int i = 0; i < FIRST_THREADS; i++)
        pthread_join(threads[i], NULL);
    uint32_t number = process_page()->ring_process, refused = 0;
    for (int i = 0; i < FIRST_THREADS; i++) {
        if (!g_firsts[i]) {
            refused++;
            continue;
        }
        if (ring_state_of(state_word(g_firsts[i])) != SPAN_ENDED)
            result |= 1;
        if (ring_state_process(state_word(g_firsts[i])) + 1 != number)
            result |= 2;
    }
    for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
        refused -= (uint32_t)atomic_exchange(&g_fixture_ring->stats.dropped_count[reason], 0);
    return refused ? 4 : result;
}

Test(ring_sink, first_spans_on_several_threads_at_once_all_end)
{
    int lost = 0, split = 0, uncounted = 0;
    pthread_barrier_init(&g_barrier, NULL, FIRST_THREADS);
    for (int round = 0; round < FIRST_ROUNDS; round++) {
        pid_t pid = fixture_fork(); /* a process that has no number yet */
        if (pid == 0)
            _exit(first_spans_race());
        int status = fixture_reap(pid);
        cr_assert(WIFEXITED(status));
        lost += WEXITSTATUS(status) & 1;
        split += WEXITSTATUS(status) >> 1 & 1;
        uncounted += WEXITSTATUS(status) >> 2 & 1;
        free_ended();
        memset(g_fixture_ring->processes, 0, RING_PROCESSES_FIRST * sizeof(struct ring_process));
        memset(g_fixture_ring->states, 0, sizeof g_fixture_ring->states);
    }
    cr_expect_eq(lost, 0, "in %d of %d rounds a span could not be ended", lost, FIRST_ROUNDS);
    cr_expect_eq(uncounted, 0);
    cr_expect_eq(split, 0, "in %d of %d rounds one process had two numbers", split, FIRST_ROUNDS);
}

/* Many producers: each writes its own mark into what it holds, and finds it there again. */

enum { OWNERS = 4, OWNER_SPANS = 20000, OWNER_HOLDS = 16 };
static _Atomic bool g_is_over;

/* Claims, marks, checks and gives back; returns how many marks were somebody else's. */
static uint32_t own_many(uint32_t owner, uint32_t span_count)
{
    struct span *held[OWNER_HOLDS] = {NULL};
    uint32_t strange = 0;
    uint64_t seed = owner;
    for (uint32_t i = 0; i < span_count; i++) {
        struct span **place = &held[random_below(&seed, OWNER_HOLDS)];
        if (*place) {
            strange += (*place)->parent_span_id[0] != owner ||
                       (*place)->parent_span_id[7] != (uint8_t)(*place - g_fixture_ring->records);
            if (random_chance(&seed, 4))
                span_abandon(*place);
            else
                span_end(*place, 0);
            *place = NULL;
            continue;
        }
        *place = span_start(SPAN_KIND_SERVER, 0);
        if (!*place)
            continue;
        (*place)->parent_span_id[0] = (uint8_t)owner;
        (*place)->parent_span_id[7] = (uint8_t)(*place - g_fixture_ring->records);
    }
    for (int i = 0; i < OWNER_HOLDS; i++)
        span_abandon(held[i]);
    return strange;
}

static void *own_on_a_thread(void *argument)
{
    uint32_t *owner = argument;
    *owner = own_many(*owner, OWNER_SPANS);
    return NULL;
}

static void *free_on_a_thread(void *argument)
{
    while (!atomic_load(&g_is_over)) {
        free_ended();
        sched_yield();
    }
    return argument;
}

Test(ring_sink, threads_share_no_record)
{
    pthread_t threads[OWNERS], consumer;
    uint32_t owners[OWNERS];
    pthread_create(&consumer, NULL, free_on_a_thread, NULL);
    span_abandon(fixture_start(1)); /* the process has its number */
    for (uint32_t i = 0; i < OWNERS; i++) {
        owners[i] = i + 1;
        pthread_create(&threads[i], NULL, own_on_a_thread, &owners[i]);
    }
    for (int i = 0; i < OWNERS; i++) {
        pthread_join(threads[i], NULL);
        cr_expect_eq(owners[i], 0, "thread %d: %u records were shared", i, owners[i]);
    }
    g_is_over = true;
    pthread_join(consumer, NULL);
    free_ended();
    cr_expect_eq(fixture_state_count(SPAN_FREE), RING_RECORDS_MAX);
}

Test(ring_sink, processes_share_no_record)
{
    pid_t children[OWNERS];
    for (uint32_t i = 0; i < OWNERS; i++) {
        children[i] = fixture_fork();
        if (children[i] == 0)
            _exit((int)MIN(own_many(i + 1, OWNER_SPANS), 100));
    }
    int alive = OWNERS, status;
    while (alive > 0) {
        free_ended();
        pid_t pid = waitpid(-1, &status, WNOHANG);
        cr_assert_geq(pid, 0);
        if (pid == 0)
            continue;
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
        alive--;
    }
    free_ended();
    cr_expect_eq(fixture_state_count(SPAN_FREE), RING_RECORDS_MAX);
    cr_expect_eq(fixture_process_count(), OWNERS);
}

/* ---- full ---- */

Test(ring_sink, a_full_ring_drops_counts_and_recovers)
{
    uint32_t taken = 0;
    while (fixture_start(taken + 1))
        taken++;
    cr_expect_geq(taken, RING_RECORDS_FIRST / 2, "%u", taken);
    uint64_t dropped = drop_count(DROP_RING_FULL);
    cr_expect_geq(dropped, 1);
    for (int i = 0; i < 1000; i++)
        if (fixture_start(9999))
            taken++;
        else
            dropped++;
    cr_expect_eq(drop_count(DROP_RING_FULL), dropped);
    cr_expect_eq(fixture_state_count(SPAN_OPEN), taken);
    for (uint32_t i = 0; i < RING_RECORDS_FIRST; i++)
        if (ring_state_of(atomic_load(&g_fixture_ring->states[i])) == SPAN_OPEN)
            span_end(&g_fixture_ring->records[i], 0);
    cr_expect_eq(free_ended(), taken);
    int failures = 0;
    while (!fixture_finish(1))
        cr_assert_lt(++failures, 200, "it does not recover");
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert(fixture_finish(i + 1), "dropped with room for it");
}

/* A server with many requests open at once, that answers short ones all the time beside them. */
Test(ring_sink, many_open_spans_leave_room_for_short_ones)
{
    enum { OPEN = 1500 };
    static struct span *open[OPEN];
    int dropped = 0;
    for (uint32_t i = 0; i < OPEN; i++)
        cr_assert(open[i] = fixture_start(i + 1), "%u", i);
    span_end(open[0], 0); /* what was its first place is free again */
    free_ended();
    for (uint32_t i = 0; i < 1000; i++) {
        struct span *one = fixture_start(20000 + i), *other = fixture_start(40000 + i);
        dropped += !one + !other;
        span_end(one, 0);
        span_end(other, 0);
        free_ended();
    }
    cr_expect_eq(dropped, 0, "%d of 2000 were dropped, with %d of %d records in use", dropped,
                 OPEN - 1, RING_RECORDS_FIRST);
}

/* Whatever shared memory says: nothing outside the ring is touched. */
Test(ring_sink, nonsense_for_limits_leads_nowhere)
{
    static const uint32_t limits[] = {0, 1, 2, 63, 12345, RING_RECORDS_MAX, RING_RECORDS_MAX + 1,
                                      0x80000000, 0xffffffff};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        g_fixture_ring->record_limit = g_fixture_ring->process_limit = limits[i];
        pid_t pid = fixture_fork();
        if (pid == 0) {
            struct span *span = fixture_start(1);
            bool is_inside = !span || (span >= g_fixture_ring->records &&
                                       span < g_fixture_ring->records + RING_RECORDS_MAX);
            span_end(span, 0);
            _exit(!is_inside);
        }
        cr_expect_eq(fixture_reap(pid), 0, "limit %u", limits[i]);
        memset(g_fixture_ring->processes, 0, sizeof g_fixture_ring->processes);
        free_ended();
    }
}

Test(ring_sink, a_closed_ring_takes_nothing_more_and_lets_what_is_open_end)
{
    struct span *span = fixture_start(1);
    g_fixture_ring->is_closed = 1;
    cr_expect_null(fixture_start(2));
    span_end(span, 0);
    cr_expect_eq(ring_state_of(state_word(span)), SPAN_ENDED);
}

Test(ring_sink, more_processes_than_there_is_room_for_are_counted)
{
    for (uint32_t i = 0; i < RING_PROCESSES_FIRST; i++)
        g_fixture_ring->processes[i].identity = 1 << 8 | RING_PROCESS_READY;
    cr_expect_null(fixture_start(1));
    cr_expect_null(fixture_start(1));
    cr_expect_eq(drop_count(DROP_NO_PROCESS), 2);
    g_fixture_ring->processes[17].identity = 0;
    struct span *span = fixture_start(1);
    cr_assert(span);
    cr_expect_eq(ring_state_process(state_word(span)), 17);
}

/* ---- forks ---- */

Test(ring_sink, a_fork_child_leaves_its_parents_records_alone)
{
    struct span *span = fixture_start(1);
    uint32_t word = state_word(span);
    struct span before = *span;
    pid_t pid = fixture_fork();
    if (pid == 0) {
        span_end(span, 0);
        span_abandon(span);
        struct span *own = fixture_start(2);
        span_abandon(span);
        span_end(span, 0);
        _exit(own == span || own->pid != getpid() ||
              ring_state_process(state_word(own)) == ring_state_process(word));
    }
    cr_expect_eq(fixture_reap(pid), 0);
    cr_expect_eq(state_word(span), word);
    before.end_ns = span->end_ns; /* span_end writes it before it asks whose the record is */
    cr_expect_eq(memcmp(&before, span, offsetof(struct span, bytes)), 0);
    cr_expect_eq(fixture_process_count(), 2);
    span_end(span, 0);
    cr_expect_eq(ring_state_of(state_word(span)), SPAN_ENDED);
}

Test(ring_sink, a_fork_childs_copy_is_a_record_of_its_own)
{
    struct span *span = fixture_start(1);
    pid_t pid = fixture_fork();
    if (pid == 0) {
        struct span *copy = span_copy(span);
        bool is_good = copy && copy != span && copy->pid == getpid() &&
                       memcmp(copy->span_id, span->span_id, sizeof span->span_id) == 0 &&
                       copy->index == copy - g_fixture_ring->records;
        span_end(copy, 0);
        _exit(!is_good || ring_state_of(state_word(copy)) != SPAN_ENDED);
    }
    cr_expect_eq(fixture_reap(pid), 0);
    cr_expect_eq(ring_state_of(state_word(span)), SPAN_OPEN);
}

Test(ring_sink, generations_of_forks_each_have_a_number)
{
    enum { GENERATIONS = 20 };
    cr_assert(fixture_finish(1));
    for (int i = 0; i < GENERATIONS; i++) {
        pid_t pid = fixture_fork();
        if (pid != 0) {
            int status = fixture_reap(pid);
            if (i == 0) {
                cr_expect_eq(status, 0);
                break;
            }
            _exit(status ? 1 : 0);
        }
        if (!fixture_finish((uint32_t)i + 2))
            _exit(1);
        if (i == GENERATIONS - 1)
            _exit(0);
    }
    cr_expect_eq(fixture_process_count(), GENERATIONS + 1);
    cr_expect_eq(fixture_state_count(SPAN_ENDED), GENERATIONS + 1);
}

/* ---- deaths ---- */

static void produce_for_ever(uint64_t seed)
{
    struct span *held[4] = {NULL};
    for (uint32_t i = 1;; i++) {
        struct span **place = &held[random_below(&seed, 4)];
        if (*place && random_chance(&seed, 3))
            span_abandon(*place);
        else if (*place)
            span_end(*place, 0);
        *place = fixture_start(i);
    }
}

/* Somebody else who goes on all the while: must never be refused. */
static void survive(const struct fixture_signal *ready)
{
    for (uint32_t i = 1;; i++) {
        if (!fixture_finish(0x40000000 + i) && drop_count(DROP_RING_FULL) == 0)
            _exit(7);
        if (i == 1)
            fixture_tell(ready);
        sched_yield();
    }
}

Test(ring_sink, killed_at_any_point_nothing_stays_claimed)
{
    enum { DEATHS = FIXTURE_IS_SANITIZED ? 300 : 3000 };
    uint64_t seed = 4711;
    struct fixture_signal ready;
    fixture_signal_make(&ready);
    snprintf(g_fixture_outputs.exporters, sizeof g_fixture_outputs.exporters, "file:/dev/null");
    FIXTURE_CHILD(survivor, survive(&ready));
    fixture_hear(&ready);
    fixture_collect();
    for (int i = 0; i < DEATHS; i++) {
        uint64_t spins = random_below(&seed, 1 << random_below(&seed, 16));
        pid_t pid = fixture_fork();
        if (pid == 0)
            produce_for_ever(seed + (uint64_t)i);
        for (volatile uint64_t spin = 0; spin < spins; spin++)
            ;
        fixture_kill(pid);
        fixture_turn(0);
        cr_assert_eq(waitpid(survivor, NULL, WNOHANG), 0, "the survivor was refused after %d", i);
    }
    fixture_kill(survivor);
    /* One that died between taking a number and saying so is found when all numbers are looked at, which is once in
     * so many that come; or, should another process have its pid just then, the next time. */
    for (int i = 0; i == 0 || (i < 4 * COLLECTOR_GREETINGS_A_SCAN && fixture_process_count() > 0); i++) {
        FIXTURE_CHILD(last, fixture_finish(1));
        FIXTURE_TURN_UNTIL(g_fixture_collector.processes.live_count > 0);
        fixture_kill(last);
        FIXTURE_TURN_UNTIL(collector_live_count(&g_fixture_collector) == 0);
        collector_work(&g_fixture_collector);
    }
    cr_expect_eq(fixture_state_count(SPAN_FREE), RING_RECORDS_MAX, "%u open, %u ended",
                 fixture_state_count(SPAN_OPEN), fixture_state_count(SPAN_ENDED));
    cr_expect_eq(fixture_process_count(), 0, "%u numbers", fixture_process_count());
    cr_expect_eq(drop_count(DROP_NO_PROCESS), 0);
    collector_close(&g_fixture_collector);
}
