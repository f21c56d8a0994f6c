/* The collector: each span once and in order, whoever wrote it and however that ended; and nothing in
 * the ring, whatever it is, makes it crash, hang or grow. */
#include "launcher/collector.h"

#include "base/compiler.h"
#include "launcher/keep.h"
#include "support/random.h"
#include "support/ring_fixture.h"
#include "support/tiny_file_system.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>

TestSuite(collector, .init = fixture_set_up, .fini = fixture_tear_down, .timeout = 120);

static uint64_t span_count(void)
{
    return atomic_load(&g_fixture_ring->stats.span_count);
}

static uint64_t drop_count(enum drop_reason reason)
{
    return atomic_load(&g_fixture_ring->stats.dropped_count[reason]);
}

static void close_and_read(void)
{
    collector_close(&g_fixture_collector);
    fixture_read();
}

static bool has_broken_off(uint32_t number, const char *error_type)
{
    const cJSON *line = fixture_line(number);
    return line && strcmp(fixture_status(line), "ERROR") == 0 &&
           strcmp(fixture_error_type(line), error_type) == 0;
}

/* In order, but for where a batch goes on at the ring's beginning. */
Test(collector, takes_each_span_once_and_in_order)
{
    enum { BATCHES = 10 };
    static bool is_seen[1001];
    fixture_collect();
    for (uint32_t i = 1; i <= 1000; i++) {
        cr_assert(fixture_finish(i));
        if (i % 100 == 0)
            FIXTURE_TURN_UNTIL(span_count() == i);
    }
    close_and_read();
    cr_expect_eq(fixture_line_count(), 1000);
    int last = 0, descents = 0;
    const cJSON *line;
    cJSON_ArrayForEach(line, g_fixture_lines) {
        const cJSON *attributes = cJSON_GetObjectItem(line, "attributes");
        int number = cJSON_GetObjectItem(attributes, "server.port")->valueint;
        cr_assert(number > 0 && number <= 1000 && !is_seen[number]);
        is_seen[number] = true;
        descents += number < last;
        last = number;
        const cJSON *resource = cJSON_GetObjectItem(line, "resource");
        cr_expect_str_eq(cJSON_GetObjectItem(resource, "service.name")->valuestring, "shop");
        cr_expect_eq(cJSON_GetObjectItem(resource, "process.pid")->valueint, getpid());
    }
    cr_expect_leq(descents, BATCHES);
    cr_expect_eq(fixture_state_count(SPAN_FREE), RING_RECORDS_MAX);
}

Test(collector, takes_what_was_there_before_it_looked)
{
    for (uint32_t i = 1; i <= 100; i++)
        cr_assert(fixture_finish(i));
    fixture_collect();
    collector_work(&g_fixture_collector);
    cr_expect_eq(span_count(), 100);
    close_and_read();
    cr_expect_eq(fixture_line_count(), 100);
}

Test(collector, sleeps_while_nobody_is_there_and_wakes_when_somebody_comes)
{
    fixture_collect();
    FIXTURE_TURN_UNTIL(g_fixture_collector.delay_ns == 0 &&
                       atomic_load(&g_fixture_ring->has_new_process) == 0);
    struct pollfd watched = {.fd = g_fixture_collector.epoll_fd, .events = POLLIN};
    while (poll(&watched, 1, 100) == 1)
        collector_work(&g_fixture_collector);
    FIXTURE_CHILD(pid, fixture_finish(1));
    FIXTURE_TURN_UNTIL(span_count() == 1);
    cr_expect_eq(collector_live_count(&g_fixture_collector), 1);
    fixture_kill(pid);
    FIXTURE_TURN_UNTIL(collector_live_count(&g_fixture_collector) == 0);
    close_and_read();
    cr_expect_eq(fixture_line_count(), 1);
}

Test(collector, what_is_open_at_the_end_is_not_reported)
{
    fixture_collect();
    cr_assert(fixture_start(1));
    cr_assert(fixture_finish(2));
    close_and_read();
    cr_expect_eq(fixture_line_count(), 1);
    cr_expect_null(fixture_start(3), "the ring is closed");
}

Test(collector, leaving_keeps_the_ring_open)
{
    fixture_collect();
    struct span *span = fixture_start(1);
    collector_leave(&g_fixture_collector);
    cr_assert(fixture_finish(2));
    span_end(span, 0);
    fixture_collect();
    close_and_read();
    cr_expect_eq(fixture_line_count(), 2);
}

/* What waits is looked after though nobody is there any more, and nothing is left behind in the end. */
Test(collector, keeps_what_it_is_told_to_keep)
{
    struct keep keep = {.wait_ns = 20 * NANOS_PER_MILLI};
    const char *wrong;
    size_t len;
    cr_assert_eq(keep_parse("errors", &keep, &wrong, &len), 0);
    fixture_collect();
    cr_assert_eq(collector_keep(&g_fixture_collector, &keep), 0);
    FIXTURE_CHILD(pid, fixture_finish(1));
    FIXTURE_TURN_UNTIL(collector_live_count(&g_fixture_collector) == 1);
    fixture_kill(pid);
    FIXTURE_TURN_UNTIL(atomic_load(&g_fixture_ring->stats.sampled_out_count) == 1);
    struct fixture_signal has_begun;
    fixture_signal_make(&has_begun);
    FIXTURE_CHILD(failing, fixture_start(2); fixture_tell(&has_begun));
    fixture_hear(&has_begun);
    fixture_kill(failing);
    FIXTURE_TURN_UNTIL(span_count() == 1);
    cr_assert(fixture_finish(3));
    close_and_read();
    cr_expect_eq(fixture_line_count(), 1);
    cr_expect_str_eq(fixture_status(fixture_line(2)), "ERROR");
    cr_expect_eq(atomic_load(&g_fixture_ring->stats.sampled_out_count), 2);
}

/* ---- deaths ---- */

/* How a process ends in the middle of request 1. */
static void end_by_kill(void)
{
    raise(SIGKILL);
}
static void end_by_segv(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}
static void end_by_exit(void)
{
    syscall(SYS_exit_group, 3);
}
static void end_by_exit_0(void)
{
    syscall(SYS_exit_group, 0);
}
static void end_by_abort(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
}

static const struct {
    const char *name;
    void (*end)(void);
    const char *error_type;
    const char *message;
} ENDS[] = {
    {"killed", end_by_kill, "SIGKILL", "killed by signal 9"},
    {"segmentation fault", end_by_segv, "SIGSEGV", "killed by signal 11"},
    {"abort", end_by_abort, "SIGABRT", "killed by signal 6"},
    {"exit 3", end_by_exit, "exit", "status 3"},
    {"exit 0", end_by_exit_0, "exit", "status 0"},
};

static void expect_end(size_t i, uint32_t number)
{
    const cJSON *line = fixture_line(number);
    cr_assert(line, "%s: no span", ENDS[i].name);
    cr_expect_str_eq(fixture_status(line), "ERROR");
    cr_expect_str_eq(fixture_error_type(line), ENDS[i].error_type);
    cr_expect(strstr(fixture_message(line), ENDS[i].message), "%s: %s", ENDS[i].name,
              fixture_message(line));
    cr_expect_str_eq(cJSON_GetObjectItem(line, "name")->valuestring, "GET");
}

/* A zombie that the collector meets before anybody has reaped it. */
Test(collector, open_spans_of_the_dead_say_how_they_died)
{
    fixture_collect();
    for (size_t i = 0; i < ARRAY_LEN(ENDS); i++) {
        struct fixture_signal go;
        fixture_signal_make(&go);
        FIXTURE_CHILD(pid, {
            fixture_start((uint32_t)i + 1);
            fixture_finish((uint32_t)i + 101);
            fixture_hear(&go);
            ENDS[i].end();
        });
        FIXTURE_TURN_UNTIL(collector_live_count(&g_fixture_collector) == 1);
        fixture_tell(&go);
        FIXTURE_TURN_UNTIL(collector_live_count(&g_fixture_collector) == 0);
        fixture_reap(pid);
    }
    close_and_read();
    for (size_t i = 0; i < ARRAY_LEN(ENDS); i++) {
        expect_end(i, (uint32_t)i + 1);
        const cJSON *whole = fixture_line((uint32_t)i + 101);
        cr_assert(whole);
        cr_expect_str_eq(fixture_status(whole), "UNSET");
    }
    cr_expect_eq(fixture_line_count(), 2 * (int)ARRAY_LEN(ENDS));
    cr_expect_eq(fixture_state_count(SPAN_FREE), RING_RECORDS_MAX);
    cr_expect_eq(fixture_process_count(), 0);
}

/* Our own child, whose status we have from waitpid(2). */
Test(collector, what_the_parent_knows_counts)
{
    fixture_collect();
    for (size_t i = 0; i < ARRAY_LEN(ENDS); i++) {
        FIXTURE_CHILD(pid, {
            fixture_start((uint32_t)i + 1);
            ENDS[i].end();
        });
        collector_note_exit(&g_fixture_collector, pid, 0); /* not yet known: must do no harm */
        int status = fixture_reap(pid);
        collector_note_exit(&g_fixture_collector, pid, status);
        collector_work(&g_fixture_collector);
    }
    close_and_read();
    for (size_t i = 0; i < ARRAY_LEN(ENDS); i++)
        expect_end(i, (uint32_t)i + 1);
}

Test(collector, a_process_that_came_and_went_before_it_looked)
{
    FIXTURE_CHILD(pid, {
        fixture_start(1);
        fixture_finish(2);
        raise(SIGKILL);
    });
    fixture_reap(pid);
    fixture_collect();
    FIXTURE_TURN_UNTIL(span_count() == 2);
    close_and_read();
    cr_expect(has_broken_off(1, "died"), "%s", fixture_error_type(fixture_line(1)));
    cr_expect_str_eq(fixture_status(fixture_line(2)), "UNSET");
    cr_expect_eq(fixture_process_count(), 0);
}

/* Claimed and not yet started: nothing is known of it, so nothing is reported. */
Test(collector, a_record_that_was_only_claimed_is_given_back)
{
    fixture_collect();
    FIXTURE_CHILD(pid, {
        span_sink_claim();
        fixture_finish(1);
    });
    FIXTURE_TURN_UNTIL(span_count() == 1);
    cr_expect_eq(fixture_state_count(SPAN_OPEN), 1);
    fixture_kill(pid);
    FIXTURE_TURN_UNTIL(fixture_state_count(SPAN_OPEN) == 0);
    close_and_read();
    cr_expect_eq(fixture_line_count(), 1);
}

/* Open, but not even its ids are there yet. */
Test(collector, a_span_that_was_just_begun_is_reported_with_ids_of_its_own)
{
    fixture_collect();
    struct fixture_signal ready;
    fixture_signal_make(&ready);
    FIXTURE_CHILD(pid, {
        span_start(SPAN_KIND_SERVER, 0);
        fixture_tell(&ready);
    });
    fixture_hear(&ready);
    FIXTURE_TURN_UNTIL(collector_live_count(&g_fixture_collector) == 1);
    fixture_kill(pid);
    FIXTURE_TURN_UNTIL(span_count() == 1);
    close_and_read();
    cr_expect_eq(fixture_line_count(), 1);
    cr_expect_eq(drop_count(DROP_DAMAGED), 0);
}

/* Ended, but it did not live to set the dirty bit. */
Test(collector, an_ended_span_without_its_dirty_bit_is_found_when_its_process_is_gone)
{
    fixture_collect();
    collector_work(&g_fixture_collector);
    FIXTURE_CHILD(pid, {
        struct span *span = fixture_start(1);
        _Atomic uint32_t *state = &g_fixture_ring->states[span->index];
        uint32_t word = atomic_load(state);
        atomic_store(state, ring_state_make(SPAN_ENDED, ring_state_use(word),
                                            ring_state_process(word)));
    });
    FIXTURE_TURN_UNTIL(collector_live_count(&g_fixture_collector) == 1 &&
                       fixture_state_count(SPAN_ENDED) == 1);
    fixture_kill(pid);
    FIXTURE_TURN_UNTIL(span_count() == 1);
    close_and_read();
    cr_expect_str_eq(fixture_status(fixture_line(1)), "UNSET");
}

/* The number of a dead process belongs to somebody else by now. */
Test(collector, a_pid_that_is_used_again_keeps_nobody_alive)
{
    FIXTURE_CHILD(pid, {
        fixture_start(1);
        fixture_finish(2);
    });
    while (fixture_state_count(SPAN_ENDED) == 0)
        sched_yield();
    for (uint32_t i = 0; i < RING_PROCESSES_FIRST; i++)
        if (g_fixture_ring->processes[i].identity)
            g_fixture_ring->processes[i].start_boottime_ns = 1; /* long before this one started */
    fixture_collect();
    collector_work(&g_fixture_collector);
    cr_expect_eq(collector_live_count(&g_fixture_collector), 0);
    cr_expect_eq(fixture_process_count(), 0);
    fixture_kill(pid);
    close_and_read();
    cr_expect(has_broken_off(1, "died"));
    cr_expect(fixture_line(2) != NULL);
}

/* exec: another program, the same process. The page that says "I have a number" is gone by then. */
Test(collector, another_program_in_the_same_process_ends_what_the_first_had_open)
{
    struct fixture_signal go;
    fixture_signal_make(&go);
    fixture_collect();
    FIXTURE_CHILD(pid, {
        fixture_start(1);
        fixture_finish(2);
        fixture_hear(&go);
        process_page()->ring_process = process_page()->ring_registered = 0;
        fixture_start(3);
        fixture_finish(4);
    });
    FIXTURE_TURN_UNTIL(span_count() == 1 && collector_live_count(&g_fixture_collector) == 1);
    fixture_tell(&go);
    FIXTURE_TURN_UNTIL(span_count() == 3);
    cr_expect_eq(collector_live_count(&g_fixture_collector), 1);
    cr_expect_eq(fixture_state_count(SPAN_OPEN), 1);
    fixture_kill(pid);
    FIXTURE_TURN_UNTIL(span_count() == 4);
    close_and_read();
    cr_expect_str_eq(fixture_status(fixture_line(1)), "ERROR");
    cr_expect_str_eq(fixture_status(fixture_line(2)), "UNSET");
    cr_expect(has_broken_off(3, "SIGKILL"), "%s", fixture_error_type(fixture_line(3)));
    cr_expect_str_eq(fixture_status(fixture_line(4)), "UNSET");
    cr_expect_eq(fixture_process_count(), 0);
}

/* It comes and ends a span while the collector is between looking for newcomers and for spans. */
Test(collector, a_span_of_a_process_not_met_yet_has_its_name)
{
    fixture_collect();
    collector_work(&g_fixture_collector);
    FIXTURE_CHILD(pid, fixture_finish(1));
    while (fixture_state_count(SPAN_ENDED) == 0)
        sched_yield();
    while (poll(&(struct pollfd){.fd = g_fixture_collector.newcomers.wake_fd, .events = POLLIN}, 1, 1000) != 1)
        ;
    for (uint32_t word = 0; word < RING_PROCESSES_MAX / 64; word++)
        newcomers_take(&g_fixture_collector.newcomers, word); /* as if the look had just been taken */
    collector_work(&g_fixture_collector);
    cr_expect_eq(span_count(), 1);
    fixture_kill(pid);
    close_and_read();
    const cJSON *resource = cJSON_GetObjectItem(fixture_line(1), "resource");
    cr_expect_str_eq(cJSON_GetObjectItem(resource, "service.name")->valuestring, "shop");
}

/* A process that is just saying who it is when the collector happens to look, called by another. */
Test(collector, a_process_in_the_middle_of_coming_is_not_taken_for_dead)
{
    struct fixture_signal ready, go;
    fixture_signal_make(&ready);
    fixture_signal_make(&go);
    fixture_collect();
    FIXTURE_CHILD(pid, {
        struct span *span = fixture_start(1);
        _Atomic uint64_t *identity =
            &g_fixture_ring->processes[process_page()->ring_process - 1].identity;
        uint64_t whole = *identity;
        ((struct ring_process *)identity)->start_boottime_ns = 0;
        *identity = (whole & ~0xffULL) | RING_PROCESS_CLAIMED; /* as half a microsecond ago */
        fixture_tell(&ready);
        fixture_hear(&go);
        ((struct ring_process *)identity)->start_boottime_ns = 1ULL << 62;
        uint64_t found = atomic_exchange(identity, whole);
        span_end(span, span->start_ns);
        if (found >> 8 != (uint64_t)getpid())
            _exit(5);
        fixture_tell(&ready);
    });
    fixture_hear(&ready);
    atomic_store(&g_fixture_ring->has_new_process, 1);
    collector_work(&g_fixture_collector);
    fixture_tell(&go);
    struct pollfd watched = {.fd = ready.ends[0], .events = POLLIN};
    cr_expect_eq(poll(&watched, 1, 5000), 1, "its number was taken from a process that lives");
    fixture_kill(pid);
    atomic_store(&g_fixture_ring->has_new_process, 1);
    collector_work(&g_fixture_collector);
    close_and_read();
    cr_expect_str_eq(fixture_status(fixture_line(1)), "UNSET", "%s",
                     fixture_error_type(fixture_line(1)));
}

/* Two processes never share a number, and the table is used again and again. */
Test(collector, a_full_process_table_is_freed_again)
{
    enum { WAVES = 4, WAVE = 300 };
    static pid_t children[WAVE];
    fixture_collect();
    for (uint32_t wave = 0; wave < WAVES; wave++) {
        for (uint32_t i = 0; i < WAVE; i++) {
            children[i] = fixture_fork();
            if (children[i] == 0) {
                fixture_finish(wave * WAVE + i + 1);
                for (;;)
                    pause();
            }
        }
        FIXTURE_TURN_UNTIL(span_count() + drop_count(DROP_NO_PROCESS) == (wave + 1) * WAVE);
        FIXTURE_TURN_UNTIL(collector_live_count(&g_fixture_collector) == WAVE);
        for (uint32_t i = 0; i < WAVE; i++)
            fixture_kill(children[i]);
        FIXTURE_TURN_UNTIL(collector_live_count(&g_fixture_collector) == 0);
        collector_work(&g_fixture_collector);
        cr_expect_eq(fixture_process_count(), 0);
    }
    cr_expect_eq(drop_count(DROP_NO_PROCESS), 0);
    cr_expect_gt(g_fixture_ring->process_limit, RING_PROCESSES_FIRST);
    close_and_read();
    cr_expect_eq(fixture_line_count(), WAVES * WAVE);
}

Test(collector, the_dead_of_a_full_process_table_make_room)
{
    fixture_collect();
    for (uint32_t i = 0; i < RING_PROCESSES_FIRST; i++)
        g_fixture_ring->processes[i].identity = (uint64_t)(0x3fffff00 + i) << 8 |
                                                RING_PROCESS_READY;
    cr_expect_not(fixture_finish(1));
    cr_expect_eq(drop_count(DROP_NO_PROCESS), 1);
    atomic_store(&g_fixture_ring->has_new_process, 1);
    collector_work(&g_fixture_collector);
    cr_expect(fixture_finish(2));
    close_and_read();
    cr_expect_eq(fixture_line_count(), 1);
}

/* Nobody who lives is taken for dead because the collector itself is short of something. */
Test(collector, a_lack_of_descriptors_kills_nobody)
{
    enum { CHILDREN = 100 };
    static pid_t children[CHILDREN];
    struct rlimit limit;
    struct fixture_signal go;
    fixture_signal_make(&go);
    fixture_collect();
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (uint32_t i = 0; i < CHILDREN; i++) {
        children[i] = fixture_fork();
        if (children[i] == 0) {
            struct span *span = fixture_start(i + 1);
            fixture_hear(&go);
            span_end(span, span->start_ns);
            for (;;)
                pause();
        }
    }
    FIXTURE_TURN_UNTIL(fixture_state_count(SPAN_OPEN) + span_count() >= CHILDREN);
    for (int i = 0; i < 20; i++) {
        atomic_store(&g_fixture_ring->has_new_process, 1);
        collector_work(&g_fixture_collector);
    }
    cr_expect_eq(span_count(), 0, "%d spans of the living were broken off", (int)span_count());
    for (uint32_t i = 0; i < CHILDREN; i++)
        fixture_tell(&go);
    FIXTURE_TURN_UNTIL(fixture_state_count(SPAN_OPEN) == 0);
    for (uint32_t i = 0; i < CHILDREN; i++)
        fixture_kill(children[i]);
    close_and_read();
    cr_expect_eq(fixture_line_count(), CHILDREN);
    int broken = 0;
    for (uint32_t i = 0; i < CHILDREN; i++)
        broken += strcmp(fixture_status(fixture_line(i + 1)), "ERROR") == 0;
    cr_expect_eq(broken, 0, "%d of %d", broken, CHILDREN);
}

/* ---- a second collector ---- */

static void collect_until_killed(const struct fixture_signal *ready)
{
    fixture_collect();
    fixture_tell(ready);
    for (;;)
        fixture_turn(10);
}

Test(collector, another_goes_on_where_one_was_killed)
{
    enum { ROUNDS = 10, SPANS = 200 };
    uint32_t number = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture_signal ready;
        fixture_signal_make(&ready);
        FIXTURE_CHILD(first, collect_until_killed(&ready));
        fixture_hear(&ready);
        for (int i = 0; i < SPANS; i++)
            cr_assert(fixture_finish(++number));
        while (fixture_state_count(SPAN_ENDED) > 0) /* so that none was on its way */
            sched_yield();
        uint64_t start_ns = clock_monotonic_ns();
        while (span_count() < number && clock_monotonic_ns() - start_ns < FIXTURE_PATIENCE_NS)
            sched_yield();
        fixture_kill(first);
        for (int i = 0; i < SPANS; i++)
            cr_assert(fixture_finish(++number));
        FIXTURE_CHILD(orphan, {
            fixture_start(number + 1);
            fixture_finish(number + 2);
        });
        while (fixture_state_count(SPAN_ENDED) < SPANS + 1)
            sched_yield();
        fixture_kill(orphan);
        fixture_collect();
        FIXTURE_TURN_UNTIL(span_count() == number + 2);
        number += 2;
        collector_leave(&g_fixture_collector);
    }
    fixture_read();
    cr_expect_eq(fixture_line_count(), (int)number);
    for (uint32_t i = 1; i <= number; i++)
        cr_assert(fixture_line(i), "span %u is lost", i);
}

/* Killed soon after it has taken spans, but not at once: by then they are written. */
Test(collector, killed_a_moment_after_it_took_spans_loses_none)
{
    enum { ROUNDS = 5, SPANS = 50 };
    uint32_t number = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture_signal ready;
        fixture_signal_make(&ready);
        for (int i = 0; i < SPANS; i++)
            cr_assert(fixture_finish(++number));
        FIXTURE_CHILD(first, collect_until_killed(&ready));
        fixture_hear(&ready);
        uint64_t start_ns = clock_monotonic_ns();
        while (fixture_state_count(SPAN_ENDED) > 0)
            cr_assert_lt(clock_monotonic_ns() - start_ns, FIXTURE_PATIENCE_NS);
        while (clock_monotonic_ns() - start_ns < 5 * NANOS_PER_MILLI)
            ;
        fixture_kill(first);
    }
    fixture_read();
    cr_expect_eq(fixture_line_count(), (int)number, "%d of %u were lost",
                 (int)number - fixture_line_count(), number);
}

/* Killed at a random point: what is on its way just then may be lost, but nothing comes twice, and no
 * record stays taken. */
Test(collector, killed_at_any_point_writes_no_span_twice)
{
    enum { ROUNDS = FIXTURE_IS_SANITIZED ? 10 : 40, SPANS = 100 };
    uint64_t seed = 42;
    uint32_t number = 0;
    g_fixture_may_be_torn = true;
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture_signal ready;
        fixture_signal_make(&ready);
        FIXTURE_CHILD(first, collect_until_killed(&ready));
        fixture_hear(&ready);
        uint32_t spans = (uint32_t)random_below(&seed, SPANS);
        for (uint32_t i = 0; i < spans; i++)
            cr_assert(fixture_finish(++number));
        for (volatile size_t spin = random_below(&seed, 3000000); spin > 0; spin--)
            ;
        fixture_kill(first);
    }
    fixture_collect();
    close_and_read();
    for (uint32_t i = 1; i <= number; i++)
        fixture_line(i); /* asserts that it is not there twice */
    cr_expect_eq(fixture_state_count(SPAN_FREE), RING_RECORDS_MAX);
    cr_expect_leq(fixture_line_count(), (int)number);
}

/* ---- growth ---- */

Test(collector, many_open_spans_make_the_ring_grow)
{
    enum { OPEN = 2 * RING_RECORDS_FIRST };
    uint32_t taken = 0;
    fixture_collect();
    uint64_t start_ns = clock_monotonic_ns();
    while (taken < OPEN && clock_monotonic_ns() - start_ns < 3 * NANOS_PER_SECOND) {
        taken += fixture_start(taken + 1) != NULL;
        if (taken % 64 == 0)
            fixture_turn(0);
    }
    cr_expect_eq(taken, OPEN, "%u open at most, of the %u that the ring can hold", taken,
                 RING_RECORDS_MAX);
    close_and_read();
}

Test(collector, under_load_the_ring_grows_and_nothing_is_lost)
{
    enum { SPANS = 30000 };
    fixture_collect();
    for (uint32_t i = 1; i <= SPANS; i++) {
        cr_assert(fixture_finish(i), "%u", i);
        if (i % (RING_RECORDS_FIRST - 600) == 0)
            collector_work(&g_fixture_collector);
    }
    close_and_read();
    cr_expect_eq(fixture_line_count(), SPANS);
    cr_expect_gt(g_fixture_ring->record_limit, RING_RECORDS_FIRST);
}

/* ---- distrust ---- */

/* A record of a process that died, in which one field holds whatever we like. */
static void expect_no_harm(const char *name, void (*spoil)(struct span *), bool is_open)
{
    FIXTURE_CHILD(pid, {
        struct span *span = fixture_start(1);
        spoil(span);
        if (!is_open)
            span_end(span, 0);
        raise(SIGKILL);
    });
    int status = fixture_reap(pid);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s", name);
    /* In a process of its own: what it does to itself is seen by its status. */
    pid_t collector = fixture_fork();
    if (collector == 0) {
        alarm(20);
        fixture_collect();
        collector_work(&g_fixture_collector);
        collector_leave(&g_fixture_collector);
        _exit(0);
    }
    status = fixture_reap(collector);
    cr_expect_eq(status, 0, "%s, %s: the collector ended with %x", name,
                 is_open ? "open" : "ended", (unsigned)status);
    fixture_read();
    memset(g_fixture_ring->processes, 0, RING_PROCESSES_FIRST * sizeof(struct ring_process));
    memset(g_fixture_ring->states, 0, sizeof g_fixture_ring->states);
}

static void spoil_attributes_len(struct span *span)
{
    span->attributes_len = 0xfffffff0;
}
static void spoil_attributes_len_a_little(struct span *span)
{
    span->attributes_len = SPAN_BYTES_LEN + 1;
}
static void spoil_attributes_len_far(struct span *span)
{
    span->attributes_len = 1 << 24;
}
static void spoil_tracestate_len(struct span *span)
{
    span->tracestate_len = 0xffff;
}
static void spoil_tracestate_len_a_little(struct span *span)
{
    span->tracestate_len = SPAN_BYTES_LEN + 1;
    span->attributes_len = 0;
}
static void spoil_sum(struct span *span)
{
    span->tracestate_len = 0xffff;
    span->attributes_len = 0xffffffff - 0xffff;
}
static void spoil_name_len(struct span *span)
{
    span->name_len = 0xffff;
    memset(span->name, 0xff, sizeof span->name);
}
static void spoil_message_len(struct span *span)
{
    span->status = SPAN_STATUS_ERROR;
    span->message_len = 0xffff;
    memset(span->message, '"', sizeof span->message);
}
static void spoil_events(struct span *span)
{
    span->event_count = 0xff;
    memset(span->events, 0xff, sizeof span->events);
}
static void spoil_kind(struct span *span)
{
    span->kind = 0xff;
}
static void spoil_status(struct span *span)
{
    span->status = 0xff;
}
static void spoil_times(struct span *span)
{
    span->start_ns = span->start_unix_nano = UINT64_MAX;
}
static void spoil_ids(struct span *span)
{
    memset(span->trace_id, 0, sizeof span->trace_id);
    memset(span->span_id, 0, sizeof span->span_id);
}
static void spoil_attribute_header(struct span *span)
{
    memset(span->bytes, 0xff, sizeof span->bytes);
    span->attributes_len = SPAN_BYTES_LEN;
}
static void spoil_all(struct span *span)
{
    _Atomic uint32_t state = span->state;
    memset((char *)span, 0xff, sizeof *span);
    span->state = state;
    span->index = 0;
}

Test(collector, no_length_in_a_record_is_believed)
{
    static const struct {
        const char *name;
        void (*spoil)(struct span *);
    } cases[] = {
        {"attributes_len", spoil_attributes_len},
        {"attributes_len, one too many", spoil_attributes_len_a_little},
        {"attributes_len, far out", spoil_attributes_len_far},
        {"tracestate_len", spoil_tracestate_len},
        {"tracestate_len, one too many", spoil_tracestate_len_a_little},
        {"both, wrapping around", spoil_sum},
        {"name_len", spoil_name_len},
        {"message_len", spoil_message_len},
        {"events", spoil_events},
        {"kind", spoil_kind},
        {"status", spoil_status},
        {"times", spoil_times},
        {"ids", spoil_ids},
        {"attribute header", spoil_attribute_header},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_no_harm(cases[i].name, cases[i].spoil, true);
        expect_no_harm(cases[i].name, cases[i].spoil, false);
    }
    expect_no_harm("everything", spoil_all, true);
}

Test(collector, no_length_in_a_resource_is_believed)
{
    fixture_collect();
    FIXTURE_CHILD(pid, {
        fixture_start(1);
        struct resource *resource =
            &g_fixture_ring->processes[process_page()->ring_process - 1].resource;
        memset(resource, 0xff, sizeof *resource);
        fixture_finish(2);
    });
    FIXTURE_TURN_UNTIL(span_count() == 1);
    fixture_kill(pid);
    FIXTURE_TURN_UNTIL(span_count() == 2);
    close_and_read();
    cr_expect_eq(fixture_line_count(), 2);
}

/* One pid under many numbers, some of which end between two looks. */
Test(collector, many_numbers_of_one_process_do_not_hold_it_up)
{
    fixture_collect();
    FIXTURE_CHILD(pid, {});
    for (uint32_t i = 0; i < 200; i++) {
        g_fixture_ring->processes[i].start_boottime_ns = 1ULL << 62;
        g_fixture_ring->processes[i].identity = (uint64_t)pid << 8 | RING_PROCESS_READY;
    }
    atomic_store(&g_fixture_ring->has_new_process, 1);
    collector_note_exit(&g_fixture_collector, 1, 0);
    kill(pid, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    alarm(5); /* a hang ends here */
    collector_work(&g_fixture_collector);
    alarm(0);
    fixture_reap(pid);
    collector_close(&g_fixture_collector);
    cr_expect_eq(fixture_process_count(), 0);
}

/* On a file system that is full, what the ring says is usable may not be there at all. */
static void believe_nothing_on_a_full_file_system(void (*lie)(struct ring *))
{
    struct ring *ring;
    char path[128];
    if (!tiny_file_system_mount(g_fixture_directory, "size=14m"))
        cr_skip_test("no tmpfs can be mounted here");
    snprintf(path, sizeof path, "%s/small", g_fixture_directory);
    cr_assert_eq(ring_create(path, &ring), 0);
    tiny_file_system_fill(g_fixture_directory);
    lie(ring);
    pid_t pid = fixture_fork();
    if (pid == 0) {
        alarm(20);
        snprintf(g_fixture_outputs.exporters, sizeof g_fixture_outputs.exporters, "file:/dev/null");
        collector_open(&g_fixture_collector, ring, path, &g_fixture_outputs, false);
        collector_work(&g_fixture_collector);
        collector_leave(&g_fixture_collector);
        _exit(0);
    }
    int status = fixture_reap(pid);
    cr_expect_eq(status, 0, "the collector ended with %x", (unsigned)status);
    tiny_file_system_unmount(g_fixture_directory);
}

static void lie_of_processes(struct ring *ring)
{
    ring->process_limit = RING_PROCESSES_MAX;
}

static void lie_of_records(struct ring *ring)
{
    ring->states[RING_RECORDS_MAX - 1] = ring_state_make(SPAN_ENDED, 0, 0);
}

Test(collector, a_lie_of_the_process_limit_is_no_bus_error)
{
    believe_nothing_on_a_full_file_system(lie_of_processes);
}

Test(collector, a_lie_of_a_record_is_no_bus_error)
{
    believe_nothing_on_a_full_file_system(lie_of_records);
}

/* Somebody else puts the word that the waker sleeps on back to 0 all the time. */
Test(collector, leaving_does_not_hang_whatever_is_written_to_the_wake_word)
{
    FIXTURE_CHILD(pid, {
        for (;;)
            atomic_store(&g_fixture_ring->has_new_process, 0);
    });
    alarm(60);
    for (int i = 0; i < 200; i++) {
        fixture_collect();
        collector_work(&g_fixture_collector);
        collector_leave(&g_fixture_collector);
        close(g_fixture_collector.epoll_fd);
        close(g_fixture_collector.timer_fd);
        close(g_fixture_collector.newcomers.wake_fd);
        close(g_fixture_collector.processes.epoll_fd);
    }
    alarm(0);
    fixture_kill(pid);
}

/* ---- fuzz: random bytes all over the ring while the collector works ---- */

/* What is written to: the whole, or one part that is otherwise hit too rarely. */
static const struct {
    const char *name;
    size_t begin, end;
    size_t len_max;     /* of one blow */
    bool is_plausible;  /* small numbers, so that more than the first check is passed */
} TARGETS[] = {
    {"all", 0, sizeof(struct ring), 4096, false},
    {"head", 0, offsetof(struct ring, stats), 8, false},
    {"counts", offsetof(struct ring, stats), offsetof(struct ring, dirty), 64, false},
    {"dirty words", offsetof(struct ring, dirty), offsetof(struct ring, states), 8, false},
    {"states", offsetof(struct ring, states), offsetof(struct ring, processes), 64, true},
    {"processes", offsetof(struct ring, processes),
     offsetof(struct ring, processes) + 512 * sizeof(struct ring_process), 32, false},
    {"identities", offsetof(struct ring, processes), offsetof(struct ring, processes), 0, true},
    {"records", offsetof(struct ring, records),
     offsetof(struct ring, records) + 256 * sizeof(struct span), 64, false},
    {"record headers", offsetof(struct ring, records), offsetof(struct ring, records), 0, true},
};

static void strike_bytes(size_t target, uint64_t *seed)
{
    char *at = (char *)g_fixture_ring + TARGETS[target].begin +
               random_below(seed, TARGETS[target].end - TARGETS[target].begin);
    size_t len = random_below(seed, TARGETS[target].len_max) + 1;
    for (size_t i = 0; i < len && at + i < (char *)g_fixture_ring + TARGETS[target].end; i++)
        at[i] = (char)random_next(seed);
}

/* A state that means something, of a process that may be there. */
static void strike_state(uint64_t *seed)
{
    uint32_t index = (uint32_t)random_below(seed, 1024);
    g_fixture_ring->states[index] =
        ring_state_make((enum span_state)random_below(seed, 4), (uint32_t)random_next(seed),
                        (uint32_t)random_below(seed, 64));
    g_fixture_ring->records[index].state = (uint32_t)random_below(seed, 3);
    g_fixture_ring->dirty[0].word = random_next(seed);
}

static void strike_identity(uint64_t *seed)
{
    struct ring_process *process = &g_fixture_ring->processes[random_below(seed, 64)];
    uint64_t pids[] = {(uint64_t)getpid(), (uint64_t)getppid(), 1, 0x3ffffff0, random_next(seed)};
    process->identity = pids[random_below(seed, 5)] << 8 | random_below(seed, 4);
    process->start_boottime_ns = random_chance(seed, 2) ? UINT64_MAX / 2 : random_next(seed);
    g_fixture_ring->has_new_process = 1;
}

static uint32_t strange_length(uint64_t *seed)
{
    static const uint32_t lengths[] = {0, 1, 511, 512, 513, 1799, 1800, 1801, 0x7fff, 0xffff,
                                       0x10000, 0x7fffffff, 0xfffffff0, 0xffffffff};
    return lengths[random_below(seed, ARRAY_LEN(lengths))];
}

static void strike_record(uint64_t *seed)
{
    uint32_t index = (uint32_t)random_below(seed, 256);
    struct span *span = &g_fixture_ring->records[index];
    span->state = SPAN_OPEN;
    span->trace_id[0] = span->span_id[0] = (uint8_t)random_next(seed);
    span->kind = (uint8_t)random_below(seed, 4);
    span->status = (uint8_t)random_below(seed, 4);
    span->event_count = (uint8_t)random_next(seed);
    span->name_len = (uint16_t)strange_length(seed);
    span->message_len = (uint16_t)strange_length(seed);
    span->tracestate_len = (uint16_t)strange_length(seed);
    span->attributes_len = strange_length(seed);
    struct attribute_header header = {(uint8_t)random_below(seed, ATTRIBUTE_COUNT + 1),
                                      (uint8_t)random_below(seed, 4),
                                      (uint16_t)strange_length(seed)};
    memcpy(span->bytes + random_below(seed, sizeof span->bytes - sizeof header), &header,
           sizeof header);
    g_fixture_ring->states[index] =
        ring_state_make(random_chance(seed, 2) ? SPAN_OPEN : SPAN_ENDED, 0,
                        (uint32_t)random_below(seed, 64));
    g_fixture_ring->dirty[0].word = ~0ULL;
}

static void strike_for_ever(size_t target, uint64_t seed)
{
    for (;;) {
        if (TARGETS[target].len_max)
            strike_bytes(target, &seed);
        else if (strcmp(TARGETS[target].name, "identities") == 0)
            strike_identity(&seed);
        else
            strike_record(&seed);
        if (random_chance(&seed, 4))
            strike_state(&seed);
        if (random_chance(&seed, 16))
            strike_identity(&seed);
        if (random_chance(&seed, 64))
            strike_record(&seed);
        g_fixture_ring->magic = 0;
        g_fixture_ring->is_closed = 0;
    }
}

static long anonymous_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "re");
    while (kib < 0 && fgets(line, sizeof line, status))
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtol(line + 8, NULL, 10);
    fclose(status);
    return kib;
}

/* The collector in a process of its own: 0 if all went well. */
static int work_under_fire(void)
{
    enum { LOOK_MAX_S = 30, GROWTH_MAX_KIB = 64 * 1024 };
    static const uint64_t FOR_NS = 1500 * NANOS_PER_MILLI;
    fixture_collect();
    collector_work(&g_fixture_collector);
    long before_kib = anonymous_kib();
    uint64_t start_ns = clock_monotonic_ns();
    while (clock_monotonic_ns() - start_ns < FOR_NS) {
        alarm(LOOK_MAX_S); /* a hang ends in SIGALRM */
        collector_work(&g_fixture_collector);
        collector_note_exit(&g_fixture_collector, 1, 0);
        if (!FIXTURE_IS_SANITIZED && anonymous_kib() - before_kib > GROWTH_MAX_KIB)
            return 9;
    }
    alarm(LOOK_MAX_S);
    collector_close(&g_fixture_collector);
    return 0;
}

static void fuzz(size_t target, uint64_t seed)
{
    /* The spans of fuzz are not looked at; that each line is JSON is. The file stays small. */
    struct rlimit small = {64 << 20, 64 << 20};
    setrlimit(RLIMIT_FSIZE, &small);
    signal(SIGXFSZ, SIG_DFL);
    FIXTURE_CHILD(writer, strike_for_ever(target, seed));
    pid_t collector = fixture_fork();
    if (collector == 0)
        _exit(work_under_fire());
    int status = fixture_reap(collector);
    fixture_kill(writer);
    cr_expect_eq(status, 0, "%s, seed %lu: the collector ended with %x", TARGETS[target].name,
                 (unsigned long)seed, (unsigned)status);
    FILE *file = fopen(g_fixture_spans_path, "re");
    char *line = NULL;
    size_t size = 0;
    for (int i = 0; i < 20000 && file && getline(&line, &size, file) > 0; i++) {
        cJSON *span = cJSON_Parse(line);
        cr_assert(span, "%s: not JSON: %s", TARGETS[target].name, line);
        cJSON_Delete(span);
    }
    free(line);
    if (file)
        fclose(file);
}

#define FUZZ(name, target)                                                                         \
    Test(collector, name)                                                                          \
    {                                                                                              \
        for (uint64_t seed = 1; seed <= 2; seed++)                                                 \
            fuzz(target, seed);                                                                    \
    }

FUZZ(fuzz_of_the_whole_ring, 0)
FUZZ(fuzz_of_the_head, 1)
FUZZ(fuzz_of_the_counts, 2)
FUZZ(fuzz_of_the_dirty_words, 3)
FUZZ(fuzz_of_the_states, 4)
FUZZ(fuzz_of_the_processes, 5)
FUZZ(fuzz_of_the_identities, 6)
FUZZ(fuzz_of_the_records, 7)
FUZZ(fuzz_of_the_record_headers, 8)

/* ---- bounded ---- */

Test(collector, memory_stays_bounded_under_load)
{
    enum { CHILDREN = 4, LINES = FIXTURE_IS_SANITIZED ? 20000 : 200000 };
    pid_t children[CHILDREN];
    snprintf(g_fixture_outputs.exporters, sizeof g_fixture_outputs.exporters, "file:/dev/null");
    fixture_collect();
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fixture_fork();
        if (children[i] == 0)
            for (uint32_t number = 1;; number++)
                fixture_finish(number);
    }
    FIXTURE_TURN_UNTIL(span_count() > LINES / 4);
    long before_kib = anonymous_kib();
    FIXTURE_TURN_UNTIL(span_count() > LINES);
    long after_kib = anonymous_kib();
    for (int i = 0; i < CHILDREN; i++)
        fixture_kill(children[i]);
    collector_close(&g_fixture_collector);
    if (!FIXTURE_IS_SANITIZED)
        cr_expect_lt(after_kib - before_kib, 4096, "%ld KiB more", after_kib - before_kib);
}

/* The waker must not take a second newcomer for the first. */
Test(collector, newcomers_right_after_one_another_are_all_met)
{
    enum { ROUNDS = 300 };
    fixture_collect();
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        FIXTURE_CHILD(pid, {
            fixture_finish(i);
            raise(SIGKILL);
        });
        FIXTURE_TURN_UNTIL(span_count() == i);
        fixture_reap(pid);
    }
    close_and_read();
    cr_expect_eq(fixture_line_count(), ROUNDS);
}

/* The one before it was killed between clearing a dirty bit and taking what that stood for. */
Test(collector, a_successor_looks_where_no_dirty_bit_is_set)
{
    cr_assert(fixture_finish(1));
    for (uint32_t i = 0; i < RING_DIRTY_WORDS; i++)
        g_fixture_ring->dirty[i].word = 0;
    fixture_collect();
    collector_work(&g_fixture_collector);
    cr_expect_eq(span_count(), 1);
    collector_close(&g_fixture_collector);
}
