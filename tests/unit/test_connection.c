/* test_connection.c - from the bytes of both directions to the right outcome of each span, in both
 * roles, whatever ends a connection, and whoever works on it. */
#include "wire/connection.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/lock.h"
#include "base/process.h"
#include "support/captured.h"
#include "support/random.h"
#include "support/simulated.h"
#include "trace/active.h"
#include "trace/traceparent.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(connection, .init = captured_begin);

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define OK_RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define REQUEST "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"

static struct simulated g_sim;

static void client_asks(const char *request)
{
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, request, strlen(request));
}

static void server_is_asked(const char *request)
{
    simulated_init(&g_sim);
    simulated_receive_text(g_sim.connection, request);
}

static void server_answers(const char *response)
{
    cr_assert_eq(simulated_send(&g_sim, response, strlen(response)), (ssize_t)strlen(response));
}

static void outcome_is(const char *name, enum span_status status, const char *error_type)
{
    if (captured_count() != 1)
        cr_assert_fail("%s: %u spans", name, captured_count());
    const struct span *span = captured_at(0);
    if (span->status != status || strcmp(captured_string(span, ATTRIBUTE_ERROR_TYPE), error_type) != 0)
        cr_assert_fail("%s: status %d, error.type '%s', '%s'", name, span->status,
                       captured_string(span, ATTRIBUTE_ERROR_TYPE), captured_message(span));
}

/* ---- the client's side ---- */

struct response_row {
    const char *name, *request, *response;
    int status;
    enum span_status span_status;
    const char *error_type;
    bool is_until_close;
    int64_t body_len;
};

static const struct response_row RESPONSES[] = {
    {"200", REQUEST, OK_RESPONSE, 200, SPAN_STATUS_OK, "", false, 2},
    {"no body", REQUEST, "HTTP/1.1 204 No\r\n\r\n", 204, SPAN_STATUS_OK, "", false, 0},
    {"304", REQUEST, "HTTP/1.1 304 Not\r\nContent-Length: 9\r\n\r\n", 304, SPAN_STATUS_OK, "", false, 0},
    {"redirect", REQUEST, "HTTP/1.1 302 F\r\nContent-Length: 0\r\n\r\n", 302, SPAN_STATUS_OK, "", false,
     0},
    {"404", REQUEST, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 404, SPAN_STATUS_ERROR, "404",
     false, 0},
    {"500", REQUEST, "HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nerr", 500, SPAN_STATUS_ERROR, "500",
     false, 3},
    {"chunked", REQUEST, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200,
     SPAN_STATUS_OK, "", false, 3},
    {"100 first", "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
     "HTTP/1.1 100 Continue\r\n\r\n" OK_RESPONSE, 200, SPAN_STATUS_OK, "", false, 2},
    {"HEAD", "HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n", 200,
     SPAN_STATUS_OK, "", false, 0},
    {"until close", "GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nabcdef", 200, SPAN_STATUS_OK, "",
     true, 6},
    {"upgrade", "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
     "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", 101, SPAN_STATUS_OK, "", false, 0},
    {"CONNECT", "CONNECT h:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", 200, SPAN_STATUS_OK, "",
     false, 0},
    {"CONNECT refused", "CONNECT h:443 HTTP/1.1\r\n\r\n",
     "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", 403, SPAN_STATUS_ERROR, "403", false, 2},
};

static void response_check(const struct response_row *row, const char *how)
{
    char name[128];
    snprintf(name, sizeof name, "%s, %s", row->name, how);
    outcome_is(name, row->span_status, row->error_type);
    const struct span *span = captured_at(0);
    cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE), row->status, "%s", name);
    cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE), row->body_len, "%s", name);
    cr_assert_eq(captured_open_count(), 0, "%s", name);
    captured_begin();
}

Test(connection, a_client_gets_its_answer_split_at_every_byte)
{
    for (size_t i = 0; i < ARRAY_LEN(RESPONSES); i++) {
        const struct response_row *row = &RESPONSES[i];
        size_t len = strlen(row->response);
        for (size_t split = 0; split <= len; split++) {
            client_asks(row->request);
            simulated_receive_exactly(g_sim.connection, row->response, split);
            simulated_receive(g_sim.connection, row->response + split, len - split);
            if (row->is_until_close)
                simulated_eof(g_sim.connection);
            response_check(row, "split");
            simulated_close(g_sim.connection);
        }
        client_asks(row->request);
        for (size_t at = 0; at < len; at++)
            simulated_receive(g_sim.connection, row->response + at, 1);
        if (row->is_until_close)
            simulated_eof(g_sim.connection);
        response_check(row, "byte by byte");
        simulated_close(g_sim.connection);
        cr_assert_eq(captured_count(), 0, "%s: a second span", row->name);
    }
}

Test(connection, an_answer_that_is_cut_off_at_any_byte_is_an_error)
{
    for (size_t i = 0; i < ARRAY_LEN(RESPONSES); i++) {
        const struct response_row *row = &RESPONSES[i];
        size_t len = strlen(row->response);
        size_t head_len = (size_t)(strstr(row->response, "\r\n\r\n") - row->response) + 4;
        for (size_t cut = 0; cut < len; cut++) {
            bool is_complete = row->is_until_close && cut >= head_len;
            client_asks(row->request);
            simulated_receive(g_sim.connection, row->response, cut);
            simulated_eof(g_sim.connection);
            const char *type = captured_string(captured_at(0), ATTRIBUTE_ERROR_TYPE);
            cr_assert_eq(captured_count(), 1, "%s cut at %zu", row->name, cut);
            cr_assert_str_eq(type, is_complete ? "" : "connection_closed", "%s cut at %zu", row->name,
                             cut);
            simulated_close(g_sim.connection);
            cr_assert_eq(captured_count(), 1, "%s cut at %zu: a second span", row->name, cut);
            captured_begin();
        }
    }
}

Test(connection, pipelined_answers_belong_to_their_requests_in_order)
{
    client_asks("GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
    simulated_receive_text(g_sim.connection,
                           "HTTP/1.1 201 A\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 202 B\r\n"
                           "Content-Length: 5\r\n\r\nHTTP/1.1 203 C\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(captured_count(), 3);
    for (unsigned i = 0; i < 3; i++) {
        char path[8];
        snprintf(path, sizeof path, "/%u", i + 1);
        const char *url = captured_string(captured_at(i), ATTRIBUTE_URL_FULL);
        cr_assert_str_eq(url + strlen(url) - 2, path);
        cr_assert_eq(captured_int(captured_at(i), ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE), 201 + i);
    }
}

Test(connection, an_answer_may_come_before_the_request_is_complete)
{
    client_asks("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
    simulated_receive_text(g_sim.connection, "HTTP/1.1 413 Too\r\nContent-Length: 0\r\n\r\n");
    outcome_is("early", SPAN_STATUS_ERROR, "413");
    simulated_send_all(&g_sim, "defghij" REQUEST, 7 + strlen(REQUEST));
    simulated_receive_text(g_sim.connection, OK_RESPONSE);
    cr_assert_eq(captured_count(), 2);
    cr_assert_eq(captured_at(1)->status, SPAN_STATUS_OK);
}

/* How a client's exchange can end without an answer. */
enum ending { CLOSES, RESET, PEER_CLOSES, EXITS, SEND_FAILS, TIMES_OUT, SHUTS_DOWN };

static void end_by(enum ending ending)
{
    struct iovec iov = {(void *)"x", 1};
    struct send_plan plan;
    switch (ending) {
    case CLOSES:
        break;
    case RESET:
        simulated_error(g_sim.connection, ECONNRESET);
        break;
    case PEER_CLOSES:
        simulated_eof(g_sim.connection);
        break;
    case EXITS:
        connection_exit_all();
        break;
    case SEND_FAILS:
        transfer_send_begin(&plan, g_sim.connection, SIMULATED_FD, &iov, 1, 0);
        transfer_send_end(&plan, -1, EPIPE);
        break;
    case TIMES_OUT:
        simulated_error(g_sim.connection, ETIMEDOUT);
        break;
    case SHUTS_DOWN:
        connection_shutdown_write(g_sim.connection);
        break;
    }
    simulated_close(g_sim.connection);
}

Test(connection, a_client_without_an_answer_says_why)
{
    static const struct {
        const char *name;
        enum ending ending;
        const char *error_type, *error_type_in_answer;
    } rows[] = {
        {"closes", CLOSES, "timeout", "aborted"},
        {"reset", RESET, "ECONNRESET", "ECONNRESET"},
        {"the peer closes", PEER_CLOSES, "connection_closed", "connection_closed"},
        {"exits", EXITS, "aborted", "aborted"},
        {"sending fails", SEND_FAILS, "EPIPE", "aborted"},
        {"the network times out", TIMES_OUT, "ETIMEDOUT", "ETIMEDOUT"},
        {"shuts down for writing", SHUTS_DOWN, "timeout", "aborted"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int has_begun = 0; has_begun < 2; has_begun++) {
            client_asks("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
            if (has_begun)
                simulated_receive_text(g_sim.connection, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na");
            end_by(rows[i].ending);
            outcome_is(rows[i].name, SPAN_STATUS_ERROR,
                       has_begun ? rows[i].error_type_in_answer : rows[i].error_type);
            cr_assert_neq(captured_at(0)->message_len, 0);
            captured_begin();
        }
}

Test(connection, nothing_is_amiss_when_nothing_is_open)
{
    static const char *const befores[] = {"", REQUEST};
    for (size_t i = 0; i < ARRAY_LEN(befores); i++)
        for (int ending = CLOSES; ending <= SHUTS_DOWN; ending++) {
            client_asks(befores[i]);
            if (*befores[i])
                simulated_receive_text(g_sim.connection, OK_RESPONSE);
            if (ending != SEND_FAILS)
                end_by((enum ending)ending);
            cr_assert_eq(captured_count(), *befores[i] ? 1 : 0);
            cr_assert_eq(captured_open_count(), 0);
            captured_begin();
        }
}

Test(connection, passing_errors_end_nothing)
{
    static const int errors[] = {EAGAIN, EINTR, EBADF, EFAULT, EINVAL, ENOTSOCK, ENOTCONN};
    client_asks(REQUEST);
    for (size_t i = 0; i < ARRAY_LEN(errors); i++)
        simulated_error(g_sim.connection, errors[i]);
    simulated_receive_text(g_sim.connection, OK_RESPONSE);
    outcome_is("after passing errors", SPAN_STATUS_OK, "");
}

Test(connection, garbage_for_an_answer_is_an_error_and_the_end_of_looking)
{
    static const char *const garbage[] = {"garbage\r\n", "HTTP/2 200\r\n\r\n", "\x15\x03\x03",
                                          "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
        client_asks(REQUEST);
        simulated_receive_text(g_sim.connection, garbage[i]);
        outcome_is(garbage[i], SPAN_STATUS_ERROR, "malformed_response");
        cr_assert(g_sim.connection->is_opaque);
        simulated_close(g_sim.connection);
        captured_begin();
    }
}

Test(connection, what_nobody_asked_for_ends_the_looking_without_a_span)
{
    client_asks(REQUEST);
    simulated_receive_text(g_sim.connection, OK_RESPONSE OK_RESPONSE);
    cr_assert_eq(captured_count(), 1);
    cr_assert(g_sim.connection->is_opaque);
    simulated_send_all(&g_sim, REQUEST, strlen(REQUEST));
    simulated_close(g_sim.connection);
    cr_assert_eq(captured_count(), 1);
}

Test(connection, a_tunnel_is_not_looked_at)
{
    static const char *const heads[][2] = {
        {"CONNECT h:80 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
        {"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n"}};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        client_asks(heads[i][0]);
        simulated_receive_text(g_sim.connection, heads[i][1]);
        size_t len = g_sim.wire_len;
        simulated_send_all(&g_sim, REQUEST, strlen(REQUEST));
        cr_assert_eq(g_sim.wire_len, len + strlen(REQUEST), "a header went into a tunnel");
        simulated_receive_text(g_sim.connection, "anything");
        simulated_close(g_sim.connection);
        cr_assert_eq(captured_count(), 1);
        captured_begin();
    }
}

Test(connection, reading_an_answer_goes_on_with_what_it_was_asked_for)
{
    static struct active_context first, second;
    struct simulated *other = malloc(sizeof *other);
    first.source = second.source = ACTIVE_SERVER;
    span_context_child(&first.context, NULL);
    span_context_child(&second.context, NULL);
    active_set(&first);
    client_asks(REQUEST);
    active_set(&second);
    simulated_init(other);
    simulated_send_all(other, REQUEST, strlen(REQUEST));
    simulated_receive_text(g_sim.connection, "HTTP/1.1 200");
    cr_assert_eq(memcmp(active_current(NULL)->context.span_id, first.context.span_id, SPAN_ID_LEN), 0);
    simulated_receive_text(other->connection, "HTTP/1.1 200");
    cr_assert_eq(memcmp(active_current(NULL)->context.span_id, second.context.span_id, SPAN_ID_LEN), 0);
    free(other);
}

/* ---- the server's side ---- */

Test(connection, a_server_reads_a_request_split_at_every_byte)
{
    static const char request[] = "POST /a?b=c HTTP/1.1\r\nHost: h:8080\r\nTraceparent: " TRACEPARENT
                                  "\r\nContent-Length: 3\r\n\r\nabc";
    size_t len = strlen(request);
    for (size_t split = 0; split <= len; split++)
        for (int is_exact = 0; is_exact < 2; is_exact++) {
            void (*receive)(struct connection *, const char *, size_t) =
                is_exact ? simulated_receive_exactly : simulated_receive;
            simulated_init(&g_sim);
            if (split)
                receive(g_sim.connection, request, split);
            receive(g_sim.connection, request + split, len - split);
            cr_assert_not(g_sim.connection->is_opaque, "split at %zu", split);
            server_answers(OK_RESPONSE);
            cr_assert_eq(captured_count(), 1, "split at %zu", split);
            const struct span *span = captured_at(0);
            cr_assert_eq(span->kind, SPAN_KIND_SERVER);
            cr_assert_eq(memcmp(span->parent_span_id, "\xb7\xad\x6b\x71\x69\x20\x33\x31", 8), 0);
            cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_PATH), "/a");
            cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_QUERY), "b=REDACTED");
            cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_REQUEST_BODY_SIZE), 3);
            cr_assert_eq(captured_int(span, ATTRIBUTE_SERVER_PORT), 8080);
            cr_assert_not(g_sim.is_edited, "a server sends nothing of ours");
            simulated_close(g_sim.connection);
            captured_begin();
        }
}

Test(connection, a_servers_answer_split_at_every_byte)
{
    for (size_t i = 0; i < ARRAY_LEN(RESPONSES); i++) {
        const struct response_row *row = &RESPONSES[i];
        size_t len = strlen(row->response);
        for (size_t split = 0; split <= len; split++) {
            server_is_asked(row->request);
            simulated_send_all(&g_sim, row->response, split);
            simulated_send_all(&g_sim, row->response + split, len - split);
            if (row->is_until_close)
                connection_shutdown_write(g_sim.connection);
            bool is_error = row->status >= 500;
            cr_assert_eq(captured_count(), 1, "%s", row->name);
            const struct span *span = captured_at(0);
            cr_assert_eq(span->status,
                         is_error              ? SPAN_STATUS_ERROR
                         : row->status >= 400 ? SPAN_STATUS_UNSET
                                              : SPAN_STATUS_OK);
            cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE), row->status);
            simulated_close(g_sim.connection);
            cr_assert_eq(captured_count(), 1);
            captured_begin();
        }
    }
}

/* What is active is open. */
static bool is_serving(void)
{
    const struct active_context *active = active_current(NULL);
    return active && active_is_open(active);
}

/* Who has answered goes on with it until it turns to something else. */
Test(connection, a_request_is_active_from_its_head_on_and_open_until_it_is_answered)
{
    simulated_init(&g_sim);
    simulated_receive_text(g_sim.connection, "POST / HTTP/1.1\r\nContent-Length: 1\r\nTraceparent: " TRACEPARENT);
    cr_assert_null(active_current(NULL), "its head is not complete");
    simulated_receive_text(g_sim.connection, "\r\n\r\n");
    const struct active_context *active = active_current(NULL);
    cr_assert_not_null(active);
    cr_assert_eq(active->source, ACTIVE_SERVER);
    cr_assert(active->has_incoming);
    simulated_receive_text(g_sim.connection, "x");
    cr_assert_not_null(active_current(NULL));
    server_answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    cr_assert(is_serving());
    server_answers("k");
    cr_assert_not_null(active_current(NULL));
    cr_assert_not(is_serving());
}

Test(connection, pipelined_requests_are_active_one_after_the_other)
{
    uint8_t ids[2][SPAN_ID_LEN];
    server_is_asked("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
    memcpy(ids[0], active_current(NULL)->context.span_id, SPAN_ID_LEN);
    server_answers(OK_RESPONSE);
    memcpy(ids[1], active_current(NULL)->context.span_id, SPAN_ID_LEN);
    server_answers(OK_RESPONSE);
    cr_assert_not(is_serving());
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(memcmp(captured_at(i)->span_id, ids[i], SPAN_ID_LEN), 0);
    cr_assert_str_eq(captured_string(captured_at(1), ATTRIBUTE_URL_PATH), "/2");
}

static void *answer_on_thread(void *response)
{
    cr_assert_null(active_current(NULL));
    server_answers(response);
    cr_assert_null(active_current(NULL));
    return NULL;
}

static void on_another_thread(void *(*function)(void *), const void *argument)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, function, (void *)argument), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
}

Test(connection, an_answer_by_another_thread_ends_what_is_active_here)
{
    server_is_asked(REQUEST);
    cr_assert_not_null(active_current(NULL));
    on_another_thread(answer_on_thread, OK_RESPONSE);
    cr_assert_null(active_current(NULL), "the request has been answered");
    outcome_is("other thread", SPAN_STATUS_OK, "");
}

static void *take_up_on_thread(void *expected)
{
    connection_take_up(g_sim.connection);
    cr_assert_eq(active_current(NULL) != NULL, expected != NULL);
    return NULL;
}

Test(connection, who_looks_after_the_client_before_the_answer_works_for_its_request)
{
    static const char is_taken_up[] = "";
    server_is_asked("POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n");
    on_another_thread(take_up_on_thread, NULL); /* the request is not complete */
    simulated_receive_text(g_sim.connection, "x");
    on_another_thread(take_up_on_thread, is_taken_up);
    server_answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    on_another_thread(take_up_on_thread, NULL);
    server_answers("k");
    on_another_thread(take_up_on_thread, NULL);
    simulated_receive_text(g_sim.connection, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
    on_another_thread(take_up_on_thread, NULL); /* which of them? */
}

static void *look_after_other(void *other)
{
    uint8_t span_id[SPAN_ID_LEN];
    server_is_asked(REQUEST);
    memcpy(span_id, active_current(NULL)->context.span_id, SPAN_ID_LEN);
    connection_take_up(other);
    cr_assert_eq(memcmp(active_current(NULL)->context.span_id, span_id, SPAN_ID_LEN), 0);
    return NULL;
}

Test(connection, who_is_at_work_and_looks_after_another_client_stays_at_work)
{
    server_is_asked(REQUEST);
    on_another_thread(look_after_other, g_sim.connection);
}

static void *read_next_on_thread(void *request)
{
    simulated_receive_text(g_sim.connection, request);
    cr_assert_not_null(active_current(NULL), "this thread has read a request");
    return NULL;
}

/* The client has the answer, asks again, and another thread reads that, all before the thread that
 * answered comes back from its write. */
Test(connection, the_next_request_is_active_where_it_was_read)
{
    static const char response[] = OK_RESPONSE;
    struct iovec iov = {(void *)response, strlen(response)};
    struct send_plan plan;
    server_is_asked(REQUEST);
    transfer_send_begin(&plan, g_sim.connection, SIMULATED_FD, &iov, 1, 0);
    on_another_thread(read_next_on_thread, "GET /next HTTP/1.1\r\n\r\n");
    transfer_send_end(&plan, (ssize_t)iov.iov_len, 0);
    cr_assert_not(is_serving(), "this thread has not read the next request");
}

Test(connection, keep_alive)
{
    for (unsigned i = 0; i < 100; i++) {
        if (i == 0)
            server_is_asked(REQUEST);
        else
            simulated_receive_text(g_sim.connection, REQUEST);
        server_answers(OK_RESPONSE);
        cr_assert_eq(captured_count(), i + 1);
        cr_assert_eq(captured_at(i)->status, SPAN_STATUS_OK);
    }
    simulated_eof(g_sim.connection);
    simulated_close(g_sim.connection);
    cr_assert_eq(captured_count(), 100);
}

static void server_serves(const char *request, const char *response)
{
    simulated_receive_text(g_sim.connection, request);
    server_answers(response);
}

static void span_says(unsigned i, const char *path, const char *query, const char *parent, int status)
{
    static const char method[] = "GET";
    const struct span *span = captured_at(i);
    uint8_t expected[SPAN_ID_LEN] = {0};
    if (*parent)
        hex_decode(parent, sizeof expected, expected);
    cr_assert_eq(memcmp(span->parent_span_id, expected, SPAN_ID_LEN), 0, "%u: parent", i);
    cr_assert_eq(strncmp(span->name, method, span->name_len), 0, "%u: %.*s", i, span->name_len, span->name);
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD), method, "%u", i);
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_PATH), path, "%u", i);
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_QUERY), query, "%u", i);
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_SERVER_ADDRESS), "h", "%u", i);
    cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE), status, "%u", i);
    cr_assert_eq(span->dropped_attributes_count, 0, "%u", i);
}

/* What does not change is not looked at again, but for what each says of its context. */
Test(connection, requests_that_are_alike_are_told_from_each_other)
{
#define HEAD_OF(target) "GET " target " HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n"
#define CONTEXT_OF(id) "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-" id "-01\r\n"
#define FAILURE "HTTP/1.1 500 OK\r\nContent-Length: 2\r\n\r\nok"
#define ID_A "b7ad6b7169203331"
#define ID_B "00f067aa0ba902b7"
    static const struct {
        const char *request, *response, *path, *query, *parent;
        int status;
    } rows[] = {
        {HEAD_OF("/a?b=c") CONTEXT_OF(ID_A) "\r\n", OK_RESPONSE, "/a", "b=REDACTED", ID_A, 200},
        {HEAD_OF("/a?b=c") CONTEXT_OF(ID_A) "\r\n", OK_RESPONSE, "/a", "b=REDACTED", ID_A, 200},
        {HEAD_OF("/a?b=c") CONTEXT_OF(ID_B) "\r\n", OK_RESPONSE, "/a", "b=REDACTED", ID_B, 200},
        {HEAD_OF("/a?b=c") CONTEXT_OF(ID_B) "\r\n", FAILURE, "/a", "b=REDACTED", ID_B, 500},
        {HEAD_OF("/a?b=c") "\r\n", OK_RESPONSE, "/a", "b=REDACTED", "", 200},
        {HEAD_OF("/a?b=c") CONTEXT_OF(ID_A) CONTEXT_OF(ID_B) "\r\n", OK_RESPONSE, "/a", "b=REDACTED", "", 200},
        {HEAD_OF("/d") CONTEXT_OF(ID_A) "\r\n", OK_RESPONSE, "/d", "", ID_A, 200},
        {HEAD_OF("/a?b=c") CONTEXT_OF(ID_A) "\r\n", OK_RESPONSE, "/a", "b=REDACTED", ID_A, 200},
    };
    simulated_init(&g_sim);
    for (unsigned round = 0, i = 0; round < 3; round++)
        for (unsigned row = 0; row < ARRAY_LEN(rows); row++, i++) {
            server_serves(rows[row].request, rows[row].response);
            span_says(i, rows[row].path, rows[row].query, rows[row].parent, rows[row].status);
        }
    cr_assert_eq(captured_open_count(), 0);
}

/* Another server's name behind what is the same counts as it does elsewhere. */
Test(connection, what_lies_behind_a_context_is_no_less_looked_at)
{
#define CONTEXT "Traceparent: " TRACEPARENT "\r\n"
    static const struct {
        const char *request, *server, *user_agent;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "a", ""},
        {"GET / HTTP/1.1\r\nHost: a\r\n" CONTEXT "User-Agent: u\r\n\r\n", "a", "u"},
        {"GET / HTTP/1.1\r\nHost: a\r\n" CONTEXT "User-Agent: v\r\n\r\n", "a", "v"},
        {"GET / HTTP/1.1\r\nHost: a\r\n" CONTEXT "Host: b\r\n\r\n", "b", ""},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "b", ""},
        {"GET / HTTP/1.1\r\n" CONTEXT "Host: a\r\n\r\n", "a", ""},
        {"GET / HTTP/1.1\r\n" CONTEXT "Host: b\r\n\r\n", "b", ""},
        {"GET / HTTP/1.1\r\n" CONTEXT "User-Agent: u\r\nHost: b\r\n\r\n", "b", "u"},
    };
    enum { TIMES = 3 };
    simulated_init(&g_sim);
    for (unsigned i = 0; i < 3 * TIMES * ARRAY_LEN(rows); i++) {
        unsigned row = i / TIMES % ARRAY_LEN(rows);
        server_serves(rows[row].request, OK_RESPONSE);
        cr_assert_str_eq(captured_string(captured_at(i), ATTRIBUTE_SERVER_ADDRESS), rows[row].server, "%u", i);
        cr_assert_str_eq(captured_string(captured_at(i), ATTRIBUTE_USER_AGENT_ORIGINAL), rows[row].user_agent, "%u", i);
    }
#undef CONTEXT
}

Test(connection, answers_that_are_alike_end_what_they_answer)
{
    static const char *const answers[] = {OK_RESPONSE, OK_RESPONSE, OK_RESPONSE, "HTTP/1.1 304 N\r\n\r\n", OK_RESPONSE};
    static const char *const requests[] = {REQUEST, REQUEST, REQUEST, REQUEST, "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n"};
    simulated_init(&g_sim);
    for (unsigned i = 0; i < 20; i++) {
        bool is_head = i % 5 == 4;
        simulated_send_all(&g_sim, requests[i % 5], strlen(requests[i % 5]));
        simulated_receive(g_sim.connection, answers[i % 5], strlen(answers[i % 5]) - (is_head ? 2 : 0));
        cr_assert_eq(captured_count(), i + 1);
        const struct span *span = captured_at(i);
        cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE), i % 5 == 3 ? 304 : 200);
        cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE), i % 5 < 3 ? 2 : 0, "%u", i);
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD), is_head ? "HEAD" : "GET");
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_SERVER_ADDRESS), "h");
    }
}

Test(connection, a_server_that_does_not_answer_says_why)
{
    static const struct {
        const char *name, *request, *response;
        enum ending ending;
        const char *error_type;
    } rows[] = {
        {"no answer", REQUEST, "", CLOSES, "aborted"},
        {"half an answer", REQUEST, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", CLOSES, "aborted"},
        {"exit", REQUEST, "", EXITS, "aborted"},
        {"the client went away", REQUEST, "HTTP/1.1 200 OK\r\n", SEND_FAILS, "EPIPE"},
        {"reset", REQUEST, "", RESET, "ECONNRESET"},
        {"half a head", "GET / HTTP/1.1\r\nHo", "", PEER_CLOSES, "connection_closed"},
        {"half a body", "PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx", "", PEER_CLOSES,
         "connection_closed"},
        {"not HTTP", REQUEST, "garbage", CLOSES, "malformed_response"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        server_is_asked(rows[i].request);
        if (*rows[i].response)
            server_answers(rows[i].response);
        end_by(rows[i].ending);
        outcome_is(rows[i].name, SPAN_STATUS_ERROR, rows[i].error_type);
        cr_assert_not(is_serving(), "%s", rows[i].name);
        captured_begin();
    }
}

Test(connection, a_client_that_half_closes_still_gets_its_answer)
{
    server_is_asked(REQUEST);
    simulated_eof(g_sim.connection);
    server_answers(OK_RESPONSE);
    outcome_is("half closed", SPAN_STATUS_OK, "");
}

Test(connection, only_the_request_that_was_cut_off_fails)
{
    server_is_asked(REQUEST "GET /cut HTTP/1.1\r\nHo");
    simulated_eof(g_sim.connection);
    server_answers(OK_RESPONSE);
    simulated_close(g_sim.connection);
    unsigned ok_count = 0;
    for (unsigned i = 0; i < captured_count(); i++)
        ok_count += captured_at(i)->status == SPAN_STATUS_OK;
    cr_assert_eq(ok_count, 1, "the first request was complete, and was answered");
}

Test(connection, bytes_that_go_by_unseen)
{
    server_is_asked(REQUEST);
    server_answers("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    transfer_sent_unseen(g_sim.connection, 600);
    cr_assert_eq(captured_count(), 0);
    transfer_sent_unseen(g_sim.connection, 400);
    outcome_is("sendfile", SPAN_STATUS_OK, "");
    cr_assert_eq(captured_int(captured_at(0), ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE), 1000);
    captured_begin();
    client_asks(REQUEST);
    simulated_receive_text(g_sim.connection, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    transfer_received_unseen(g_sim.connection, connection_generation(g_sim.connection), 5);
    outcome_is("splice", SPAN_STATUS_OK, "");
}

/* ---- what must not be said ---- */

/* Nobody knows how the open requests of a connection ended that nobody looks at any more. */
Test(connection, an_opaque_connection_says_nothing_of_what_was_open)
{
    for (int ending = CLOSES; ending <= SHUTS_DOWN; ending++) {
        client_asks(REQUEST);
        /* As a second sender does it, who has no lock. */
        atomic_store(&g_sim.connection->is_opaque, true);
        simulated_receive_text(g_sim.connection, OK_RESPONSE);
        end_by((enum ending)ending);
        cr_assert_eq(captured_count(), 0, "ending %d: %s", ending, captured_message(captured_at(0)));
        cr_assert_eq(captured_open_count(), 0);
        captured_begin();
    }
}

Test(connection, two_who_send_at_once_get_their_bytes_through_untouched)
{
    static const char body[] = "body";
    struct iovec iov = {(void *)body, 4}, request = {(void *)REQUEST, strlen(REQUEST)};
    struct send_plan first, second;
    simulated_init(&g_sim);
    transfer_send_begin(&first, g_sim.connection, SIMULATED_FD, &request, 1, 0);
    cr_assert(first.is_edited);
    transfer_send_begin(&second, g_sim.connection, SIMULATED_FD, &iov, 1, 0);
    cr_assert_not(second.is_edited);
    cr_assert_eq(transfer_send_end(&second, 4, 0).result, 4);
    cr_assert_eq(transfer_send_end(&first, -1, EAGAIN).result, -1);
    cr_assert(g_sim.connection->is_opaque);
}

Test(connection, a_new_connection_in_old_memory_knows_nothing_of_the_old_one)
{
    client_asks("POST / HTTP/1.1\r\nContent-Length: 9\r\nX: ");
    struct connection *old = g_sim.connection;
    uint32_t generation = connection_generation(old);
    simulated_close(old);
    captured_begin();
    simulated_init(&g_sim);
    cr_assert_eq(g_sim.connection, old);
    cr_assert_neq(connection_generation(old), generation);
    cr_assert_not(old->is_opaque);
    cr_assert_eq(old->role, ROLE_UNKNOWN);
    struct iovec late = {(void *)"GET / HTTP/1.1\r\n\r\n", 18};
    transfer_received(old, generation, SIMULATED_FD, &late, 1, 18);
    transfer_receive_ended(old, generation, ECONNRESET);
    transfer_received_unseen(old, generation, 5);
    cr_assert_eq(old->role, ROLE_UNKNOWN, "a read of the old connection reached the new one");
    cr_assert_not(old->is_opaque);
    simulated_receive_text(old, REQUEST);
    server_answers(OK_RESPONSE);
    outcome_is("new", SPAN_STATUS_OK, "");
}

Test(connection, descriptors_that_name_the_same_connection)
{
    client_asks(REQUEST);
    atomic_fetch_add(&g_sim.connection->fd_count, 1);
    simulated_close(g_sim.connection);
    simulated_receive_text(g_sim.connection, OK_RESPONSE);
    outcome_is("dup", SPAN_STATUS_OK, "");
    simulated_close(g_sim.connection);
}

Test(connection, without_memory_for_spans_traffic_flows)
{
    g_captured_is_full = true;
    client_asks(REQUEST);
    simulated_receive_text(g_sim.connection, OK_RESPONSE);
    simulated_send_all(&g_sim, REQUEST, strlen(REQUEST));
    simulated_close(g_sim.connection);
    cr_assert_not(g_sim.is_edited);
    server_is_asked(REQUEST);
    cr_assert_null(active_current(NULL));
    server_answers(OK_RESPONSE);
    server_is_asked("GET / HT");
    simulated_close(g_sim.connection);
    cr_assert_eq(captured_count(), 0);
}

Test(connection, lines_are_given_back)
{
    static char request[20000];
    int len = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nCookie: ");
    memset(request + len, 'c', 10000);
    strcpy(request + len + 10000, "\r\n\r\n");
    for (int i = 0; i < 20000; i++) { /* more than there are */
        simulated_init(&g_sim);
        simulated_send_all(&g_sim, request, 5000);
        cr_assert_not_null(g_sim.connection->requests.line, "round %d", i);
        if (i % 3 == 0)
            simulated_send_all(&g_sim, request + 5000, strlen(request + 5000));
        if (i % 3 == 1)
            connection_set_opaque(g_sim.connection);
        simulated_close(g_sim.connection);
        captured_begin();
    }
}

/* ---- connecting ---- */

static struct sockaddr_in address(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void connect_begins(void)
{
    struct sockaddr_in to = address(80);
    simulated_init(&g_sim);
    connection_connect_begin(g_sim.connection, (struct sockaddr *)&to, sizeof to);
}

Test(connection, a_connection_that_failed_is_a_span)
{
    static const struct {
        int errors[3];
        const char *expected; /* NULL: no span */
    } rows[] = {
        {{ECONNREFUSED}, "ECONNREFUSED"},       {{ETIMEDOUT}, "ETIMEDOUT"},
        {{EHOSTUNREACH}, "EHOSTUNREACH"},       {{EINPROGRESS, ECONNREFUSED}, "ECONNREFUSED"},
        {{EINTR, EALREADY, ENETUNREACH}, "ENETUNREACH"}, {{EINPROGRESS, EISCONN}, NULL},
        {{0}, NULL},                            {{EBADF}, NULL},
        {{EFAULT}, NULL},                       {{EISCONN}, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        connect_begins();
        for (size_t j = 0; j < 3 && (j == 0 || rows[i].errors[j]); j++)
            connection_connect_end(g_sim.connection, rows[i].errors[j]);
        simulated_close(g_sim.connection);
        cr_assert_eq(captured_count(), rows[i].expected ? 1 : 0, "row %zu", i);
        if (rows[i].expected) {
            outcome_is("connect", SPAN_STATUS_ERROR, rows[i].expected);
            cr_assert_eq(captured_int(captured_at(0), ATTRIBUTE_SERVER_PORT), 80);
            cr_assert_eq(captured_at(0)->kind, SPAN_KIND_CLIENT);
        }
        captured_begin();
    }
}

Test(connection, a_request_begins_with_its_connecting)
{
    connect_begins();
    connection_connect_end(g_sim.connection, 0);
    simulated_send_all(&g_sim, REQUEST, strlen(REQUEST));
    simulated_receive_text(g_sim.connection, OK_RESPONSE);
    simulated_send_all(&g_sim, REQUEST, strlen(REQUEST));
    simulated_receive_text(g_sim.connection, OK_RESPONSE);
    cr_assert_eq(captured_at(0)->events[0].id, SPAN_EVENT_CONNECT);
    cr_assert_eq(captured_at(0)->events[1].id, SPAN_EVENT_CONNECTED);
    cr_assert_eq(captured_at(1)->events[0].id, SPAN_EVENT_REQUEST_FIRST_BYTE);
    cr_assert_eq(captured_at(0)->start_ns, g_sim.connection->connect_start_ns);
}

/* Some programs wait for EPOLLOUT and write, and never ask what became of their connect(2). When the
 * connection is over, the kernel no longer knows that it ever was. */
Test(connection, bytes_that_went_through_prove_that_it_was_connected)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0);
    connect_begins();
    connection_connect_end(g_sim.connection, EINPROGRESS);
    simulated_send_all(&g_sim, REQUEST, strlen(REQUEST));
    simulated_receive_text(g_sim.connection, OK_RESPONSE);
    simulated_eof(g_sim.connection);
    connection_release(g_sim.connection, fd);
    close(fd);
    cr_assert_eq(captured_count(), 1, "%s", captured_message(captured_at(captured_count() - 1)));
    cr_assert_eq(captured_at(0)->status, SPAN_STATUS_OK);
}

/* ---- forks ---- */

/* Runs @function in a fork child; returns how many spans it reported there. */
static unsigned spans_of_child(void (*function)(void))
{
    int status;
    unsigned before = captured_count();
    exchange_fork_prepare();
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        function();
        _exit((int)(captured_count() - before));
    }
    exchange_fork_parent();
    process_note_fork();
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "the child died of signal %d", WTERMSIG(status));
    return (unsigned)WEXITSTATUS(status);
}

static void child_closes(void)
{
    simulated_close(g_sim.connection);
}

static void child_exits(void)
{
    connection_exit_all();
}

static void child_answers(void)
{
    server_answers(OK_RESPONSE);
    simulated_close(g_sim.connection);
}

Test(connection, a_fork_child_reports_nothing_of_its_parents)
{
    static void (*const children[])(void) = {child_closes, child_exits};
    static const char *const parts[] = {"", "HTTP/1.1 200 OK\r\n",
                                        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"};
    for (size_t i = 0; i < ARRAY_LEN(children); i++)
        for (size_t part = 0; part < ARRAY_LEN(parts); part++)
            for (int is_server = 0; is_server < 2; is_server++) {
                if (is_server) {
                    server_is_asked(REQUEST);
                    if (*parts[part])
                        server_answers(parts[part]);
                } else {
                    client_asks(REQUEST);
                    simulated_receive_text(g_sim.connection, parts[part]);
                }
                cr_assert_eq(spans_of_child(children[i]), 0, "role %d, part %zu", is_server, part);
                const char *rest = OK_RESPONSE + strlen(parts[part]);
                if (is_server)
                    server_answers(rest);
                else
                    simulated_receive_text(g_sim.connection, rest);
                outcome_is("parent", SPAN_STATUS_OK, "");
                simulated_close(g_sim.connection);
                captured_begin();
            }
}

Test(connection, of_a_request_handed_to_a_fork_child_the_child_reports)
{
    server_is_asked(REQUEST);
    cr_assert_eq(spans_of_child(child_answers), 1);
    simulated_close(g_sim.connection);
    cr_assert_eq(captured_count(), 0, "and the parent is silent");
    cr_assert_eq(captured_open_count(), 0);
}

/* ---- threads ---- */

enum { THREAD_ROUNDS = 3000 };

static struct {
    _Atomic int asked, answered;
} g_turns;

static void *reader_thread(void *unused)
{
    (void)unused;
    for (int i = 0; i < THREAD_ROUNDS; i++) {
        while (atomic_load(&g_turns.asked) <= i)
            sched_yield();
        simulated_receive_text(g_sim.connection, OK_RESPONSE);
        atomic_store(&g_turns.answered, i + 1);
    }
    return NULL;
}

/* The answer is read by one thread before the write has returned in another. */
Test(connection, one_thread_writes_and_another_reads)
{
    pthread_t thread;
    struct iovec iov = {(void *)REQUEST, strlen(REQUEST)};
    simulated_init(&g_sim);
    cr_assert_eq(pthread_create(&thread, NULL, reader_thread, NULL), 0);
    for (int i = 0; i < THREAD_ROUNDS; i++) {
        struct send_plan plan;
        transfer_send_begin(&plan, g_sim.connection, SIMULATED_FD, &iov, 1, 0);
        size_t wire_len = 0;
        for (size_t j = 0; j < plan.iov_count; j++)
            wire_len += plan.iov[j].iov_len;
        atomic_store(&g_turns.asked, i + 1);
        if (i % 2)
            while (atomic_load(&g_turns.answered) <= i)
                sched_yield();
        struct send_outcome outcome = transfer_send_end(&plan, (ssize_t)wire_len, 0);
        if (outcome.result != (ssize_t)iov.iov_len)
            cr_assert_fail("told %zd", outcome.result);
        while (atomic_load(&g_turns.answered) <= i)
            sched_yield();
    }
    pthread_join(thread, NULL);
    simulated_close(g_sim.connection);
    if (!g_sim.connection->is_opaque)
        cr_assert_eq(captured_count(), THREAD_ROUNDS);
    for (unsigned i = 0; i < captured_count(); i++)
        cr_assert_eq(captured_at(i)->status, SPAN_STATUS_OK, "%s", captured_message(captured_at(i)));
}

/* An answer that the peer has before its sender can say that it has gone out. */
static void answer_slowly(void (*meanwhile)(void))
{
    struct iovec iov = {(void *)OK_RESPONSE, strlen(OK_RESPONSE)};
    struct send_plan plan;
    transfer_send_begin(&plan, g_sim.connection, SIMULATED_FD, &iov, 1, 0);
    meanwhile();
    cr_assert_eq(transfer_send_end(&plan, (ssize_t)iov.iov_len, 0).result, (ssize_t)iov.iov_len);
}

static _Atomic bool g_is_answered;

static void *answer_the_next(void *unused)
{
    server_answers(OK_RESPONSE);
    atomic_store(&g_is_answered, true);
    return unused;
}

static pthread_t g_next;

static void next_request_is_answered(void)
{
    uint64_t start_ns = clock_monotonic_ns();
    simulated_receive_text(g_sim.connection, REQUEST);
    cr_assert_eq(pthread_create(&g_next, NULL, answer_the_next, NULL), 0);
    while (!atomic_load(&g_is_answered) && clock_monotonic_ns() - start_ns < LOCK_WAIT_MAX_NS / 10)
        sched_yield();
}

Test(connection, an_answer_is_complete_although_the_next_request_is_answered_before_its_sender_goes_on)
{
    server_is_asked(REQUEST);
    answer_slowly(next_request_is_answered);
    pthread_join(g_next, NULL);
    cr_assert_eq(captured_count(), 2);
    for (unsigned i = 0; i < captured_count(); i++)
        cr_assert_eq(captured_at(i)->status, SPAN_STATUS_OK, "%s", captured_message(captured_at(i)));
    cr_assert(!g_sim.connection->is_opaque);
}

static void *close_on_thread(void *unused)
{
    simulated_close(g_sim.connection);
    return unused;
}

static void client_hangs_up(void)
{
    simulated_eof(g_sim.connection);
    on_another_thread(close_on_thread, NULL);
}

Test(connection, an_answer_is_complete_although_it_is_closed_before_its_sender_goes_on)
{
    server_is_asked(REQUEST);
    answer_slowly(client_hangs_up);
    outcome_is("closed", SPAN_STATUS_OK, "");
    cr_assert_eq(captured_open_count(), 0);
}

/* A signal handler. */
static void this_thread_closes(void)
{
    simulated_close(g_sim.connection);
}

Test(connection, who_closes_what_it_sends_on_itself_does_not_wait)
{
    server_is_asked(REQUEST);
    answer_slowly(this_thread_closes);
    outcome_is("closed within", SPAN_STATUS_ERROR, "aborted");
    cr_assert_eq(captured_open_count(), 0);
}

static void *begin_and_end(void *plan)
{
    struct iovec iov = {(void *)OK_RESPONSE, strlen(OK_RESPONSE)};
    transfer_send_begin(plan, g_sim.connection, SIMULATED_FD, &iov, 1, 0);
    return NULL;
}

Test(connection, a_thread_that_died_within_a_send_is_not_waited_for_at_the_close)
{
    struct send_plan plan;
    server_is_asked(REQUEST);
    on_another_thread(begin_and_end, &plan);
    /* Joined, it may still be about to be gone. */
    pid_t sender = (pid_t)(uint32_t)atomic_load(&g_sim.connection->sender);
    while (syscall(SYS_tgkill, getpid(), sender, 0) == 0)
        usleep(100);
    simulated_close(g_sim.connection);
    outcome_is("sender dead", SPAN_STATUS_ERROR, "aborted");
    cr_assert_eq(captured_open_count(), 0);
}

static struct connection *g_shared[8];

static void *mixed_thread(void *argument)
{
    uint64_t seed = (uint64_t)(uintptr_t)argument;
    static const char *const pieces[] = {REQUEST, "GET / HT", "TP/1.1\r\n\r\n", OK_RESPONSE, "garbage"};
    for (int i = 0; i < 4000; i++) {
        struct connection *connection = g_shared[random_below(&seed, ARRAY_LEN(g_shared))];
        const char *piece = pieces[random_below(&seed, ARRAY_LEN(pieces))];
        struct iovec iov = {(void *)piece, strlen(piece)};
        struct send_plan plan;
        if (random_chance(&seed, 2)) {
            transfer_received(connection, connection_generation(connection), SIMULATED_FD, &iov, 1,
                              iov.iov_len);
            continue;
        }
        transfer_send_begin(&plan, connection, SIMULATED_FD, &iov, 1, 0);
        size_t offered = iov.iov_len;
        for (size_t j = 0; plan.is_edited && j < plan.iov_count; j++)
            offered = j ? offered + plan.iov[j].iov_len : plan.iov[j].iov_len;
        struct send_outcome outcome =
            transfer_send_end(&plan, (ssize_t)(1 + random_below(&seed, offered)), 0);
        if (outcome.is_again)
            transfer_send_end(&plan, -1, EAGAIN);
    }
    return NULL;
}

Test(connection, threads_that_do_anything_at_all_on_shared_connections, .timeout = 60)
{
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(g_shared); i++)
        g_shared[i] = connection_new();
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, mixed_thread, (void *)(i + 1)), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < ARRAY_LEN(g_shared); i++)
        simulated_close(g_shared[i]);
    cr_assert_eq(captured_open_count(), 0);
}
