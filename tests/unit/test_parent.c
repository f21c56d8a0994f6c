/* test_parent.c - whose child a call is, and what is said where nobody can tell. */
#include "wire/parent.h"

#include "base/compiler.h"
#include "support/captured.h"
#include "wire/exchange.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

TestSuite(parent, .init = captured_begin);

static const union endpoint UNKNOWN;
static struct http_common *common;
static const struct http_ends ENDS = {&UNKNOWN, &UNKNOWN, NULL, &common};

static const char *g_request_ids[2]; /* of the next request; NULL: none */

static void request_ids_note(struct http_head *head)
{
    for (size_t i = 0; i < ARRAY_LEN(g_request_ids) && g_request_ids[i]; i++) {
        struct http1_event field = {.name = "X-Request-ID", .name_len = 12, .value = g_request_ids[i],
                                    .value_len = strlen(g_request_ids[i])};
        http_head_note_field(head, &field);
    }
    memset(g_request_ids, 0, sizeof g_request_ids);
}

static struct exchange *begin(enum span_kind kind, const char *target, const char *host)
{
    struct http1_event line = {
        .name = "GET", .name_len = 3, .value = target, .value_len = strlen(target), .minor = 1};
    struct http1_event field = {.name = "Host", .name_len = 4, .value = host, .value_len = strlen(host)};
    struct exchange *exchange = exchange_begin(kind, 0, &line, false);
    cr_assert_not_null(exchange);
    http_head_note_field(exchange->head, &field);
    request_ids_note(exchange->head);
    return exchange;
}

/* A request that this thread has read whole. */
static struct exchange *serve(const char *target)
{
    struct exchange *exchange = begin(SPAN_KIND_SERVER, target, "proxy:80");
    exchange_server_head_end(exchange, &ENDS);
    exchange_activate(exchange);
    exchange->request.is_arriving = false;
    return exchange;
}

static struct exchange *call(const char *target, const char *host)
{
    struct exchange *exchange = begin(SPAN_KIND_CLIENT, target, host);
    exchange_choose_parent(exchange, NULL);
    exchange_settle_parent(exchange);
    exchange_client_head_end(exchange, &ENDS);
    return exchange;
}

static bool is_child(const struct exchange *client, const struct exchange *server)
{
    return memcmp(client->span->parent_span_id, server->span->span_id, SPAN_ID_LEN) == 0 &&
           memcmp(client->span->trace_id, server->span->trace_id, TRACE_ID_LEN) == 0;
}

static bool is_linked(const struct exchange *client, const struct exchange *server)
{
    struct span_link links[SPAN_LINKS_MAX];
    size_t count = span_links(client->span, links);
    for (size_t i = 0; i < count; i++)
        if (memcmp(links[i].span_id, server->span->span_id, SPAN_ID_LEN) == 0 &&
            memcmp(links[i].trace_id, server->span->trace_id, TRACE_ID_LEN) == 0)
            return true;
    return false;
}

static size_t link_count(const struct exchange *client)
{
    struct span_link links[SPAN_LINKS_MAX];
    return span_links(client->span, links);
}

static void *call_on_thread(void *unused)
{
    (void)unused;
    return call("/x", "elsewhere");
}

static struct exchange *call_elsewhere(void)
{
    pthread_t thread;
    void *client;
    cr_assert_eq(pthread_create(&thread, NULL, call_on_thread, NULL), 0);
    pthread_join(thread, &client);
    return client;
}

/* A loop that reads several requests before it goes on with one of them, as haproxy's. */
Test(parent, several_read_in_one_turn_are_candidates)
{
    const struct exchange *first = serve("/1"), *second = serve("/2");
    struct exchange *client = call("/x", "elsewhere");
    cr_assert_not(is_child(client, first));
    cr_assert_not(is_child(client, second));
    cr_assert(captured_has(client->span, ATTRIBUTE_PARENT_AMBIGUOUS));
    cr_assert_eq(link_count(client), 2);
    cr_assert(is_linked(client, first));
    cr_assert(is_linked(client, second));
}

Test(parent, one_after_the_other_is_no_question)
{
    const struct exchange *servers[3];
    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        servers[i] = serve("/");
        struct exchange *client = call("/x", "elsewhere");
        cr_assert(is_child(client, servers[i]), "%zu", i);
        cr_assert_eq(link_count(client), 0);
    }
}

Test(parent, eight_candidates_are_named_at_most)
{
    for (int i = 0; i < 20; i++)
        serve("/");
    cr_assert_eq(link_count(call("/x", "elsewhere")), SPAN_LINKS_MAX);
}

Test(parent, a_thread_that_nothing_is_known_of_works_for_the_only_request)
{
    const struct exchange *server = serve("/1");
    struct exchange *client = call_elsewhere();
    cr_assert(is_child(client, server));
    cr_assert_str_eq(captured_string(client->span, ATTRIBUTE_PARENT_SOURCE), "only_open_request");
    const struct exchange *other = serve("/2");
    client = call_elsewhere();
    cr_assert(is_linked(client, server));
    cr_assert(is_linked(client, other));
}

/* A proxy hands on the very request that it got; Host says that it was meant for itself. */
Test(parent, a_request_that_is_passed_on_is_known_again)
{
    const struct exchange *first = serve("/1");
    serve("/2");
    struct exchange *client = call("/1", "proxy:80");
    cr_assert(is_child(client, first));
    cr_assert_str_eq(captured_string(client->span, ATTRIBUTE_PARENT_SOURCE), "passed_on");
    cr_assert_eq(link_count(client), 0);
}

Test(parent, but_not_by_its_target_alone_nor_where_two_are_alike)
{
    serve("/1");
    serve("/2");
    cr_assert_eq(link_count(call("/1", "elsewhere")), 2);
    serve("/1");
    cr_assert_eq(link_count(call("/1", "proxy:80")), 3);
}

static struct exchange *serve_with(const char *request_id)
{
    g_request_ids[0] = request_id;
    return serve("/");
}

static struct exchange *call_with(const char *request_id, const char *another)
{
    g_request_ids[0] = request_id;
    g_request_ids[1] = another;
    return call("/elsewhere", "elsewhere");
}

/* What a proxy has rewritten is known by it still. */
Test(parent, a_request_whose_id_is_passed_on_is_known_again)
{
    const struct exchange *first = serve_with("f058ebd6-02f7"), *second = serve_with("f058ebd6-02f8");
    struct exchange *client = call_with("f058ebd6-02f7", NULL);
    cr_assert(is_child(client, first));
    cr_assert_str_eq(captured_string(client->span, ATTRIBUTE_PARENT_SOURCE), "passed_on");
    cr_assert(is_child(call_with("f058ebd6-02f8", NULL), second));
}

Test(parent, but_not_where_two_have_the_same_id_nor_by_one_that_is_short_or_not_alone)
{
    serve_with("f058ebd6-02f7");
    serve_with("7");
    cr_assert_eq(link_count(call_with("7", NULL)), 2);
    cr_assert_eq(link_count(call_with("f058ebd6-02f7", "f058ebd6-02f8")), 2);
    serve_with("f058ebd6-02f7");
    cr_assert_eq(link_count(call_with("f058ebd6-02f7", NULL)), 3);
}

/* A pool's connection, made for a request that was answered before it was used. */
Test(parent, a_connection_remembers_who_it_was_made_for_while_that_is_open_or_it_is_new)
{
    struct parent_memory memory;
    struct parent parent;
    struct exchange *first = serve("/1");
    uint8_t first_id[SPAN_ID_LEN];
    memcpy(first_id, first->span->span_id, SPAN_ID_LEN);
    parent_memory_connect(&memory);
    serve("/2");
    parent_choose(&parent, &memory);
    cr_assert_eq(memcmp(parent.active->context.span_id, first_id, SPAN_ID_LEN), 0);
    parent_memory_connected(&memory);
    exchange_note_status(first, 200);
    exchange_end(first, 0);
    parent_choose(&parent, &memory);
    cr_assert_eq(memcmp(parent.active->context.span_id, first_id, SPAN_ID_LEN), 0, "heard of in this turn");
    active_next_turn();
    parent_choose(&parent, &memory);
    cr_assert(!parent.active || memcmp(parent.active->context.span_id, first_id, SPAN_ID_LEN) != 0);
}
