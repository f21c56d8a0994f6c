/* The processes that share a ring, as the collector sees them: found, watched, buried, forgotten. */
#include "launcher/traced_processes.h"

#include "support/ring_fixture.h"

#include <sys/resource.h>

static struct traced_processes g_processes;

static void set_up(void)
{
    fixture_set_up();
    cr_assert_eq(traced_processes_open(&g_processes, NULL), 0);
}

TestSuite(traced_processes, .init = set_up, .fini = fixture_tear_down, .timeout = 60);

static uint64_t boottime_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * NANOS_PER_SECOND + (uint64_t)t.tv_nsec;
}

static void announce(uint32_t number, uint64_t pid, enum ring_process_state state)
{
    struct ring_process *process = &g_fixture_ring->processes[number];
    process->start_boottime_ns = boottime_ns();
    process->resource.service_name_len = 3;
    memcpy(process->resource.service_name, "abc", 3);
    process->identity = pid << 8 | state;
}

static const struct traced_process *at(uint32_t number)
{
    return g_processes.table[number];
}

static void scan(void)
{
    traced_processes_scan(&g_processes, g_fixture_ring, RING_PROCESSES_FIRST);
}

Test(traced_processes, finds_who_is_ready)
{
    announce(5, (uint64_t)getpid(), RING_PROCESS_READY);
    scan();
    cr_assert(at(5));
    cr_expect_eq(at(5)->pid, getpid());
    cr_expect_eq(g_processes.live_count, 1);
    cr_expect_not(g_processes.has_dead);
    cr_expect_eq(memcmp(traced_processes_resource(&g_processes, 5)->service_name, "abc", 3), 0);
    scan();
    cr_expect_eq(g_processes.live_count, 1);
}

Test(traced_processes, goes_on_when_it_has_executed_nothing)
{
    announce(5, (uint64_t)getpid(), RING_PROCESS_READY);
    scan();
    announce(6, (uint64_t)getpid(), RING_PROCESS_EXECUTING);
    g_fixture_ring->processes[6].start_boottime_ns += 60 * NANOS_PER_SECOND; /* however slow we are */
    scan();
    traced_processes_reap(&g_processes);
    cr_expect_eq(g_fixture_ring->processes[6].identity & 0xff, RING_PROCESS_WATCHED);
    cr_expect_not(at(5)->is_dead);
    cr_expect_not(at(6)->is_dead);
    g_fixture_ring->processes[6].identity = (uint64_t)getpid() << 8 | RING_PROCESS_ABANDONED;
    traced_processes_reap(&g_processes);
    cr_expect(at(6)->is_dead);
    cr_expect_not(at(5)->is_dead);
    cr_expect_eq(g_processes.live_count, 1);
    traced_processes_forget_dead(&g_processes, g_fixture_ring);
    cr_expect_eq(g_fixture_ring->processes[6].identity, 0);
}

Test(traced_processes, is_over_when_the_execution_has_not_come_back)
{
    announce(5, (uint64_t)getpid(), RING_PROCESS_READY);
    announce(6, (uint64_t)getpid(), RING_PROCESS_EXECUTING);
    scan();
    while (!at(5)->is_dead)
        traced_processes_reap(&g_processes);
    cr_expect(at(5)->reason.is_exec);
    cr_expect_not(at(6)->is_dead);
    cr_expect_eq(g_fixture_ring->processes[6].identity & 0xff, RING_PROCESS_READY);
}

/* Who may have failed long ago has to wait for a processor. */
Test(traced_processes, nothing_is_executed_as_long_as_the_ring_is_mapped)
{
    traced_processes_open(&g_processes, g_fixture_ring_path);
    announce(5, (uint64_t)getpid(), RING_PROCESS_READY);
    announce(6, (uint64_t)getpid(), RING_PROCESS_EXECUTING);
    g_fixture_ring->processes[6].start_boottime_ns -= 60 * NANOS_PER_SECOND;
    scan();
    traced_processes_reap(&g_processes);
    cr_expect_eq(g_fixture_ring->processes[6].identity & 0xff, RING_PROCESS_WATCHED);
    cr_expect_not(at(5)->is_dead);
}

Test(traced_processes, what_has_not_mapped_the_ring_was_executed)
{
    traced_processes_open(&g_processes, g_fixture_ring_path);
    FIXTURE_CHILD(pid, { execlp("sleep", "sleep", "60", NULL); });
    announce(6, (uint64_t)pid, RING_PROCESS_EXECUTING);
    scan();
    while ((g_fixture_ring->processes[6].identity & 0xff) != RING_PROCESS_READY)
        traced_processes_reap(&g_processes);
    cr_expect_not(at(6)->is_dead);
    fixture_kill(pid);
}

Test(traced_processes, an_abandoned_place_that_nobody_has_seen_is_free)
{
    announce(6, (uint64_t)getpid(), RING_PROCESS_ABANDONED);
    scan();
    cr_expect_null(at(6));
    cr_expect_eq(g_fixture_ring->processes[6].identity, 0);
}

Test(traced_processes, the_unknown_have_a_resource_without_a_name)
{
    static const uint32_t numbers[] = {0, 5, RING_PROCESSES_MAX - 1, RING_PROCESSES_MAX, 0xffff,
                                       0xffffffff};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const struct resource *resource = traced_processes_resource(&g_processes, numbers[i]);
        cr_expect_eq(memcmp(resource->service_name, "unknown_service", 15), 0);
        cr_expect_eq(resource->service_name_len, 15);
    }
}

Test(traced_processes, the_resource_is_a_copy_with_lengths_that_hold)
{
    announce(5, (uint64_t)getpid(), RING_PROCESS_READY);
    memset(&g_fixture_ring->processes[5].resource, 0xff, sizeof(struct resource));
    scan();
    const struct resource *resource = traced_processes_resource(&g_processes, 5);
    cr_expect_eq(resource->service_name_len, sizeof resource->service_name);
    cr_expect_eq(resource->executable_name_len, sizeof resource->executable_name);
    cr_expect_eq(resource->host_name_len, sizeof resource->host_name);
    cr_expect_eq(resource->attributes_len, sizeof resource->attributes);
    memset(&g_fixture_ring->processes[5].resource, 0, sizeof(struct resource));
    cr_expect_eq((uint8_t)resource->service_name[0], 0xff);
}

Test(traced_processes, an_end_is_noticed_and_the_number_given_back)
{
    FIXTURE_CHILD(pid, {});
    announce(5, (uint64_t)pid, RING_PROCESS_READY);
    scan();
    traced_processes_reap(&g_processes);
    cr_expect_not(at(5)->is_dead);
    int status = fixture_kill(pid);
    traced_processes_reap(&g_processes);
    cr_assert(at(5));
    cr_expect(at(5)->is_dead);
    cr_expect(g_processes.has_dead);
    cr_expect_eq(g_processes.live_count, 0);
    traced_processes_note_exit(&g_processes, pid, status);
    cr_expect(at(5)->reason.is_known);
    cr_expect_eq(at(5)->reason.wait_status, SIGKILL);
    cr_expect_neq(g_fixture_ring->processes[5].identity, 0);
    traced_processes_forget_dead(&g_processes, g_fixture_ring);
    cr_expect_null(at(5));
    cr_expect_eq(g_fixture_ring->processes[5].identity, 0);
    cr_expect_not(g_processes.has_dead);
}

Test(traced_processes, many_ends_at_once_are_all_noticed)
{
    enum { CHILDREN = 150 };
    static pid_t children[CHILDREN];
    for (uint32_t i = 0; i < CHILDREN; i++) {
        FIXTURE_CHILD(pid, {});
        children[i] = pid;
        announce(i, (uint64_t)pid, RING_PROCESS_READY);
    }
    scan();
    cr_expect_eq(g_processes.live_count, CHILDREN);
    for (uint32_t i = 0; i < CHILDREN; i++)
        fixture_kill(children[i]);
    traced_processes_reap(&g_processes);
    cr_expect_eq(g_processes.live_count, 0);
    traced_processes_forget_dead(&g_processes, g_fixture_ring);
    for (uint32_t i = 0; i < CHILDREN; i++)
        cr_expect_null(at(i));
}

Test(traced_processes, who_is_gone_already_is_dead_at_once)
{
    FIXTURE_CHILD(pid, {});
    announce(5, (uint64_t)pid, RING_PROCESS_READY);
    fixture_kill(pid);
    scan();
    cr_expect(at(5)->is_dead);
    cr_expect_eq(g_processes.live_count, 0);
}

Test(traced_processes, what_killed_one_that_is_gone_is_its_parents_word)
{
    FIXTURE_CHILD(pid, {});
    announce(5, (uint64_t)pid, RING_PROCESS_READY);
    g_fixture_ring->processes[5].killed_status = SIGSEGV | 0x80;
    fixture_kill(pid);
    scan();
    cr_expect(at(5)->is_dead && traced_process_reason(g_processes.table[5])->is_known);
    cr_expect_eq(at(5)->reason.wait_status, SIGSEGV | 0x80);
}

Test(traced_processes, pids_that_cannot_be_are_forgotten)
{
    static const uint64_t pids[] = {0x3fffffff, 0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 40,
                                    (1ULL << 56) - 1};
    for (uint32_t i = 0; i < sizeof pids / sizeof *pids; i++)
        announce(i, pids[i], RING_PROCESS_READY);
    scan();
    cr_expect_eq(g_processes.live_count, 0);
    traced_processes_forget_dead(&g_processes, g_fixture_ring);
    for (uint32_t i = 0; i < sizeof pids / sizeof *pids; i++)
        cr_expect_eq(g_fixture_ring->processes[i].identity, 0, "%lx", (unsigned long)pids[i]);
}

Test(traced_processes, a_later_start_than_what_it_said_is_another_process)
{
    FIXTURE_CHILD(pid, {});
    announce(5, (uint64_t)pid, RING_PROCESS_READY);
    g_fixture_ring->processes[5].start_boottime_ns -= 60 * NANOS_PER_SECOND;
    announce(6, (uint64_t)getpid(), RING_PROCESS_READY);
    scan();
    cr_expect(at(5)->is_dead);
    cr_expect_not(at(6)->is_dead);
    fixture_kill(pid);
}

Test(traced_processes, of_two_programs_in_one_process_the_first_is_over)
{
    FIXTURE_CHILD(pid, {});
    announce(9, (uint64_t)pid, RING_PROCESS_READY);
    scan();
    announce(3, (uint64_t)pid, RING_PROCESS_READY); /* lower in the table, and yet later */
    scan();
    cr_expect(at(9)->is_dead);
    cr_expect_not(at(3)->is_dead);
    cr_expect_eq(g_processes.live_count, 1);
    traced_processes_forget_dead(&g_processes, g_fixture_ring);
    fixture_kill(pid);
    traced_processes_reap(&g_processes);
    cr_expect_eq(g_processes.live_count, 0);
}

/* A collector that takes over meets both at once, in the order of the table. */
Test(traced_processes, of_two_programs_met_at_once_the_later_lives)
{
    announce(9, (uint64_t)getpid(), RING_PROCESS_READY);
    g_fixture_ring->processes[9].start_boottime_ns -= 1000;
    announce(3, (uint64_t)getpid(), RING_PROCESS_READY);
    scan();
    cr_expect(at(9)->is_dead);
    cr_expect_not(at(3)->is_dead, "the one that came later lives");
}

Test(traced_processes, a_process_that_waits_to_be_ready_is_not_judged)
{
    FIXTURE_CHILD(pid, {});
    announce(5, (uint64_t)pid, RING_PROCESS_CLAIMED);
    g_fixture_ring->processes[5].start_boottime_ns = 0; /* not written yet */
    scan();
    traced_processes_forget_dead(&g_processes, g_fixture_ring);
    cr_expect_neq(g_fixture_ring->processes[5].identity, 0);
    announce(5, (uint64_t)pid, RING_PROCESS_READY);
    scan();
    cr_assert(at(5));
    cr_expect_not(at(5)->is_dead);
    cr_expect_eq(memcmp(traced_processes_resource(&g_processes, 5)->service_name, "abc", 3), 0);
    fixture_kill(pid);
    traced_processes_reap(&g_processes);
    traced_processes_forget_dead(&g_processes, g_fixture_ring);
    cr_expect_eq(g_fixture_ring->processes[5].identity, 0);
}

Test(traced_processes, one_that_died_before_it_was_ready_leaves_no_number_behind)
{
    FIXTURE_CHILD(pid, {});
    announce(5, (uint64_t)pid, RING_PROCESS_CLAIMED);
    fixture_kill(pid);
    scan();
    traced_processes_forget_dead(&g_processes, g_fixture_ring);
    cr_expect_eq(g_fixture_ring->processes[5].identity, 0);
}

Test(traced_processes, nobody_is_dead_for_want_of_a_descriptor)
{
    struct rlimit limit;
    announce(5, (uint64_t)getpid(), RING_PROCESS_READY);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)g_processes.epoll_fd + 1;
    setrlimit(RLIMIT_NOFILE, &limit);
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    scan();
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    cr_expect(!at(5) || !at(5)->is_dead);
    traced_processes_forget_dead(&g_processes, g_fixture_ring);
    cr_expect_neq(g_fixture_ring->processes[5].identity, 0);
}

Test(traced_processes, descriptors_are_given_back)
{
    int before = open("/dev/null", O_RDONLY);
    close(before);
    for (uint32_t i = 0; i < 200; i++) {
        FIXTURE_CHILD(pid, {});
        announce(i, (uint64_t)pid, RING_PROCESS_READY);
        scan();
        fixture_kill(pid);
        traced_processes_reap(&g_processes);
        traced_processes_forget_dead(&g_processes, g_fixture_ring);
    }
    int after = open("/dev/null", O_RDONLY);
    cr_expect_eq(after, before);
}

/* The number was somebody else's before: what that left is not taken for the newcomer's own. */
Test(traced_processes, a_process_that_is_coming_is_not_judged_by_what_was_there_before)
{
    FIXTURE_CHILD(pid, {});
    announce(5, (uint64_t)pid, RING_PROCESS_CLAIMED);
    g_fixture_ring->processes[5].start_boottime_ns -= 60 * NANOS_PER_SECOND;
    scan();
    traced_processes_forget_dead(&g_processes, g_fixture_ring);
    cr_expect_neq(g_fixture_ring->processes[5].identity, 0, "its number was taken away");
    announce(5, (uint64_t)pid, RING_PROCESS_READY);
    scan();
    cr_expect(at(5) && !at(5)->is_dead);
    fixture_kill(pid);
}

/* exec, and the second program is just coming. */
Test(traced_processes, a_second_program_that_is_just_coming_is_the_later_one)
{
    FIXTURE_CHILD(pid, {});
    announce(5, (uint64_t)pid, RING_PROCESS_READY);
    scan();
    announce(6, (uint64_t)pid, RING_PROCESS_CLAIMED);
    g_fixture_ring->processes[6].start_boottime_ns = 0;
    scan();
    traced_processes_forget_dead(&g_processes, g_fixture_ring);
    announce(6, (uint64_t)pid, RING_PROCESS_READY);
    scan();
    cr_expect(!at(5) || at(5)->is_dead);
    cr_expect(at(6) && !at(6)->is_dead, "the program that runs was taken for the one before");
    fixture_kill(pid);
}

/* Buried at once, and yet watched: their ends must not be told of for ever. */
Test(traced_processes, many_that_were_dead_from_the_start_do_not_hang_it, .timeout = 20)
{
    FIXTURE_CHILD(pid, {});
    for (uint32_t i = 0; i < 200; i++) {
        announce(i, (uint64_t)pid, RING_PROCESS_READY);
        g_fixture_ring->processes[i].start_boottime_ns = 1;
    }
    scan();
    kill(pid, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    traced_processes_reap(&g_processes);
    fixture_reap(pid);
    cr_expect_eq(g_processes.live_count, 0);
}

/* Its end is the later program's, also where both have ended before anybody looked. */
Test(traced_processes, what_becomes_of_a_process_is_the_end_of_its_last_program)
{
    struct fixture_signal go;
    fixture_signal_make(&go);
    FIXTURE_CHILD(pid, {
        fixture_hear(&go);
        _exit(7);
    });
    announce(5, (uint64_t)pid, RING_PROCESS_READY);
    scan();
    fixture_tell(&go);
    while (!at(5)->is_dead)
        traced_processes_reap(&g_processes);
    announce(6, (uint64_t)pid, RING_PROCESS_READY);
    scan();
    cr_expect(at(5)->reason.is_exec);
    cr_expect_eq(at(5)->ended_boottime_ns, at(6)->registered_boottime_ns);
    cr_expect(at(6)->reason.is_known);
    cr_expect_not(at(6)->reason.is_exec);
    cr_expect_eq(WEXITSTATUS(at(6)->reason.wait_status), 7);
    fixture_reap(pid);
}
