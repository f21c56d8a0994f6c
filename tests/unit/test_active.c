/* test_active.c - whose work a thread is doing, and when nobody can say. */
#include "trace/active.h"

#include "base/compiler.h"
#include "base/process.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static _Atomic uint32_t g_generation;

static struct active_context context_of(enum active_source source)
{
    struct active_context active = {.source = (uint8_t)source,
                                    .owner = {&g_generation, atomic_load(&g_generation)}};
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
    bool is_ambiguous = true;
    cr_assert_null(active_current(&is_ambiguous));
    cr_assert_not(is_ambiguous);
}

Test(active, what_is_set_is_current_until_its_span_ends)
{
    struct active_context active = context_of(ACTIVE_SERVER);
    active_set(&active);
    cr_assert(is_current(&active));
    active_note_use();
    cr_assert(is_current(&active));
    atomic_fetch_add(&g_generation, 1);
    cr_assert_null(active_current(NULL));
}

Test(active, what_has_no_owner_here_is_always_open)
{
    struct active_context active = context_of(ACTIVE_SERVER);
    active.owner.generation = NULL;
    active_set(&active);
    atomic_fetch_add(&g_generation, 1);
    cr_assert(is_current(&active));
}

Test(active, only_its_owner_clears_it)
{
    struct active_context active = context_of(ACTIVE_SERVER);
    struct active_owner other = {&g_generation, active.owner.expected + 1};
    active_set(&active);
    active_clear_if_owned(&other);
    cr_assert(is_current(&active));
    active_clear_if_owned(&active.owner);
    cr_assert_null(active_current(NULL));
}

/* A pool's thread outlives the request that it happened to be started in. */
Test(active, what_a_thread_inherits_is_good_for_one_call_after_its_end)
{
    struct active_context active = context_of(ACTIVE_THREAD);
    active_set(&active);
    active_note_use();
    cr_assert(is_current(&active), "open, however often it is used");
    active_set(&active);
    atomic_fetch_add(&g_generation, 1);
    cr_assert(is_current(&active));
    active_note_use();
    cr_assert_null(active_current(NULL));
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
    unsigned slot = active_open_slot(process_tid());
    struct active_context active = context_of(ACTIVE_SERVER);
    bool is_ambiguous;
    active_set(&active);
    active_open_change(slot, 2);
    cr_assert_not_null(active_current(&is_ambiguous), "still in the turn that read it");
    cr_assert_not(is_ambiguous);
    active_next_turn();
    cr_assert_null(active_current(&is_ambiguous));
    cr_assert(is_ambiguous);
    active_set(&active);
    cr_assert_not_null(active_current(&is_ambiguous));
    active_next_turn();
    cr_assert_eq(active_open_change(slot, -1), 1);
    cr_assert_not_null(active_current(&is_ambiguous), "one request is nobody else's");
    cr_assert_not(is_ambiguous);
}

Test(active, an_inherited_context_is_clear_whatever_else_is_open)
{
    struct active_context active = context_of(ACTIVE_THREAD);
    active_open_change(active_open_slot(process_tid()), 5);
    active_set(&active);
    active_next_turn();
    cr_assert(is_current(&active));
}

Test(active, an_unclear_one_is_not_the_environments)
{
    bool is_ambiguous;
    struct active_context active = context_of(ACTIVE_SERVER);
    setenv("TRACEPARENT", TRACEPARENT, 1);
    active_init_from_environment();
    active_set(&active);
    active_open_change(active_open_slot(process_tid()), 2);
    active_next_turn();
    cr_assert_null(active_current(&is_ambiguous));
    cr_assert(is_ambiguous);
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
        const struct active_context *current = active_current(NULL);
        cr_assert_eq(current != NULL, rows[i].is_valid, "row %zu", i);
        if (!current)
            continue;
        cr_assert_eq(current->source, ACTIVE_ENVIRONMENT);
        cr_assert_eq(current->context.tracestate_len, rows[i].tracestate_len, "row %zu", i);
        cr_assert_eq(memcmp(current->incoming_span_id, "\xb7\xad\x6b\x71\x69\x20\x33\x31", 8), 0);
        cr_assert(active_is_open(current));
    }
}

Test(active, requests_count_on_their_threads_slot)
{
    cr_assert_eq(active_open_change(active_open_slot(1), 1), 1);
    cr_assert_eq(active_open_change(active_open_slot(2), 0), 0);
    cr_assert_eq(active_open_change(active_open_slot(1), 1), 2);
    cr_assert_eq(active_open_change(active_open_slot(1), -2), 0);
    cr_assert_leq(active_open_change(active_open_slot(0x7fffffff), 1), 1);
}
