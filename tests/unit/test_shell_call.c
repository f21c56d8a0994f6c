/* Which call of system or popen has a shell been started by? Processes that fork in threads stand for the shells. */
#include "export/shell_call.h"

#include "support/ring_fixture.h"

#include <pthread.h>

TestSuite(shell_call, .init = fixture_set_up, .fini = fixture_tear_down, .timeout = 60);

static const struct shell_command g_command = {.hash = 7, .environment_span_id = {9}};

static struct span_context context_of(uint8_t number)
{
    return (struct span_context){.is_valid = true, .trace_id = {1}, .span_id = {number}};
}

static struct shell_call call_begin(uint8_t number)
{
    struct shell_call call;
    struct span_context context = context_of(number);
    shell_call_begin(&call, &g_command, &context);
    return call;
}

/* What a shell finds that the calling thread starts with @command, and which has the @pipe's end for its output, if that
 * is not negative: the number of a context; 0: nothing. */
static int found_with(const struct shell_command *command, int pipe)
{
    struct span_context found;
    pid_t pid = fixture_fork();
    if (pid == 0) {
        if (pipe >= 0)
            dup2(pipe, STDOUT_FILENO);
        _exit(shell_call_take(command, &found) ? found.span_id[0] : 0);
    }
    return WEXITSTATUS(fixture_reap(pid));
}

static int found(void)
{
    return found_with(&g_command, -1);
}

static bool kernel_tells(void)
{
    return access("/proc/thread-self/children", R_OK) == 0;
}

static void *found_by_thread(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)found();
}

static int found_elsewhere(void)
{
    pthread_t thread;
    void *result;
    cr_assert_eq(pthread_create(&thread, NULL, found_by_thread, NULL), 0);
    pthread_join(thread, &result);
    return (int)(intptr_t)result;
}

Test(shell_call, a_shell_finds_the_call_of_the_thread_that_started_it)
{
    if (!kernel_tells())
        cr_skip_test("the kernel does not tell");
    cr_expect_not(shell_call_is_any());
    struct shell_call call = call_begin(3);
    cr_expect(shell_call_is_any());
    cr_expect_eq(found_elsewhere(), 0, "another thread's");
    cr_expect_eq(found(), 3);
    cr_expect_eq(found(), 0, "it is taken once");
    shell_call_end(&call);
}

Test(shell_call, none_is_found_that_is_over_or_another)
{
    struct shell_command other_text = g_command, other_environment = g_command;
    other_text.hash++;
    other_environment.environment_span_id[0]++;
    struct shell_call call = call_begin(3);
    cr_expect_eq(found_with(&other_text, -1), 0);
    cr_expect_eq(found_with(&other_environment, -1), 0);
    shell_call_end(&call);
    cr_expect_eq(found(), 0);
}

Test(shell_call, a_shell_that_is_late_finds_what_popen_has_left)
{
    int pipes[2][2];
    struct stat st;
    struct shell_call calls[2];
    for (int i = 0; i < 2; i++) {
        calls[i] = call_begin((uint8_t)(i + 3));
        cr_assert_eq(pipe2(pipes[i], O_CLOEXEC), 0);
        fstat(pipes[i][0], &st);
        shell_call_leave(&calls[i], st.st_ino);
    }
    cr_expect_eq(found(), 0, "no pipe");
    cr_expect_eq(found_with(&g_command, pipes[1][1]), 4);
    struct shell_call next = call_begin(5);
    cr_expect_eq(found_with(&g_command, pipes[0][1]), 3, "not that which the thread has begun since");
    cr_expect_eq(found_with(&g_command, pipes[1][1]), kernel_tells() ? 5 : 0);
    shell_call_end(&next);
}

enum { THREADS = 8, ROUNDS = 50 };

static void *call_often(void *first)
{
    intptr_t wrong_count = 0;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t number = (uint8_t)((intptr_t)first + i);
        struct shell_call call = call_begin(number);
        wrong_count += found() != number;
        shell_call_end(&call);
    }
    return (void *)wrong_count;
}

Test(shell_call, threads_that_run_the_same_command_get_each_its_own)
{
    pthread_t threads[THREADS];
    if (!kernel_tells())
        cr_skip_test("the kernel does not tell");
    for (intptr_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, call_often, (void *)(1 + i * 25)), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong_count;
        pthread_join(threads[i], &wrong_count);
        cr_expect_eq((intptr_t)wrong_count, 0);
    }
    cr_expect_leq(g_fixture_ring->shell_limit, THREADS, "places are used again");
}

Test(shell_call, all_of_a_context_is_handed_on)
{
    struct span_context context = context_of(3), out;
    struct shell_call call;
    int pipe[2];
    struct stat st;
    context.tracestate_len = TRACESTATE_LEN_MAX;
    context.baggage_len = BAGGAGE_LEN_MAX;
    memset(context.tracestate, 'a', sizeof context.tracestate);
    memset(context.baggage, 'b', sizeof context.baggage);
    shell_call_begin(&call, &g_command, &context);
    cr_assert_eq(pipe2(pipe, O_CLOEXEC), 0);
    fstat(pipe[0], &st);
    shell_call_leave(&call, st.st_ino);
    pid_t pid = fixture_fork();
    if (pid == 0) {
        dup2(pipe[0], STDIN_FILENO);
        _exit(shell_call_take(&g_command, &out) && memcmp(&out, &context, sizeof out) == 0 ? 0 : 1);
    }
    cr_expect_eq(WEXITSTATUS(fixture_reap(pid)), 0);
}

Test(shell_call, where_there_is_no_room_the_shell_does_not_know)
{
    struct shell_call calls[RING_SHELLS_MAX + 1];
    for (int i = 0; i <= RING_SHELLS_MAX; i++)
        calls[i] = call_begin(3);
    cr_expect_not_null(calls[RING_SHELLS_MAX - 1].place);
    cr_expect_null(calls[RING_SHELLS_MAX].place);
    shell_call_end(&calls[RING_SHELLS_MAX]);
    shell_call_leave(&calls[RING_SHELLS_MAX], 1);
    calls[4].place->begin_monotonic_ns -= 61 * NANOS_PER_SECOND;
    struct shell_call late = call_begin(4);
    cr_expect_eq(late.place, calls[4].place, "nobody has looked for a minute");
    shell_call_end(&calls[4]);
    cr_expect_eq(atomic_load(&late.place->word), late.word, "it is not the earlier call's any more");
}
