/* test_parked.c - native threads that are started anew by whoever signals their condition. */
#include "trace/parked.h"

#include "trace/active.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct active_request g_request;
static char g_conditions[4096]; /* their addresses are all that counts */

static struct active_context serve(void)
{
    struct active_context active = {.source = ACTIVE_SERVER, .owner = {&g_request, atomic_load(&g_request.generation)}};
    span_context_child(&active.context, NULL);
    active_request_begin(&g_request);
    active_set(&active);
    return active;
}

static bool is_current(const struct active_context *expected)
{
    const struct active_context *current = active_current(NULL);
    return current && memcmp(current->context.span_id, expected->context.span_id, SPAN_ID_LEN) == 0;
}

static void *signal_one(void *condition)
{
    serve();
    parked_start(condition);
    return NULL;
}

static void on_a_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, function, argument), 0);
    pthread_join(thread, NULL);
}

static void *serve_and_start(void *out)
{
    *(struct active_context *)out = serve();
    parked_start(&g_conditions[0]);
    return NULL;
}

Test(parked, who_is_started_inherits_and_what_it_did_before_is_over)
{
    struct active_context before = serve(), starter;
    struct parked *parked = parked_enter(&g_conditions[0]);
    cr_assert_not_null(parked);
    cr_assert_null(active_current(NULL));
    on_a_thread(serve_and_start, &starter);
    cr_assert(!is_current(&starter), "not before it wakes up");
    parked_leave(parked);
    cr_assert(is_current(&starter));
    cr_assert(!is_current(&before));
    cr_assert_eq(active_current(NULL)->source, ACTIVE_THREAD);
    cr_assert_eq(g_parked_count, 0);
}

Test(parked, a_signal_for_another_says_nothing)
{
    enum active_verdict verdict;
    serve();
    struct parked *parked = parked_enter(&g_conditions[0]);
    on_a_thread(signal_one, &g_conditions[8]);
    parked_leave(parked);
    cr_assert_null(active_current(&verdict));
    cr_assert_eq(verdict, ACTIVE_UNCLEAR, "it may have been started by what we do not see");
    on_a_thread(signal_one, &g_conditions[0]);
    cr_assert_null(active_current(&verdict), "it is not parked any more");
}

Test(parked, whom_two_have_signalled_is_unclear)
{
    struct parked *parked = parked_enter(&g_conditions[0]);
    on_a_thread(signal_one, &g_conditions[0]);
    on_a_thread(signal_one, &g_conditions[0]);
    parked_leave(parked);
    cr_assert_null(active_current(NULL));
}

static void *signal_for_nothing(void *condition)
{
    parked_start(condition);
    return NULL;
}

Test(parked, who_is_started_for_no_request_is_as_new)
{
    enum active_verdict verdict;
    serve();
    struct parked *parked = parked_enter(&g_conditions[0]);
    on_a_thread(signal_for_nothing, &g_conditions[0]);
    parked_leave(parked);
    cr_assert_null(active_current(&verdict));
    cr_assert_eq(verdict, ACTIVE_UNKNOWN);
}

Test(parked, more_than_there_is_room_for_are_nobodys)
{
    size_t taken = 0;
    struct parked *parked[sizeof g_conditions];
    for (size_t i = 0; i < sizeof g_conditions; i++)
        taken += (parked[i] = parked_enter(&g_conditions[i])) != NULL;
    cr_assert_geq(taken, 500);
    cr_assert_lt(taken, sizeof g_conditions);
    for (size_t i = 0; i < sizeof g_conditions; i++)
        parked_leave(parked[i]);
    cr_assert_eq(g_parked_count, 0);
    cr_assert_not_null(parked_enter(&g_conditions[0]));
}

/* Of the threads that were parked there is none in it. */
Test(parked, a_fork_child_has_all_places)
{
    size_t taken = 0;
    for (size_t i = 0; i < 256; i++)
        taken += parked_enter(&g_conditions[i * 16]) != NULL;
    pid_t child = fork();
    if (child == 0) {
        size_t again = 0;
        for (size_t i = 0; i < 256; i++)
            again += parked_enter(&g_conditions[i * 16]) != NULL;
        _exit(again == taken ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}
