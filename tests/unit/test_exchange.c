/* test_exchange.c - whose child a request is, and what its span says in the end. */
#include "wire/exchange.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "support/captured.h"
#include "trace/ignore.h"
#include "trace/sampler.h"
#include "trace/traceparent.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(exchange, .init = captured_begin);

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static const union endpoint UNKNOWN;
static struct http_common *common;
static const struct http_ends ENDS = {&UNKNOWN, &UNKNOWN, NULL, &common};

static struct exchange *begin(enum span_kind kind, const char *method)
{
    struct http1_event line = {
        .name = method, .name_len = strlen(method), .value = "/", .value_len = 1, .minor = 1};
    struct exchange *exchange = exchange_begin(kind, 0, &line, false);
    cr_assert_not_null(exchange);
    return exchange;
}

/* A request that came in with @traceparent (NULL: without), being served by this thread. */
static struct exchange *serve(const char *traceparent)
{
    struct exchange *exchange = begin(SPAN_KIND_SERVER, "GET");
    struct http1_event field = {.name = "traceparent",
                                .name_len = 11,
                                .value = traceparent,
                                .value_len = traceparent ? strlen(traceparent) : 0};
    if (traceparent)
        http_head_note_field(exchange->head, &field);
    exchange_server_head_end(exchange, &ENDS);
    exchange_activate(exchange);
    return exchange;
}

static struct exchange *call(const struct parent_memory *memory)
{
    struct exchange *exchange = begin(SPAN_KIND_CLIENT, "GET");
    exchange_choose_parent(exchange, memory);
    exchange_client_head_end(exchange, &ENDS);
    return exchange;
}

static void answer(struct exchange *exchange, int status)
{
    exchange_note_status(exchange, status);
    exchange->is_response_head_done = true;
    exchange_end(exchange, clock_monotonic_ns());
}

static bool is_child(const struct span *child, const struct span *parent)
{
    return memcmp(child->parent_span_id, parent->span_id, SPAN_ID_LEN) == 0 &&
           memcmp(child->trace_id, parent->trace_id, TRACE_ID_LEN) == 0 &&
           memcmp(child->span_id, parent->span_id, SPAN_ID_LEN) != 0;
}

Test(exchange, calls_made_for_a_request_are_its_children)
{
    struct exchange *server = serve(TRACEPARENT), *calls[3];
    const struct span *parent = server->span;
    for (int i = 0; i < 3; i++) {
        calls[i] = call(NULL);
        cr_assert(is_child(calls[i]->span, parent));
        for (int j = 0; j < i; j++)
            cr_assert_neq(memcmp(calls[i]->span->span_id, calls[j]->span->span_id, SPAN_ID_LEN), 0);
    }
    struct span copy = *parent;
    answer(server, 200);
    cr_assert(is_child(call(NULL)->span, &copy), "a notification after the answer");
    active_next_turn();
    struct exchange *later = call(NULL);
    cr_assert_not(is_child(later->span, &copy), "the thread has turned to something else");
    static const uint8_t none[SPAN_ID_LEN];
    cr_assert_eq(memcmp(later->span->parent_span_id, none, SPAN_ID_LEN), 0);
}

Test(exchange, what_a_connection_was_made_for_comes_first_while_it_is_open)
{
    struct exchange *first = serve(NULL);
    struct parent_memory remembered;
    const struct span *first_span = first->span;
    parent_memory_connect(&remembered);
    struct exchange *second = serve(NULL);
    cr_assert(is_child(call(&remembered)->span, first_span));
    answer(first, 200);
    cr_assert(is_child(call(&remembered)->span, second->span));
}

Test(exchange, the_servers_parent_is_what_came_in)
{
    struct exchange *with = serve(TRACEPARENT), *without = serve(NULL);
    static const uint8_t none[SPAN_ID_LEN];
    cr_assert_eq(memcmp(with->span->parent_span_id, "\xb7\xad\x6b\x71\x69\x20\x33\x31", 8), 0);
    cr_assert_eq(memcmp(without->span->parent_span_id, none, SPAN_ID_LEN), 0);
    cr_assert_neq(memcmp(with->span->trace_id, without->span->trace_id, TRACE_ID_LEN), 0);
}

Test(exchange, a_traceparent_that_is_passed_on_finds_its_request)
{
    struct span_context outgoing, other;
    struct exchange *server = serve(TRACEPARENT);
    cr_assert_eq(traceparent_parse(TRACEPARENT, strlen(TRACEPARENT), &outgoing), 0);
    other = outgoing;
    other.span_id[0] ^= 1;
    serve(NULL); /* is active now */
    struct exchange *client = begin(SPAN_KIND_CLIENT, "GET");
    exchange_choose_parent(client, NULL);
    cr_assert_not(exchange_is_passed_on(client, &other));
    cr_assert(exchange_is_passed_on(client, &outgoing));
    exchange_client_head_end(client, &ENDS);
    cr_assert(is_child(client->span, server->span));
    answer(server, 200);
    client = begin(SPAN_KIND_CLIENT, "GET");
    exchange_choose_parent(client, NULL);
    cr_assert_not(exchange_is_passed_on(client, &outgoing), "that request is over");
    outgoing.is_valid = false;
    cr_assert_not(exchange_is_passed_on(client, &outgoing));
}

/* Their parent ids have the same place in the table: of 5,000, some two must. */
Test(exchange, requests_that_share_a_place_are_found_all_the_same)
{
    enum { COUNT = 5000 };
    static struct exchange *servers[COUNT];
    struct span_context outgoing;
    char value[TRACEPARENT_LEN + 1];
    for (int i = 0; i < COUNT; i++) {
        snprintf(value, sizeof value, "00-0af7651916cd43dd8448eb211c80319c-%016x-01", i + 1);
        servers[i] = serve(value);
    }
    struct exchange *client = begin(SPAN_KIND_CLIENT, "GET");
    exchange_choose_parent(client, NULL);
    for (int i = 0; i < COUNT; i++) {
        snprintf(value, sizeof value, "00-0af7651916cd43dd8448eb211c80319c-%016x-01", i + 1);
        cr_assert_eq(traceparent_parse(value, strlen(value), &outgoing), 0);
        cr_assert(exchange_is_passed_on(client, &outgoing), "%d", i);
        cr_assert_eq(client->active.owner.request, &servers[i]->request);
    }
}

Test(exchange, statuses)
{
    static const struct {
        int status;
        enum span_status client, server;
    } rows[] = {
        {0, SPAN_STATUS_UNSET, SPAN_STATUS_UNSET}, {101, SPAN_STATUS_OK, SPAN_STATUS_OK},
        {200, SPAN_STATUS_OK, SPAN_STATUS_OK},     {399, SPAN_STATUS_OK, SPAN_STATUS_OK},
        {400, SPAN_STATUS_ERROR, SPAN_STATUS_UNSET}, {499, SPAN_STATUS_ERROR, SPAN_STATUS_UNSET},
        {500, SPAN_STATUS_ERROR, SPAN_STATUS_ERROR}, {999, SPAN_STATUS_ERROR, SPAN_STATUS_ERROR},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        answer(call(NULL), rows[i].status);
        answer(serve(NULL), rows[i].status);
        const struct span *client = captured_at(0), *server = captured_at(1);
        cr_assert_eq(client->status, rows[i].client, "%d", rows[i].status);
        cr_assert_eq(server->status, rows[i].server, "%d", rows[i].status);
        cr_assert_eq(captured_has(client, ATTRIBUTE_ERROR_TYPE), client->status == SPAN_STATUS_ERROR);
        cr_assert_eq(captured_int(client, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE),
                     rows[i].status ? rows[i].status : -1);
        captured_begin();
    }
}

Test(exchange, a_failure_counts_before_the_status)
{
    struct exchange *client = call(NULL);
    exchange_note_status(client, 200);
    exchange_fail(client, "ECONNRESET", "Connection reset by peer", clock_monotonic_ns());
    cr_assert_eq(captured_at(0)->status, SPAN_STATUS_ERROR);
    cr_assert_str_eq(captured_string(captured_at(0), ATTRIBUTE_ERROR_TYPE), "ECONNRESET");
    cr_assert_eq(captured_int(captured_at(0), ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE), 200);
}

Test(exchange, one_whose_head_was_never_complete_has_ids_and_a_name)
{
    static const uint8_t none[TRACE_ID_LEN];
    for (int kind = SPAN_KIND_SERVER; kind <= SPAN_KIND_CLIENT; kind++) {
        struct exchange *exchange = begin((enum span_kind)kind, "POST");
        if (kind == SPAN_KIND_CLIENT)
            exchange_choose_parent(exchange, NULL);
        exchange_fail(exchange, ERROR_CONNECTION_CLOSED, "cut off", clock_monotonic_ns());
        const struct span *span = captured_at(0);
        cr_assert_neq(memcmp(span->trace_id, none, TRACE_ID_LEN), 0);
        cr_assert_neq(memcmp(span->span_id, none, SPAN_ID_LEN), 0);
        cr_assert_eq(memcmp(span->name, "POST", 4), 0);
        captured_begin();
    }
    cr_assert_null(active_current(NULL));
}

static const struct span_context OWN = {.is_valid = true, .trace_flags = TRACE_FLAG_SAMPLED};

/* The application's header goes out, for the request that is active: of its trace, or of another one. */
static void respect(bool is_same_trace, uint8_t flags)
{
    struct exchange *client = begin(SPAN_KIND_CLIENT, "GET");
    struct span_context own = OWN;
    exchange_choose_parent(client, NULL);
    if (is_same_trace)
        memcpy(own.trace_id, client->context.trace_id, TRACE_ID_LEN);
    own.trace_flags = flags;
    exchange_respect_application(client, &own);
    exchange_client_head_end(client, &ENDS);
    answer(client, 200);
}

static unsigned count_of_served(const char *traceparent)
{
    unsigned before = captured_count();
    answer(serve(traceparent), 200);
    return captured_count() - before;
}

Test(exchange, who_traces_requests_by_itself_tells_of_them)
{
    struct exchange *server = serve(NULL);
    respect(true, TRACE_FLAG_SAMPLED);
    cr_assert_eq(count_of_served(TRACEPARENT), 1, "it may have taken our own trace from anywhere");
    answer(server, 200);
    server = serve(TRACEPARENT);
    respect(false, TRACE_FLAG_SAMPLED);
    cr_assert_eq(count_of_served(TRACEPARENT), 1, "another trace");
    exchange_activate(server);
    respect(true, 0);
    cr_assert_eq(count_of_served(TRACEPARENT), 1, "not sampled: it tells of nothing");
    exchange_activate(server);
    respect(true, TRACE_FLAG_SAMPLED);
    cr_assert_eq(count_of_served(TRACEPARENT), 0);
    cr_assert_eq(count_of_served(NULL), 0);
    answer(server, 200);
    cr_assert_eq(captured_open_count(), 0);
    captured_begin();
    exchange_fail(serve(TRACEPARENT), ERROR_ABORTED, "", clock_monotonic_ns());
    cr_assert_eq(captured_count(), 1, "an error");
    struct exchange *parent = serve(TRACEPARENT), *child = call(NULL);
    answer(child, 200);
    answer(parent, 200);
    cr_assert_eq(captured_count(), 3, "a call of ours needs its parent");
    server = serve(TRACEPARENT);
    process_note_fork();
    answer(server, 200);
    cr_assert_eq(captured_count(), 4, "another process may have made children");
}

Test(exchange, what_is_dropped_or_respected_is_not_reported)
{
    exchange_drop(call(NULL));
    exchange_drop(serve(NULL));
    exchange_drop(begin(SPAN_KIND_SERVER, "GET"));
    struct exchange *client = begin(SPAN_KIND_CLIENT, "GET");
    exchange_choose_parent(client, NULL);
    exchange_respect_application(client, &OWN);
    exchange_client_head_end(client, &ENDS);
    answer(client, 200);
    cr_assert_eq(captured_count(), 0);
    cr_assert_eq(captured_open_count(), 0);
}

Test(exchange, an_ended_request_leaves_nothing_open_on_its_thread)
{
    uint32_t only;
    for (int i = 0; i < 10; i++) {
        struct exchange *first = serve(TRACEPARENT), *second = serve(NULL);
        cr_assert_eq(active_open_count(&only), 2);
        answer(first, 200);
        exchange_drop(second);
        cr_assert_eq(active_open_count(&only), 0);
    }
    g_captured_is_full = true;
    answer(serve(TRACEPARENT), 200);
    cr_assert_eq(active_open_count(&only), 0, "without a span nothing is counted");
}

Test(exchange, memory_used_again_knows_nothing_of_before)
{
    struct exchange *server = serve(TRACEPARENT);
    uint32_t generation = server->request.generation;
    exchange_note_status(server, 500);
    server->is_response_started = server->is_request_done = true;
    server->response_body_len = 9;
    exchange_end(server, clock_monotonic_ns());
    struct exchange *again = begin(SPAN_KIND_CLIENT, "HEAD");
    cr_assert_eq(again, server);
    cr_assert_neq(again->request.generation, generation);
    cr_assert(again->is_head_method);
    cr_assert_not(again->is_connect_method);
    cr_assert_not(again->is_response_started);
    cr_assert_not(again->is_request_done);
    cr_assert_eq(again->status, 0);
    cr_assert_eq(again->response_body_len, 0);
    cr_assert_eq(again->active.source, ACTIVE_NONE);
    cr_assert_not(again->active.has_incoming);
}

Test(exchange, crossing_a_fork)
{
    struct exchange *exchange = call(NULL);
    cr_assert_not(exchange_has_crossed_fork(exchange));
    process_note_fork();
    cr_assert(exchange_has_crossed_fork(exchange));
    cr_assert_not(exchange_has_crossed_fork(call(NULL)));
}

/* ---- sampling ---- */

#define UNSAMPLED "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"

Test(exchange, what_is_not_sampled_has_a_context_but_no_record)
{
    struct exchange *server = serve(UNSAMPLED), *client = call(NULL);
    uint32_t only;
    cr_assert_null(server->span);
    cr_assert_null(client->span);
    cr_assert(server->is_traced && client->is_traced);
    cr_assert_eq(captured_open_count(), 0);
    cr_assert_eq(client->context.trace_flags, 0);
    cr_assert_arr_eq(client->context.trace_id, server->active.context.trace_id, TRACE_ID_LEN);
    cr_assert_arr_neq(client->context.span_id, server->active.context.span_id, SPAN_ID_LEN);
    cr_assert_eq(active_open_count(&only), 1, "it is served all the same");
    answer(client, 500);
    answer(server, 500);
    cr_assert_eq(active_open_count(&only), 0);
    cr_assert_eq(captured_count(), 0);
}

Test(exchange, a_call_that_is_passed_on_shares_the_fate_of_its_request)
{
    struct span_context outgoing;
    serve(UNSAMPLED);
    serve(NULL); /* is active now, and sampled */
    cr_assert_eq(traceparent_parse(UNSAMPLED, strlen(UNSAMPLED), &outgoing), 0);
    struct exchange *client = begin(SPAN_KIND_CLIENT, "GET");
    exchange_choose_parent(client, NULL);
    cr_assert(span_context_is_sampled(&client->context));
    cr_assert(exchange_is_passed_on(client, &outgoing));
    exchange_client_head_end(client, &ENDS);
    cr_assert_null(client->span);
    cr_assert_eq(captured_open_count(), 1);
}

Test(exchange, the_sampler_decides_on_new_traces)
{
    sampler_parse("parentbased_always_off", NULL, &g_sampler);
    cr_assert_null(serve(NULL)->span);
    cr_assert_not_null(serve(TRACEPARENT)->span);
    sampler_parse("always_on", NULL, &g_sampler);
    cr_assert_not_null(serve(UNSAMPLED)->span);
    sampler_parse("always_off", NULL, &g_sampler);
    unsigned claimed = g_captured_claimed;
    struct exchange *server = serve(TRACEPARENT);
    cr_assert_null(server->span);
    cr_assert(server->is_traced);
    cr_assert_null(call(NULL)->span);
    cr_assert_eq(g_captured_claimed, claimed, "no record is even asked for");
}

Test(exchange, what_is_ignored_is_not_recorded_nor_what_is_done_for_it)
{
    ignore_parse("GET /", &g_ignored, NULL);
    sampler_parse("always_on", NULL, &g_sampler);
    struct exchange *server = serve(TRACEPARENT);
    cr_assert_null(server->span);
    struct exchange *client = begin(SPAN_KIND_CLIENT, "POST");
    exchange_choose_parent(client, NULL);
    exchange_client_head_end(client, &ENDS);
    cr_assert_null(client->span);
    cr_assert(client->is_traced);
    active_forget();
    answer(server, 200);
    cr_assert_null(call(NULL)->span, "a call to such a path, of no request");
    g_ignored.count = 0;
    cr_assert_not_null(call(NULL)->span);
}
