/* test_active.c - whose work a thread is doing, and when nobody can say. */
#include "trace/active.h"

#include "base/compiler.h"
#include "base/process.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct active_request g_request, g_other_request;

static struct active_context context_of(enum active_source source)
{
    struct active_context active = {.source = (uint8_t)source,
                                    .owner = {&g_request, atomic_load(&g_request.generation)}};
    span_context_child(&active.context, NULL);
    return active;
}

static bool is_current(const struct active_context *expected)
{
    const struct active_context *current = active_current(NULL);
    return current &&
           memcmp(current->context.span_id, expected->context.span_id, SPAN_ID_LEN) == 0 &&
           memcmp(current->context.trace_id, expected->context.trace_id, TRACE_ID_LEN) == 0;
}

Test(active, nothing_is_known_at_first)
{
    enum active_verdict verdict;
    cr_assert_null(active_current(&verdict));
    cr_assert_eq(verdict, ACTIVE_UNKNOWN);
}

static void request_end(void)
{
    active_request_end(&g_request);
    atomic_fetch_add(&g_request.generation, 1);
}

static struct active_context serve(void)
{
    struct active_context active = context_of(ACTIVE_SERVER);
    active_request_begin(&g_request);
    active_set(&active);
    return active;
}

/* A notification that is sent after the answer still belongs to its request. */
Test(active, what_is_set_is_current_until_the_thread_turns_to_something_else)
{
    struct active_context active = serve();
    cr_assert(is_current(&active));
    request_end();
    cr_assert(is_current(&active));
    active_next_turn();
    cr_assert_null(active_current(NULL));
}

static void *request_end_on_thread(void *unused)
{
    request_end();
    return unused;
}

Test(active, what_another_thread_has_answered_is_over)
{
    pthread_t thread;
    serve();
    cr_assert_eq(pthread_create(&thread, NULL, request_end_on_thread, NULL), 0);
    pthread_join(thread, NULL);
    cr_assert_null(active_current(NULL));
}

Test(active, what_has_no_owner_here_is_always_open)
{
    struct active_context active = context_of(ACTIVE_SERVER);
    active.owner.request = NULL;
    active_set(&active);
    atomic_fetch_add(&g_request.generation, 1);
    active_next_turn();
    cr_assert(is_current(&active));
}

/* A pool's thread outlives the request that it happened to be started in. */
Test(active, what_a_thread_inherits_is_good_until_it_has_waited)
{
    struct active_context active = context_of(ACTIVE_THREAD);
    active_request_begin(&g_request);
    active_set(&active);
    active_note_wait();
    cr_assert(is_current(&active), "its creator has let it run");
    active_note_use();
    cr_assert(is_current(&active));
    request_end();
    cr_assert(is_current(&active), "it goes on after the answer");
    active_note_wait();
    enum active_verdict verdict;
    cr_assert_null(active_current(&verdict));
    cr_assert_eq(verdict, ACTIVE_UNCLEAR);
    active_set(&active);
    active_note_use();
    active_next_turn();
    cr_assert_null(active_current(NULL), "waiting for events is waiting as well");
    active_set(&active);
    for (int i = 0; i < 20; i++)
        active_note_wait();
    cr_assert_null(active_current(NULL), "it did nothing for that request");
}

/* Where an interpreter's threads take turns, a new one has had some before it does anything. */
Test(active, a_turn_gives_a_new_thread_no_work)
{
    struct active_context active = context_of(ACTIVE_THREAD);
    active_request_begin(&g_request);
    active_set(&active);
    for (int i = 0; i < 10; i++)
        active_note_yield();
    cr_assert(is_current(&active));
    active_note_use();
    active_note_yield();
    cr_assert_null(active_current(NULL), "others have run since, and may have given it something");
    active_set(&active);
    for (int i = 0; i < 100; i++)
        active_note_yield();
    cr_assert_null(active_current(NULL), "it has been at work for something else");
}

static struct active_heritage g_heritage;

static void *inherit_on_thread(void *is_certain)
{
    active_inherit(&g_heritage);
    *(bool *)is_certain = active_current(NULL) != NULL;
    return NULL;
}

static bool is_certain_for_heir(void)
{
    pthread_t thread;
    bool is_certain;
    cr_assert_eq(pthread_create(&thread, NULL, inherit_on_thread, &is_certain), 0);
    pthread_join(thread, NULL);
    return is_certain;
}

/* A pool's thread that an event loop has started for one request may get another one first: one that waits in a queue. */
Test(active, a_thread_that_a_loop_has_started_is_the_requests_while_the_loop_has_no_other_that_may_be_in_a_queue)
{
    struct active_context active = context_of(ACTIVE_SERVER), other = context_of(ACTIVE_SERVER);
    other.owner.request = &g_other_request;
    active_next_turn();
    active_request_begin(&g_request);
    active_set(&active);
    cr_assert(active_bequeath(&g_heritage));
    cr_assert(is_certain_for_heir());
    active_request_begin(&g_other_request);
    active_set(&other);
    cr_assert_not(is_certain_for_heir(), "both may wait in a queue");
    request_end();
    cr_assert(is_certain_for_heir(), "the loop that has answered this one is at work for the other one");
    active_next_turn();
    cr_assert_not(is_certain_for_heir(), "now that waits in a queue");
    active_request_end(&g_other_request);
    cr_assert(is_certain_for_heir());
}

/* A pool's thread has answered what it read itself, and got from a queue what another one has read. */
Test(active, a_thread_started_after_an_answer_is_for_that_request_unless_another_one_waits_somewhere)
{
    struct active_context active = context_of(ACTIVE_SERVER), other = context_of(ACTIVE_SERVER);
    struct active_heritage heritage;
    active_request_begin(&g_request);
    active_set(&active);
    request_end();
    active_note_wait();
    cr_assert(active_bequeath(&heritage));
    cr_assert(heritage.is_certain);
    other.owner.request = &g_other_request;
    active_request_begin(&g_other_request);
    active_set(&other);
    active_forget();
    active_set(&active);
    active_request_begin(&g_request);
    request_end();
    active_note_wait();
    cr_assert(active_bequeath(&heritage));
    cr_assert_not(heritage.is_certain);
}

Test(active, the_only_request_is_so_until_another_one_comes)
{
    struct active_context active = context_of(ACTIVE_ONLY);
    active_request_begin(&g_request);
    active_set(&active);
    cr_assert(is_current(&active));
    active_request_begin(&g_other_request);
    cr_assert_null(active_current(NULL));
}

/* Read, and then nothing: it waits in a queue of the application's own. What the thread does next may be for it. */
Test(active, a_request_that_nothing_is_done_for_makes_the_next_one_unclear)
{
    struct active_context active = context_of(ACTIVE_SERVER), other = context_of(ACTIVE_SERVER);
    enum active_verdict verdict;
    other.owner.request = &g_other_request;
    active_set(&active);
    active_set(&other);
    cr_assert_eq(active_lost_count(), 1);
    cr_assert_null(active_current(&verdict));
    cr_assert_eq(verdict, ACTIVE_UNCLEAR);
    active_set(&active);
    cr_assert_eq(active_lost_count(), 1, "now it is the other one that waits");
    active_note_use();
    active_set(&other);
    cr_assert_eq(active_lost_count(), 0, "what was done for it can be seen");
    cr_assert(is_current(&other));
}

Test(active, a_request_that_waits_for_something_in_sight_is_not_lost)
{
    struct active_context active = context_of(ACTIVE_SERVER), other = context_of(ACTIVE_SERVER);
    other.owner.request = &g_other_request;
    bool *const reasons[] = {&g_request.is_arriving, &g_request.is_answering};
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        *reasons[i] = true;
        active_set(&active);
        active_set(&other);
        active_note_use();
        cr_assert(is_current(&other), "reason %zu", i);
        *reasons[i] = false;
    }
    atomic_store(&g_request.call_count, 1);
    active_set(&active);
    active_next_turn();
    cr_assert_eq(active_lost_count(), 0);
    atomic_store(&g_request.call_count, 0);
}

/* A thread that serves one request alone, and waits for events before it does anything for it (Ruby's). */
Test(active, a_lost_request_is_no_other_one)
{
    struct active_context active = serve();
    active_next_turn();
    cr_assert_eq(active_lost_count(), 1);
    cr_assert(is_current(&active));
}

Test(active, what_is_lost_is_so_no_more_when_it_ends)
{
    struct active_context active = context_of(ACTIVE_SERVER);
    active_request_begin(&g_request);
    active_set(&active);
    active_next_turn();
    cr_assert_eq(active_lost_count(), 1);
    active_request_end(&g_request);
    cr_assert_eq(active_lost_count(), 0);
}

static void *current_elsewhere(void *unused)
{
    (void)unused;
    return (void *)active_current(NULL);
}

Test(active, each_thread_has_its_own)
{
    struct active_context active = context_of(ACTIVE_SERVER);
    pthread_t thread;
    void *current;
    active_set(&active);
    cr_assert_eq(pthread_create(&thread, NULL, current_elsewhere, NULL), 0);
    pthread_join(thread, &current);
    cr_assert_null(current);
    cr_assert(is_current(&active));
}

Test(active, copies_carry_the_tracestate_and_no_more)
{
    struct active_context from = context_of(ACTIVE_SERVER), to;
    memset(&to, 0x5a, sizeof to);
    memcpy(from.context.tracestate, "a=1", 3);
    from.context.tracestate_len = 3;
    from.has_incoming = true;
    active_copy(&to, &from);
    cr_assert_eq(to.source, ACTIVE_SERVER);
    cr_assert(to.has_incoming);
    cr_assert_eq(to.context.tracestate_len, 3);
    cr_assert_eq(memcmp(to.context.tracestate, "a=1Z", 4), 0);
}

Test(active, several_open_requests_and_a_wait_make_it_unclear)
{
    struct active_context active = context_of(ACTIVE_SERVER);
    enum active_verdict verdict;
    active_request_begin(&g_request);
    active_request_begin(&g_other_request);
    active_set(&active);
    active_note_use();
    cr_assert_not_null(active_current(&verdict), "still in the turn that read it");
    active_next_turn();
    cr_assert_null(active_current(&verdict));
    cr_assert_eq(verdict, ACTIVE_UNCLEAR);
    active_set(&active);
    active_note_use();
    cr_assert_not_null(active_current(&verdict));
    active_next_turn();
    active_request_end(&g_other_request);
    cr_assert_not_null(active_current(&verdict), "one request is nobody else's");
}

Test(active, what_a_runtime_keeps_is_certain_open_or_ended)
{
    struct active_context active = context_of(ACTIVE_SERVER);
    enum active_verdict verdict;
    char saved[ACTIVE_SAVED_LEN_MAX];
    memcpy(active.context.tracestate, "a=1", 3);
    active.context.tracestate_len = 3;
    cr_assert_eq(active_save(active_current(NULL), saved), 0);
    active_request_begin(&g_request);
    active_set(&active);
    size_t len = active_save(active_current(NULL), saved);
    cr_assert_gt(len, 0);
    cr_assert(g_request.is_kept);
    active_restore("", 0, false);
    cr_assert_null(active_current(&verdict));
    cr_assert_eq(verdict, ACTIVE_CERTAIN, "none is an answer too");
    active_leave();
    request_end();
    active_restore(saved, len, false);
    active_next_turn();
    active_note_wait();
    cr_assert(is_current(&active));
    cr_assert_eq(active_current(NULL)->context.tracestate_len, 3);
    active_leave();
    cr_assert_null(active_current(&verdict));
    cr_assert_eq(verdict, ACTIVE_UNCLEAR);
}

static struct active_context g_answer;

static enum active_answer answer(struct active_context *out)
{
    active_copy(out, &g_answer);
    return g_answer.source != ACTIVE_NONE ? ACTIVE_ANSWER_KNOWN : ACTIVE_ANSWER_NOBODY;
}

Test(active, a_runtime_that_is_asked_has_the_word)
{
    struct active_context active = context_of(ACTIVE_SERVER);
    enum active_verdict verdict;
    active_set(&active);
    active_ask(answer);
    cr_assert(is_current(&active), "not one of its own");
    active_request_begin(&g_request);
    atomic_store(&g_request.is_kept, true);
    cr_assert_null(active_current(&verdict));
    cr_assert_eq(verdict, ACTIVE_CERTAIN);
    g_answer = context_of(ACTIVE_RUNTIME);
    cr_assert(is_current(&g_answer));
    active_ask(NULL);
    cr_assert(is_current(&active));
}

static enum active_answer anyone(struct active_context *out)
{
    (void)out;
    return ACTIVE_ANSWER_ANYONE;
}

Test(active, a_runtime_that_cannot_tell_leaves_it_to_nobody)
{
    struct active_context active = context_of(ACTIVE_SERVER);
    enum active_verdict verdict;
    active_set(&active);
    active_ask_everywhere(anyone);
    cr_assert_null(active_current(&verdict));
    cr_assert_eq(verdict, ACTIVE_ANYONE);
    active_ask(answer);
    g_answer = context_of(ACTIVE_RUNTIME);
    cr_assert(is_current(&g_answer), "its own asker comes first");
}

Test(active, what_is_kept_of_a_request_is_in_doubt_until_somebody_keeps_the_next_one)
{
    static struct active_request first, second;
    struct active_owner last = {NULL, 0};
    struct active_context active = context_of(ACTIVE_SERVER), next = active;
    char saved[ACTIVE_SAVED_LEN_MAX], next_saved[ACTIVE_SAVED_LEN_MAX];
    active_request_begin(&first);
    active_request_follow(&first, &last);
    active.owner = last;
    cr_assert(active_save(&active, saved));
    cr_assert_not(active_saved_is_superseded(saved));
    active_request_begin(&second);
    active_request_follow(&second, &last);
    cr_assert(active_saved_is_superseded(saved));
    next.owner = last;
    cr_assert(active_save(&next, next_saved));
    cr_assert_not(active_saved_is_superseded(saved));
    cr_assert_not(active_saved_is_superseded(next_saved));
}

Test(active, the_environment)
{
    static const struct {
        const char *traceparent, *tracestate;
        bool is_valid;
        uint16_t tracestate_len;
    } rows[] = {
        {NULL, NULL, false, 0},
        {NULL, "a=1", false, 0},
        {"", "a=1", false, 0},
        {"00-0-0-01", "a=1", false, 0},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", NULL, false, 0},
        {TRACEPARENT "\r\nX: y", NULL, false, 0},
        {TRACEPARENT, NULL, true, 0},
        {TRACEPARENT, "", true, 0},
        {TRACEPARENT, "a=1,b=2", true, 7},
        {TRACEPARENT, "a=1\r\nX: y", true, 0},
        {TRACEPARENT, "=", true, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsetenv("TRACEPARENT");
        unsetenv("TRACESTATE");
        if (rows[i].traceparent)
            setenv("TRACEPARENT", rows[i].traceparent, 1);
        if (rows[i].tracestate)
            setenv("TRACESTATE", rows[i].tracestate, 1);
        active_init_from_environment();
        const struct active_context *current = active_environment();
        cr_assert_eq(current != NULL, rows[i].is_valid, "row %zu", i);
        if (!current)
            continue;
        cr_assert_eq(current->source, ACTIVE_ENVIRONMENT);
        cr_assert_eq(current->context.tracestate_len, rows[i].tracestate_len, "row %zu", i);
        cr_assert_eq(memcmp(current->incoming_span_id, "\xb7\xad\x6b\x71\x69\x20\x33\x31", 8), 0);
        cr_assert(active_is_open(current));
    }
}

Test(active, one_request_alone_is_known_by_its_index)
{
    uint32_t only = 0;
    cr_assert_eq(active_open_count(&only), 0);
    g_request.index = 70;
    g_other_request.index = 90;
    active_request_begin(&g_request);
    cr_assert_eq(active_open_count(&only), 1);
    cr_assert_eq(only, 70);
    active_request_begin(&g_other_request);
    cr_assert_eq(active_open_count(&only), 2);
    active_request_end(&g_request);
    cr_assert_eq(active_open_count(&only), 1);
    cr_assert_eq(only, 90);
}

/* A test that the process runs: not a request, though it ends as one does. */
static struct active_request g_test_request = {.is_custom = true}, g_other_test_request = {.is_custom = true};

static struct active_context test_of(struct active_request *request)
{
    struct active_context active = {.source = ACTIVE_SPAN, .owner = {request, atomic_load(&request->generation)}};
    span_context_child(&active.context, NULL);
    active_note_custom();
    return active;
}

Test(active, the_only_open_test_is_what_unknown_threads_work_for)
{
    struct active_context found, one = test_of(&g_test_request), other = test_of(&g_other_test_request);
    cr_assert_eq(active_tests(&found), 0);
    cr_assert(active_test_begin(&one));
    cr_assert_eq(active_tests(&found), 1);
    cr_assert_eq(found.source, ACTIVE_TEST);
    cr_assert_arr_eq(found.context.span_id, one.context.span_id, SPAN_ID_LEN);
    cr_assert(active_test_begin(&other));
    cr_assert_eq(active_tests(&found), 2);
    active_test_end(&one);
    cr_assert_eq(active_tests(&found), 1);
    cr_assert_arr_eq(found.context.span_id, other.context.span_id, SPAN_ID_LEN);
    atomic_fetch_add(&g_other_test_request.generation, 1); /* it has ended, though nobody has said so here */
    cr_assert_eq(active_tests(&found), 0);
}

Test(active, a_span_of_the_program_is_over_when_it_ends)
{
    struct active_context own = test_of(&g_test_request);
    enum active_verdict verdict;
    active_set(&own);
    cr_assert(is_current(&own));
    atomic_fetch_add(&g_test_request.generation, 1);
    cr_assert_null(active_current(&verdict));
    cr_assert_eq(verdict, ACTIVE_UNKNOWN);
    cr_assert_eq(active_last()->source, ACTIVE_NONE);
}
