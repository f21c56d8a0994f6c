/* test_fastcgi_protocol.c - a web server and an application that talk FastCGI: the right spans at both ends, the
 * context on its way, and on the wire what the web server sent, with exactly a record of ours put in. */
#include "wire/connection.h"
#include "wire/fastcgi_params.h"

#include "support/captured.h"
#include "support/fastcgi_bytes.h"
#include "support/simulated.h"
#include "trace/active.h"
#include "trace/ignore.h"
#include "trace/propagator.h"
#include "trace/traceparent.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(fastcgi_protocol, .init = captured_begin);

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define INCOMING_ID "b7ad6b7169203331"
#define INCOMING "00-" TRACE_ID "-" INCOMING_ID "-01"
#define OWN "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define ID_AT strlen("00-" TRACE_ID "-")

enum { ID = 1, RECORD_LEN = 65535, IDS_LEN = 16 };

static struct simulated g_sim;
static struct fastcgi_bytes g_request, g_answer, g_content;
static size_t g_params_end; /* in g_request, of the empty record */

static const char *const PAIRS[] = {"QUERY_STRING", "q=1&token=secret", "REQUEST_METHOD", "POST",
                                    "SCRIPT_NAME", "/index.php", "REQUEST_URI", "/shop/7?q=1&token=secret",
                                    "SERVER_NAME", "shop.example", "SERVER_PORT", "8080", "REMOTE_ADDR", "192.0.2.7",
                                    "REMOTE_PORT", "4711", "REQUEST_SCHEME", "https", "HTTP_USER_AGENT", "curl/8",
                                    NULL};

static void work_for_a_request(const char *traceparent)
{
    static struct active_context active;
    struct span_context incoming;
    cr_assert_eq(traceparent_parse(traceparent, strlen(traceparent), &incoming), 0);
    active.source = ACTIVE_SERVER;
    active.has_incoming = true;
    memcpy(active.incoming_span_id, incoming.span_id, SPAN_ID_LEN);
    span_context_child(&active.context, &incoming);
    active_set(&active);
}

/* PAIRS and @more, in records of @record_len bytes, and a body. */
static void request_make(const char *const *more, size_t record_len)
{
    g_request.len = g_content.len = 0;
    fastcgi_add_pairs(&g_content, PAIRS);
    fastcgi_add_pairs(&g_content, more);
    fastcgi_add_begin(&g_request, ID);
    fastcgi_add_stream(&g_request, FASTCGI_PARAMS, ID, g_content.bytes, g_content.len, record_len);
    g_params_end = g_request.len - FASTCGI_HEADER_LEN;
    fastcgi_add_stream(&g_request, FASTCGI_STDIN, ID, "body", 4, record_len);
}

static void answer_make(const char *output)
{
    g_answer.len = 0;
    fastcgi_add_stream(&g_answer, FASTCGI_STDOUT, ID, output, strlen(output), RECORD_LEN);
    fastcgi_add_end(&g_answer, ID, 0);
}

static const char *hex_of(const uint8_t *id, size_t len)
{
    static char text[64];
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    return text;
}

/* ---- the web server's side ---- */

static const char *const NOTHING[] = {NULL};
static const char *const PASSED_ON[] = {"HTTP_TRACEPARENT", INCOMING, NULL};

static void client_answered(void)
{
    answer_make("Status: 201 Made\r\n\r\nok");
    simulated_receive(g_sim.connection, g_answer.bytes, g_answer.len);
}

/* The wire is the request with one record more before the parameters' end: HTTP_TRACEPARENT. */
static void insertion_check(const char *how, size_t at)
{
    static const char head[] = "\1\4\0\1\0\x49\0\0\x10\x37HTTP_TRACEPARENT";
    size_t head_len = sizeof head - 1, record_len = head_len + TRACEPARENT_LEN;
    const char *record = g_sim.wire + g_params_end;
    cr_assert_eq(g_sim.wire_len, g_request.len + record_len, "%s %zu: %zu bytes", how, at, g_sim.wire_len);
    cr_assert_arr_eq(g_sim.wire, g_request.bytes, g_params_end, "%s %zu", how, at);
    cr_assert_arr_eq(record, head, head_len, "%s %zu", how, at);
    cr_assert_arr_eq(record + head_len, "00-" TRACE_ID "-", ID_AT, "%s %zu", how, at);
    cr_assert_arr_eq(record + record_len, g_request.bytes + g_params_end, g_request.len - g_params_end, "%s %zu", how,
                     at);
    client_answered();
    cr_assert_eq(captured_count(), 1);
    const struct span *span = captured_at(0);
    cr_assert_arr_eq(record + head_len + ID_AT, hex_of(span->span_id, SPAN_ID_LEN), IDS_LEN);
    cr_assert_not(captured_has(span, ATTRIBUTE_PROPAGATION_SKIPPED));
    simulated_close(g_sim.connection);
    cr_assert_eq(captured_open_count(), 0);
    captured_begin();
}

Test(fastcgi_protocol, a_context_goes_in_however_the_request_is_cut)
{
    static const size_t record_lens[] = {RECORD_LEN, 40};
    work_for_a_request(INCOMING);
    for (size_t i = 0; i < ARRAY_LEN(record_lens); i++) {
        request_make(NOTHING, record_lens[i]);
        for (size_t split = FASTCGI_HEADER_LEN; split <= g_request.len; split++) {
            if (split > g_params_end && split < g_params_end + FASTCGI_HEADER_LEN)
                continue;
            simulated_init(&g_sim);
            simulated_send_all(&g_sim, g_request.bytes, split);
            simulated_send_all(&g_sim, g_request.bytes + split, g_request.len - split);
            insertion_check("split", split);
        }
    }
}

/* Once a part of it is gone nothing can be put before it. */
Test(fastcgi_protocol, a_header_that_is_split_is_left_alone)
{
    work_for_a_request(INCOMING);
    request_make(NOTHING, RECORD_LEN);
    for (size_t split = g_params_end + 1; split < g_params_end + FASTCGI_HEADER_LEN; split++) {
        simulated_init(&g_sim);
        simulated_send_all(&g_sim, g_request.bytes, split);
        simulated_send_all(&g_sim, g_request.bytes + split, g_request.len - split);
        cr_assert_eq(g_sim.wire_len, g_request.len);
        cr_assert_arr_eq(g_sim.wire, g_request.bytes, g_request.len);
        client_answered();
        cr_assert_str_eq(captured_string(captured_at(0), ATTRIBUTE_PROPAGATION_SKIPPED), "split");
        simulated_close(g_sim.connection);
        captured_begin();
    }
}

Test(fastcgi_protocol, vectors_split_at_every_byte)
{
    work_for_a_request(INCOMING);
    request_make(NOTHING, RECORD_LEN);
    for (size_t split = FASTCGI_HEADER_LEN; split < g_request.len; split++) {
        struct iovec iov[] = {{g_request.bytes, split}, {NULL, 0}, {g_request.bytes + split, g_request.len - split}};
        simulated_init(&g_sim);
        cr_assert_eq(simulated_sendv(&g_sim, iov, ARRAY_LEN(iov)), (ssize_t)g_request.len);
        insertion_check("vector", split);
    }
}

/* Takes so many bytes, then none once, then all. */
struct stop {
    size_t first;
    bool has_refused;
};

static size_t stop_take(void *state, size_t offered)
{
    struct stop *stop = state;
    size_t taken = MIN(stop->first, offered);
    if (taken) {
        stop->first = 0;
        return taken;
    }
    if (stop->has_refused)
        return offered;
    stop->has_refused = true;
    return 0;
}

Test(fastcgi_protocol, the_kernel_stops_at_every_byte)
{
    work_for_a_request(INCOMING);
    request_make(NOTHING, RECORD_LEN);
    for (size_t first = 1; first < g_request.len + 100; first++) {
        struct stop stop = {first, false};
        simulated_init(&g_sim);
        g_sim.take = stop_take;
        g_sim.state = &stop;
        simulated_send_all(&g_sim, g_request.bytes, g_request.len);
        insertion_check("stop", first);
    }
}

static void replacement_check(size_t value_at, bool is_replaced)
{
    cr_assert_eq(g_sim.wire_len, g_request.len);
    cr_assert_arr_eq(g_sim.wire, g_request.bytes, value_at + ID_AT);
    cr_assert_arr_eq(g_sim.wire + value_at + TRACEPARENT_LEN, g_request.bytes + value_at + TRACEPARENT_LEN,
                     g_request.len - value_at - TRACEPARENT_LEN);
    client_answered();
    const struct span *span = captured_at(0);
    const char *id = is_replaced ? hex_of(span->span_id, SPAN_ID_LEN) : INCOMING_ID;
    cr_assert_arr_eq(g_sim.wire + value_at + ID_AT, id, IDS_LEN);
    cr_assert_eq(captured_has(span, ATTRIBUTE_PROPAGATION_SKIPPED), !is_replaced);
    simulated_close(g_sim.connection);
    captured_begin();
}

Test(fastcgi_protocol, a_traceparent_that_is_passed_on_becomes_that_of_this_call)
{
    work_for_a_request(INCOMING);
    request_make(PASSED_ON, RECORD_LEN);
    const char *value = memmem(g_request.bytes, g_request.len, INCOMING, strlen(INCOMING));
    size_t value_at = (size_t)(value - g_request.bytes);
    for (size_t split = FASTCGI_HEADER_LEN; split <= g_request.len; split++) {
        simulated_init(&g_sim);
        simulated_send_all(&g_sim, g_request.bytes, split);
        simulated_send_all(&g_sim, g_request.bytes + split, g_request.len - split);
        replacement_check(value_at, split <= value_at || split >= value_at + TRACEPARENT_LEN);
    }
}

Test(fastcgi_protocol, a_passed_on_traceparent_that_two_records_share_stays)
{
    work_for_a_request(INCOMING);
    g_request.len = g_content.len = 0;
    fastcgi_add_pair(&g_content, "HTTP_TRACEPARENT", INCOMING);
    fastcgi_add_begin(&g_request, ID);
    fastcgi_add_stream(&g_request, FASTCGI_PARAMS, ID, g_content.bytes, g_content.len, 40);
    fastcgi_add_stream(&g_request, FASTCGI_STDIN, ID, "", 0, 40);
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, g_request.bytes, g_request.len);
    cr_assert_eq(g_sim.wire_len, g_request.len);
    cr_assert_arr_eq(g_sim.wire, g_request.bytes, g_request.len);
    client_answered();
    cr_assert_str_eq(captured_string(captured_at(0), ATTRIBUTE_PROPAGATION_SKIPPED), "split");
    simulated_close(g_sim.connection);
}

Test(fastcgi_protocol, what_the_application_says_is_respected)
{
    static const struct {
        const char *name, *value, *skipped; /* skipped: "" for no span at all */
    } rows[] = {{"HTTP_TRACEPARENT", OWN, ""}, {"HTTP_TRACEPARENT", "00-zz", "malformed"}};
    work_for_a_request(INCOMING);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        request_make((const char *const[]){rows[i].name, rows[i].value, NULL}, RECORD_LEN);
        simulated_init(&g_sim);
        simulated_send_all(&g_sim, g_request.bytes, g_request.len);
        cr_assert_eq(g_sim.wire_len, g_request.len);
        cr_assert_arr_eq(g_sim.wire, g_request.bytes, g_request.len);
        client_answered();
        cr_assert_eq(captured_count(), *rows[i].skipped ? 1u : 0u);
        if (*rows[i].skipped)
            cr_assert_str_eq(captured_string(captured_at(0), ATTRIBUTE_PROPAGATION_SKIPPED), rows[i].skipped);
        simulated_close(g_sim.connection);
        captured_begin();
    }
}

/* In its middle another record would become a part of it. */
Test(fastcgi_protocol, nothing_goes_into_a_pair_that_does_not_end)
{
    work_for_a_request(INCOMING);
    g_request.len = 0;
    fastcgi_add_begin(&g_request, ID);
    fastcgi_add_stream(&g_request, FASTCGI_PARAMS, ID, "\1\7Ax", 4, RECORD_LEN);
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, g_request.bytes, g_request.len);
    cr_assert_eq(g_sim.wire_len, g_request.len);
    client_answered();
    cr_assert_str_eq(captured_string(captured_at(0), ATTRIBUTE_PROPAGATION_SKIPPED), "split");
    simulated_close(g_sim.connection);
}

static struct span_context g_incoming;

/* What lies in the record of ours: "NAME=length of the value", parted by blanks. */
static const char *record_contents(void)
{
    static char contents[256];
    static struct fastcgi_params params;
    const unsigned char *record = (const unsigned char *)g_sim.wire + g_params_end;
    size_t len = FASTCGI_HEADER_LEN + (size_t)(record[4] << 8 | record[5]), used = 0;
    struct fastcgi_pair pair;
    cr_assert_eq(g_sim.wire_len, g_request.len + len);
    fastcgi_params_init(&params);
    for (size_t at = FASTCGI_HEADER_LEN; at < len;) {
        at += fastcgi_params_next(&params, (const char *)record + at, len - at, at, &pair);
        cr_assert(pair.is_complete);
        used += (size_t)snprintf(contents + used, sizeof contents - used, "%.*s=%zu ", (int)pair.name_len, pair.name,
                                 pair.value_len);
    }
    return contents;
}

Test(fastcgi_protocol, all_formats_go_into_one_record)
{
    static struct active_context active;
    char tracestate[201] = "vendor=";
    memset(tracestate + strlen(tracestate), 'v', sizeof tracestate - 1 - strlen(tracestate));
    propagators_parse("tracecontext,b3,xray", &g_propagators, NULL);
    cr_assert_eq(traceparent_parse(INCOMING, strlen(INCOMING), &g_incoming), 0);
    cr_assert_eq(tracestate_parse(tracestate, strlen(tracestate), &g_incoming), 0);
    active.source = ACTIVE_SERVER;
    span_context_child(&active.context, &g_incoming);
    active_set(&active);
    request_make(NOTHING, RECORD_LEN);
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, g_request.bytes, g_request.len);
    cr_assert_str_eq(record_contents(), "HTTP_TRACEPARENT=55 HTTP_TRACESTATE=200 HTTP_B3=51 HTTP_X_AMZN_TRACE_ID=74 ");
    simulated_close(g_sim.connection);
}

/* Its path is behind the traceparent. */
Test(fastcgi_protocol, what_is_to_be_ignored_is_known_before_the_context_goes_on)
{
    ignore_parse("/shop/*", &g_ignored, NULL);
    work_for_a_request(INCOMING);
    g_request.len = g_content.len = 0;
    fastcgi_add_pair(&g_content, "HTTP_TRACEPARENT", INCOMING);
    fastcgi_add_pairs(&g_content, PAIRS);
    fastcgi_add_begin(&g_request, ID);
    fastcgi_add_stream(&g_request, FASTCGI_PARAMS, ID, g_content.bytes, g_content.len, RECORD_LEN);
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, g_request.bytes, g_request.len);
    cr_assert_eq(g_sim.wire_len, g_request.len);
    const char *value = memmem(g_sim.wire, g_sim.wire_len, "00-" TRACE_ID, ID_AT - 1);
    cr_assert(value && memcmp(value + ID_AT, INCOMING_ID, IDS_LEN) != 0);
    cr_assert_arr_eq(value + TRACEPARENT_LEN - 3, "-00", 3);
    client_answered();
    simulated_close(g_sim.connection);
    cr_assert_eq(captured_count() + captured_open_count(), 0u);
}

Test(fastcgi_protocol, a_client_span_says_who_was_asked_for_what)
{
    request_make(NOTHING, RECORD_LEN);
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, g_request.bytes, g_request.len);
    client_answered();
    const struct span *span = captured_at(0);
    cr_assert_eq(span->kind, SPAN_KIND_CLIENT);
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_PATH), "/shop/7");
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_QUERY), "q=REDACTED&token=REDACTED");
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_NETWORK_PROTOCOL_NAME), "fastcgi");
    cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_REQUEST_BODY_SIZE), 4);
    cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE), 2);
    cr_assert_not(captured_has(span, ATTRIBUTE_URL_FULL));
    simulated_close(g_sim.connection);
}

/* ---- what becomes of it ---- */

struct outcome {
    const char *name;
    void (*answer)(void);
    int status;
    const char *error_type;
    bool is_closed; /* by the application, then */
};

static void answer_404(void)
{
    answer_make("Status: 404 Not Found\r\n\r\nno");
}

static void answer_500(void)
{
    answer_make("Status: 500 No\r\n\r\nno");
}

static void answer_without_head(void)
{
    answer_make("Hello");
}

static void answer_overloaded(void)
{
    g_answer.len = 0;
    fastcgi_add_end(&g_answer, ID, 2);
}

static void answer_cut_off(void)
{
    answer_make("Content-Type: a\r\n\r\nno");
    g_answer.len -= 3;
}

static void answer_other(void)
{
    g_answer.len = 0;
    fastcgi_add(&g_answer, "HTTP/1.1 200 OK\r\n\r\n", 19);
}

static const struct outcome OUTCOMES[] = {
    {"404", answer_404, 404, "404", false},
    {"500", answer_500, 500, "500", false},
    {"no head", answer_without_head, -1, "malformed_response", false},
    {"overloaded", answer_overloaded, -1, "overloaded", false},
    {"cut off", answer_cut_off, 200, "connection_closed", true},
    {"not FastCGI", answer_other, -1, "malformed_response", false},
};

static void outcome_check(const struct outcome *outcome, const char *error_type, size_t split)
{
    if (captured_count() != 1)
        cr_assert_fail("%s, split at %zu: %u spans", outcome->name, split, captured_count());
    const struct span *span = captured_at(0);
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_ERROR_TYPE), error_type, "%s, split at %zu: %s", outcome->name,
                     split, captured_message(span));
    cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE), outcome->status, "%s, split at %zu",
                 outcome->name, split);
    simulated_close(g_sim.connection);
    captured_begin();
}

Test(fastcgi_protocol, a_client_hears_its_answer_split_at_every_byte)
{
    request_make(NOTHING, RECORD_LEN);
    for (size_t i = 0; i < ARRAY_LEN(OUTCOMES); i++) {
        OUTCOMES[i].answer();
        for (size_t split = 0; split <= g_answer.len; split++) {
            simulated_init(&g_sim);
            simulated_send_all(&g_sim, g_request.bytes, g_request.len);
            simulated_receive(g_sim.connection, g_answer.bytes, split);
            simulated_receive(g_sim.connection, g_answer.bytes + split, g_answer.len - split);
            if (OUTCOMES[i].is_closed)
                simulated_eof(g_sim.connection);
            outcome_check(&OUTCOMES[i], OUTCOMES[i].error_type, split);
        }
    }
}

Test(fastcgi_protocol, an_application_answers_split_at_every_byte)
{
    request_make(NOTHING, RECORD_LEN);
    for (size_t i = 0; i < ARRAY_LEN(OUTCOMES); i++) {
        const struct outcome *outcome = &OUTCOMES[i];
        const char *error_type = outcome->status == 404 ? "" : outcome->is_closed ? "aborted" : outcome->error_type;
        outcome->answer();
        for (size_t split = 1; split < g_answer.len; split++) {
            simulated_init(&g_sim);
            simulated_receive(g_sim.connection, g_request.bytes, g_request.len);
            simulated_send_all(&g_sim, g_answer.bytes, split);
            simulated_send_all(&g_sim, g_answer.bytes + split, g_answer.len - split);
            cr_assert_arr_eq(g_sim.wire, g_answer.bytes, g_answer.len);
            if (outcome->is_closed)
                connection_release(g_sim.connection, SIMULATED_FD);
            if (captured_count() != 1 || outcome->is_closed) {
                cr_assert_eq(captured_count(), 1u, "%s, split at %zu", outcome->name, split);
                cr_assert_str_eq(captured_string(captured_at(0), ATTRIBUTE_ERROR_TYPE), error_type);
                captured_begin();
                continue;
            }
            outcome_check(outcome, error_type, split);
        }
    }
}

/* ---- the application's side ---- */

Test(fastcgi_protocol, an_application_reads_a_request_in_pieces_of_every_size)
{
    request_make(PASSED_ON, 50);
    answer_make("\r\nok");
    for (size_t size = FASTCGI_HEADER_LEN; size <= g_request.len; size++) {
        simulated_init(&g_sim);
        for (size_t at = 0; at < g_request.len; at += size)
            simulated_receive_exactly(g_sim.connection, g_request.bytes + at, MIN(size, g_request.len - at));
        simulated_send_all(&g_sim, g_answer.bytes, g_answer.len);
        cr_assert_eq(captured_count(), 1u, "pieces of %zu", size);
        const struct span *span = captured_at(0);
        cr_assert_eq(span->kind, SPAN_KIND_SERVER);
        cr_assert_str_eq(hex_of(span->parent_span_id, SPAN_ID_LEN), INCOMING_ID);
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_PATH), "/shop/7");
        cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_REQUEST_BODY_SIZE), 4);
        simulated_close(g_sim.connection);
        captured_begin();
    }
}

static const struct span *server_span(const char *const *pairs)
{
    g_request.len = g_content.len = 0;
    fastcgi_add_pairs(&g_content, pairs);
    fastcgi_add_begin(&g_request, ID);
    fastcgi_add_stream(&g_request, FASTCGI_PARAMS, ID, g_content.bytes, g_content.len, RECORD_LEN);
    answer_make("\r\n");
    captured_begin();
    simulated_init(&g_sim);
    simulated_receive(g_sim.connection, g_request.bytes, g_request.len);
    simulated_send_all(&g_sim, g_answer.bytes, g_answer.len);
    simulated_close(g_sim.connection);
    cr_assert_eq(captured_count(), 1u);
    return captured_at(0);
}

Test(fastcgi_protocol, a_server_span_says_what_the_web_server_told)
{
    const struct span *span = server_span(PAIRS);
    cr_assert_eq(captured_int(span, ATTRIBUTE_SERVER_PORT), 8080);
    cr_assert_eq(captured_int(span, ATTRIBUTE_CLIENT_PORT), 4711);
    static const struct {
        enum attribute_key key;
        const char *value;
    } rows[] = {{ATTRIBUTE_HTTP_REQUEST_METHOD, "POST"},       {ATTRIBUTE_URL_QUERY, "q=REDACTED&token=REDACTED"},
                {ATTRIBUTE_URL_SCHEME, "https"},               {ATTRIBUTE_SERVER_ADDRESS, "shop.example"},
                {ATTRIBUTE_CLIENT_ADDRESS, "192.0.2.7"},       {ATTRIBUTE_USER_AGENT_ORIGINAL, "curl/8"},
                {ATTRIBUTE_NETWORK_PROTOCOL_NAME, "fastcgi"}, {ATTRIBUTE_NETWORK_PROTOCOL_VERSION, "1.0"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_assert_str_eq(captured_string(span, rows[i].key), rows[i].value);
}

Test(fastcgi_protocol, what_is_not_told_is_not_made_up)
{
    const struct span *span = server_span((const char *const[]){"A", "b", NULL});
    cr_assert_eq(span->name_len, 4);
    static const enum attribute_key absent[] = {ATTRIBUTE_HTTP_REQUEST_METHOD, ATTRIBUTE_URL_PATH, ATTRIBUTE_URL_QUERY,
                                                ATTRIBUTE_CLIENT_PORT, ATTRIBUTE_USER_AGENT_ORIGINAL};
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        cr_assert_not(captured_has(span, absent[i]), "%zu", i);
}

Test(fastcgi_protocol, a_target_is_put_together_where_none_is_told)
{
    const struct span *span = server_span((const char *const[]){
        "SCRIPT_NAME", "/app.php", "PATH_INFO", "/a/b", "QUERY_STRING", "k=v", "HTTP_HOST", "h:81", "HTTPS", "off",
        NULL});
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_PATH), "/app.php/a/b");
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_QUERY), "k=REDACTED");
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_SCHEME), "http");
    cr_assert_eq(captured_int(span, ATTRIBUTE_SERVER_PORT), 81);
}

Test(fastcgi_protocol, the_thread_works_for_the_request_until_it_is_answered)
{
    request_make(PASSED_ON, RECORD_LEN);
    answer_make("\r\nok");
    simulated_init(&g_sim);
    simulated_receive(g_sim.connection, g_request.bytes, g_params_end);
    simulated_receive(g_sim.connection, g_request.bytes + g_params_end, g_request.len - g_params_end);
    const struct active_context *active = active_current(NULL);
    cr_assert(active && active_is_open(active));
    cr_assert_str_eq(hex_of(active->context.trace_id, TRACE_ID_LEN), TRACE_ID);
    simulated_send_all(&g_sim, g_answer.bytes, g_answer.len);
    active = active_current(NULL);
    cr_assert_not(active && active_is_open(active));
    simulated_close(g_sim.connection);
}

Test(fastcgi_protocol, keep_alive)
{
    request_make(PASSED_ON, RECORD_LEN);
    answer_make("\r\nok");
    simulated_init(&g_sim);
    for (unsigned i = 1; i <= 3; i++) {
        simulated_receive(g_sim.connection, g_request.bytes, g_request.len);
        simulated_send_all(&g_sim, g_answer.bytes, g_answer.len);
        cr_assert_eq(captured_count(), i);
    }
    simulated_eof(g_sim.connection);
    simulated_close(g_sim.connection);
    cr_assert_eq(captured_open_count(), 0u);
}

Test(fastcgi_protocol, a_request_that_is_cut_off_says_so)
{
    request_make(PASSED_ON, RECORD_LEN);
    for (size_t len = 2 * FASTCGI_HEADER_LEN; len < g_request.len - FASTCGI_HEADER_LEN; len++) {
        simulated_init(&g_sim);
        simulated_receive(g_sim.connection, g_request.bytes, len);
        simulated_eof(g_sim.connection);
        cr_assert_eq(captured_count(), 1u, "%zu", len);
        cr_assert_str_eq(captured_string(captured_at(0), ATTRIBUTE_ERROR_TYPE), "connection_closed");
        simulated_close(g_sim.connection);
        captured_begin();
    }
}

Test(fastcgi_protocol, several_requests_at_once_are_not_looked_at)
{
    g_request.len = 0;
    fastcgi_add_begin(&g_request, 1);
    fastcgi_add_begin(&g_request, 2);
    simulated_init(&g_sim);
    simulated_receive(g_sim.connection, g_request.bytes, g_request.len);
    cr_assert(g_sim.connection->is_opaque);
    cr_assert_eq(captured_open_count(), 0u);
    simulated_close(g_sim.connection);
    cr_assert_eq(captured_count(), 0u);
}

Test(fastcgi_protocol, bytes_that_go_by_unseen)
{
    g_request.len = 0;
    request_make(NOTHING, RECORD_LEN);
    size_t body_at = g_params_end + 2 * FASTCGI_HEADER_LEN;
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, g_request.bytes, body_at);
    transfer_sent_unseen(g_sim.connection, 4);
    cr_assert_not(g_sim.connection->is_opaque);
    simulated_send_all(&g_sim, g_request.bytes + body_at + 4, g_request.len - body_at - 4);
    client_answered();
    cr_assert_eq(captured_int(captured_at(0), ATTRIBUTE_HTTP_REQUEST_BODY_SIZE), 4);
    simulated_send_all(&g_sim, g_request.bytes, 3 * FASTCGI_HEADER_LEN);
    transfer_sent_unseen(g_sim.connection, 4);
    cr_assert(g_sim.connection->is_opaque, "parameters");
    simulated_close(g_sim.connection);
}
