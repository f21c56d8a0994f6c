/* test_context.c - ids are unique across threads, forks and time; a child inherits what it should.
 */
#include "trace/context.h"

#include "base/compiler.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 1000000, FEW = 1000 };

static uint64_t span_id_next(void)
{
    uint64_t id;
    span_id_generate((uint8_t *)&id);
    return id;
}

static void span_ids_fill(uint64_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ids[i] = span_id_next();
}

/* Memory that fork children write their ids to. */
static uint64_t *shared_ids(size_t count)
{
    uint64_t *ids =
        mmap(NULL, count * sizeof *ids, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(ids, MAP_FAILED);
    return ids;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void assert_distinct_and_not_zero(uint64_t *ids, size_t count)
{
    qsort(ids, count, sizeof *ids, compare_ids);
    cr_assert_neq(ids[0], 0);
    for (size_t i = 1; i < count; i++)
        cr_assert_neq(ids[i - 1], ids[i], "an id was given twice");
}

static void assert_succeeded(pid_t child)
{
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}

Test(context, a_million_span_ids_are_distinct)
{
    uint64_t *ids = shared_ids(MANY);
    span_ids_fill(ids, MANY);
    assert_distinct_and_not_zero(ids, MANY);
}

Test(context, a_million_trace_ids_are_distinct_in_either_half)
{
    uint64_t *ids = shared_ids(2 * MANY);
    for (size_t i = 0; i < MANY; i++) {
        uint64_t id[2];
        trace_id_generate((uint8_t *)id);
        ids[i] = id[0];
        ids[MANY + i] = id[1];
    }
    assert_distinct_and_not_zero(ids, MANY);
    assert_distinct_and_not_zero(ids + MANY, MANY);
}

Test(context, ids_look_random)
{
    /* Each of the 64 bits is set in about half of the ids. */
    int set[64] = {0};
    for (int i = 0; i < 10000; i++)
        for (uint64_t id = span_id_next(), bit = 0; bit < 64; bit++)
            set[bit] += id >> bit & 1;
    for (int bit = 0; bit < 64; bit++)
        cr_assert(set[bit] > 4700 && set[bit] < 5300, "bit %d is set %d times", bit, set[bit]);
}

static void *filler_main(void *ids)
{
    span_ids_fill(ids, MANY / 4);
    return NULL;
}

Test(context, threads_share_no_id)
{
    uint64_t *ids = shared_ids(MANY);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, filler_main, ids + i * (MANY / 4)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_distinct_and_not_zero(ids, MANY);
}

Test(context, parent_and_fork_child_share_no_id_after_heavy_use)
{
    uint64_t *ids = shared_ids(3 * MANY);
    span_ids_fill(ids, MANY);
    pid_t child = fork();
    span_ids_fill(ids + (child ? 1 : 2) * MANY, MANY);
    if (child == 0)
        _exit(0);
    assert_succeeded(child);
    assert_distinct_and_not_zero(ids, 3 * MANY);
}

Test(context, a_child_of_a_process_that_made_no_id_yet_has_its_own)
{
    uint64_t *ids = shared_ids(2 * FEW);
    pid_t child = fork();
    span_ids_fill(ids + (child ? 0 : FEW), FEW);
    if (child == 0)
        _exit(0);
    assert_succeeded(child);
    assert_distinct_and_not_zero(ids, 2 * FEW);
}

/* A process forked past libc, as by a static fork of its own: no handler of ours has run. */
Test(context, a_child_forked_by_system_call_has_its_own_ids)
{
    uint64_t *ids = shared_ids(2 * FEW);
    span_id_next();
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    span_ids_fill(ids + (child ? 0 : FEW), FEW);
    if (child == 0)
        _exit(0);
    assert_succeeded(child);
    assert_distinct_and_not_zero(ids, 2 * FEW);
}

Test(context, generations_and_siblings_share_no_id)
{
    enum { GENERATIONS = 50 };
    uint64_t *ids = shared_ids((2 * GENERATIONS + 1) * FEW);
    span_ids_fill(ids, FEW);
    pid_t first = fork();
    for (int i = 1; first == 0; i++) { /* each process forks the next generation */
        span_ids_fill(ids + i * FEW, FEW);
        if (i == GENERATIONS)
            _exit(0);
        pid_t next = fork();
        int status = 0;
        if (next > 0)
            _exit(waitpid(next, &status, 0) == next && status == 0 ? 0 : 1);
    }
    assert_succeeded(first);
    for (int i = 1; i <= GENERATIONS; i++) { /* all children of this process */
        pid_t child = fork();
        if (child == 0) {
            span_ids_fill(ids + (GENERATIONS + i) * FEW, FEW);
            _exit(0);
        }
        assert_succeeded(child);
    }
    assert_distinct_and_not_zero(ids, (2 * GENERATIONS + 1) * FEW);
}

/* A vfork child has its parent's memory, generator included, and must not disturb it. */
Test(context, a_vfork_child_takes_ids_that_its_parent_does_not)
{
    uint64_t *ids = shared_ids(3 * FEW);
    span_ids_fill(ids, FEW);
    pid_t child = vfork();
    if (child == 0) {
        span_ids_fill(ids + FEW, FEW);
        _exit(0);
    }
    assert_succeeded(child);
    span_ids_fill(ids + 2 * FEW, FEW);
    assert_distinct_and_not_zero(ids, 3 * FEW);
}

static pthread_barrier_t g_barrier;

static void *first_id_main(void *id)
{
    pthread_barrier_wait(&g_barrier);
    *(uint64_t *)id = span_id_next();
    return NULL;
}

/* A server that forks and then starts its workers: all of them want the process's first id at once,
 * and none may get one from a generator that is not seeded yet. */
Test(context, threads_that_race_for_the_first_id_of_a_fork_child_share_none, .timeout = 120)
{
    enum { CHILDREN = 400, THREADS = 4 };
    uint64_t *ids = shared_ids(CHILDREN * THREADS);
    span_id_next();
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t threads[THREADS];
            pthread_barrier_init(&g_barrier, NULL, THREADS);
            for (int j = 0; j < THREADS; j++)
                pthread_create(&threads[j], NULL, first_id_main, &ids[i * THREADS + j]);
            for (int j = 0; j < THREADS; j++)
                pthread_join(threads[j], NULL);
            _exit(0);
        }
        assert_succeeded(child);
    }
    assert_distinct_and_not_zero(ids, CHILDREN * THREADS);
}

/* In a new process namespace the child is process 1, as its parent may be in its own. */
Test(context, a_fork_child_with_its_parents_process_id_has_its_own_ids)
{
    enum { DEPTH = 4 };
    uint64_t *ids = shared_ids(DEPTH * FEW);
    pid_t top = fork();
    if (top == 0) {
        for (int i = 0; i < DEPTH; i++) {
            span_ids_fill(ids + i * FEW, FEW);
            if (unshare(CLONE_NEWPID) < 0)
                _exit(77);
            pid_t next = fork();
            int status = 0;
            if (next > 0)
                _exit(waitpid(next, &status, 0) == next ? WEXITSTATUS(status) : 1);
        }
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(top, &status, 0), top);
    if (WEXITSTATUS(status) == 77)
        cr_skip("no right to make a process namespace\n");
    cr_assert_eq(status, 0);
    assert_distinct_and_not_zero(ids, DEPTH * FEW);
}

static const struct span_context PARENT = {
    .trace_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
    .span_id = {1, 2, 3, 4, 5, 6, 7, 8},
    .trace_flags = TRACE_FLAG_RANDOM, /* and not sampled */
    .is_valid = true,
    .tracestate_len = 7,
    .tracestate = "foo=bar",
    .baggage_len = 3,
    .baggage = "k=v",
};

Test(context, a_child_keeps_trace_id_flags_tracestate_and_baggage)
{
    struct span_context parent = PARENT, child;
    memset(&child, 0xa5, sizeof child);
    span_context_child(&child, &parent);
    cr_assert(child.is_valid);
    cr_assert_arr_eq(child.trace_id, PARENT.trace_id, TRACE_ID_LEN);
    cr_assert_arr_neq(child.span_id, PARENT.span_id, SPAN_ID_LEN);
    cr_assert_eq(child.trace_flags, TRACE_FLAG_RANDOM);
    cr_assert_eq(child.tracestate_len, 7);
    cr_assert_arr_eq(child.tracestate, "foo=bar", 7);
    cr_assert_eq(child.baggage_len, 3);
    cr_assert_arr_eq(child.baggage, "k=v", 3);
    cr_assert_arr_eq(&parent, &PARENT, sizeof parent, "the parent is left alone");
}

Test(context, a_child_of_nobody_or_of_an_invalid_parent_is_a_sampled_root)
{
    struct span_context invalid = PARENT, roots[2];
    invalid.is_valid = false;
    memset(roots, 0xa5, sizeof roots);
    span_context_child(&roots[0], NULL);
    span_context_child(&roots[1], &invalid);
    for (int i = 0; i < 2; i++) {
        cr_assert(roots[i].is_valid);
        cr_assert_arr_neq(roots[i].trace_id, PARENT.trace_id, TRACE_ID_LEN);
        cr_assert_eq(roots[i].trace_flags, TRACE_FLAG_SAMPLED | TRACE_FLAG_RANDOM);
        cr_assert_eq(roots[i].tracestate_len, 0);
        cr_assert_eq(roots[i].baggage_len, 0);
    }
    cr_assert_arr_neq(roots[0].trace_id, roots[1].trace_id, TRACE_ID_LEN);
}

Test(context, children_of_one_parent_have_different_span_ids)
{
    struct span_context children[3];
    for (int i = 0; i < 3; i++)
        span_context_child(&children[i], &PARENT);
    cr_assert_arr_neq(children[0].span_id, children[1].span_id, SPAN_ID_LEN);
    cr_assert_arr_neq(children[1].span_id, children[2].span_id, SPAN_ID_LEN);
    cr_assert_arr_neq(children[0].span_id, children[2].span_id, SPAN_ID_LEN);
}

Test(context, a_copy_touches_no_more_of_tracestate_and_baggage_than_there_is)
{
    struct span_context copy;
    memset(&copy, 0xa5, sizeof copy);
    span_context_copy(&copy, &PARENT);
    cr_assert_arr_eq(&copy, &PARENT, offsetof(struct span_context, tracestate) + 7);
    for (size_t i = 7; i < sizeof copy.tracestate; i++)
        cr_assert_eq((unsigned char)copy.tracestate[i], 0xa5);
    cr_assert_arr_eq(copy.baggage, "k=v\xa5", 4);
}
