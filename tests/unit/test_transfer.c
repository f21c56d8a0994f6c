/* test_transfer.c - what goes over the wire is what the application sent, with exactly the header put
 * in; and the application is told of its own bytes only. */
#include "wire/transfer.h"

#include "support/captured.h"
#include "support/random.h"
#include "support/simulated.h"
#include "trace/active.h"
#include "trace/callsite.h"
#include "trace/traceparent.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

TestSuite(transfer, .init = captured_begin);

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define INCOMING_ID "b7ad6b7169203331"
#define INCOMING "00-" TRACE_ID "-" INCOMING_ID "-01"
#define OWN "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define TRACESTATE "vendor=1,other=two"

/* The thread works for a request that came in with INCOMING. */
static void work_for_a_request(const char *tracestate)
{
    static struct active_context active;
    struct span_context incoming;
    cr_assert_eq(traceparent_parse(INCOMING, strlen(INCOMING), &incoming), 0);
    active.source = ACTIVE_SERVER;
    active.has_incoming = true;
    memcpy(active.incoming_span_id, incoming.span_id, SPAN_ID_LEN);
    span_context_child(&active.context, &incoming);
    cr_assert_eq(tracestate_parse(tracestate, strlen(tracestate), &active.context), 0);
    active_set(&active);
}

/* Where the wire must differ from what the application sent. */
struct mark {
    size_t offset; /* in the application's bytes */
    bool is_replacement;
};

struct script {
    char bytes[WIRE_LEN_MAX / 2];
    size_t len;
    struct mark marks[64];
    size_t mark_count;
    size_t request_count;
    size_t head_ends[64];
    bool is_own[64]; /* the request carries a traceparent of the application's */
};

static struct script g_script;
static struct simulated g_sim;

static void script_add(struct script *script, const char *text)
{
    size_t len = strlen(text);
    cr_assert_leq(script->len + len, sizeof script->bytes);
    memcpy(script->bytes + script->len, text, len);
    script->len += len;
}

static void script_mark(struct script *script, bool is_replacement)
{
    script->marks[script->mark_count++] =
        (struct mark){.offset = script->len, .is_replacement = is_replacement};
}

static const char *expect_text(const char *at, const char *end, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(end - at) < len || memcmp(at, text, len) != 0)
        cr_assert_fail("expected '%s', got '%.*s'", text, (int)MIN(end - at, 80), at);
    return at + len;
}

static const char *expect_hex(const char *at, const char *end, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (at == end || !memchr("0123456789abcdef", *at++, 16))
            cr_assert_fail("expected hex digits");
    return at;
}

/* The header as it must be; @id receives its span id in hex. */
static const char *expect_header(const char *at, const char *end, const char *trace_id,
                                 const char *tracestate, char id[SPAN_ID_LEN * 2])
{
    at = expect_text(at, end, "traceparent: 00-");
    at = trace_id ? expect_text(at, end, trace_id) : expect_hex(at, end, 32);
    at = expect_text(at, end, "-");
    memcpy(id, at, SPAN_ID_LEN * 2);
    at = expect_hex(at, end, 16);
    at = expect_text(at, end, trace_id ? "-01\r\n" : "-03\r\n"); /* a trace that begins here: sampled, random */
    if (!*tracestate)
        return at;
    at = expect_text(at, end, "tracestate: ");
    at = expect_text(at, end, tracestate);
    return expect_text(at, end, "\r\n");
}

/* Goes along the wire and the script; returns how many marks were met. @ids: the span ids found. */
static size_t wire_check(const struct script *script, const char *trace_id, const char *tracestate,
                         char ids[][SPAN_ID_LEN * 2])
{
    const char *at = g_sim.wire, *end = g_sim.wire + g_sim.wire_len;
    size_t from = 0, mark = 0;
    for (; mark < script->mark_count; mark++) {
        size_t to = script->marks[mark].offset;
        if ((size_t)(end - at) < to - from || memcmp(at, script->bytes + from, to - from) != 0)
            cr_assert_fail("the wire differs between %zu and %zu", from, to);
        at += to - from;
        from = to;
        if (script->marks[mark].is_replacement) {
            memcpy(ids[mark], at, SPAN_ID_LEN * 2);
            at = expect_hex(at, end, SPAN_ID_LEN * 2);
            from += SPAN_ID_LEN * 2;
        } else {
            at = expect_header(at, end, trace_id, tracestate, ids[mark]);
        }
    }
    size_t rest = script->len - from;
    if ((size_t)(end - at) != rest || memcmp(at, script->bytes + from, rest) != 0)
        cr_assert_fail("the wire differs behind %zu: %zu bytes for %zu", from, (size_t)(end - at),
                       rest);
    return mark;
}

static const char *hex_of(const uint8_t *id, size_t len)
{
    static char text[64];
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    return text;
}

static void script_begin(struct script *script)
{
    script->len = script->mark_count = script->request_count = 0;
}

static void script_head_end(struct script *script, bool is_own)
{
    script->is_own[script->request_count] = is_own;
    script->head_ends[script->request_count++] = script->len;
}

static void script_get(struct script *script)
{
    script_add(script, "GET /a HTTP/1.1\r\nHost: h\r\n");
    script_mark(script, false);
    script_add(script, "\r\n");
    script_head_end(script, false);
}

static void script_post(struct script *script)
{
    script_add(script, "POST /b HTTP/1.1\r\nContent-Length: 18\r\nHost: h\r\n");
    script_mark(script, false);
    script_add(script, "\r\n");
    script_head_end(script, false);
    script_add(script, "GET / HTTP/1.1\r\n\r\n");
}

static void script_chunked(struct script *script)
{
    script_add(script, "POST /c HTTP/1.1\nTransfer-Encoding: chunked\n");
    script_mark(script, false);
    script_add(script, "\n");
    script_head_end(script, false);
    script_add(script, "12;x\r\nGET / HTTP/1.1\r\n\r\n\r\n3\r\nabc\r\n0\r\nT: t\r\n\r\n");
}

static void script_passed_on(struct script *script)
{
    script_add(script, "GET /d HTTP/1.1\r\nHost: h\r\nTraceparent:  00-" TRACE_ID "-");
    script_mark(script, true);
    script_add(script, INCOMING_ID "-01\r\nTracestate: passed=on\r\nAccept: */*\r\n\r\n");
    script_head_end(script, false);
}

static void script_own(struct script *script)
{
    script_add(script, "GET /e HTTP/1.1\r\ntraceparent: " OWN "\r\n\r\n");
    script_head_end(script, true);
}

static void (*const ADD[])(struct script *) = {script_get, script_post, script_chunked,
                                               script_passed_on, script_own};

/* Four of them, without one that depends on how the application's writes are cut. */
static void script_mixed(struct script *script)
{
    script_begin(script);
    script_get(script);
    script_post(script);
    script_chunked(script);
    script_get(script);
}

static char g_ids[64][SPAN_ID_LEN * 2];

static void mixed_check(const char *tracestate)
{
    cr_assert_eq(wire_check(&g_script, TRACE_ID, tracestate, g_ids), 4);
    for (int i = 0; i < 4; i++)
        simulated_receive_text(g_sim.connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(captured_count(), 4);
    for (unsigned i = 0; i < 4; i++) {
        const struct span *span = captured_at(i);
        cr_assert_eq(memcmp(hex_of(span->span_id, SPAN_ID_LEN), g_ids[i], SPAN_ID_LEN * 2), 0,
                     "the span is not what was announced");
        cr_assert_str_eq(hex_of(span->trace_id, TRACE_ID_LEN), TRACE_ID);
        cr_assert_eq(span->status, SPAN_STATUS_OK);
        cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE), 200);
        cr_assert_not(captured_has(span, ATTRIBUTE_PROPAGATION_SKIPPED));
    }
    cr_assert_eq(captured_open_count(), 0);
    simulated_close(g_sim.connection);
    captured_begin();
}

Test(transfer, a_request_without_a_parent_begins_a_trace)
{
    simulated_init(&g_sim);
    script_begin(&g_script);
    script_get(&g_script);
    simulated_send_all(&g_sim, g_script.bytes, g_script.len);
    wire_check(&g_script, NULL, "", g_ids);
    simulated_receive_text(g_sim.connection, "HTTP/1.1 204 No\r\n\r\n");
    cr_assert_eq(captured_count(), 1);
    const struct span *span = captured_at(0);
    static const uint8_t none[SPAN_ID_LEN];
    cr_assert_eq(memcmp(span->parent_span_id, none, SPAN_ID_LEN), 0);
    cr_assert_eq(memcmp(g_sim.wire + g_script.marks[0].offset + strlen("traceparent: 00-"),
                        hex_of(span->trace_id, TRACE_ID_LEN), 32),
                 0);
}

Test(transfer, writes_split_at_every_byte)
{
    work_for_a_request(TRACESTATE);
    script_mixed(&g_script);
    for (size_t split = 0; split <= g_script.len; split++) {
        simulated_init(&g_sim);
        simulated_send_all(&g_sim, g_script.bytes, split);
        simulated_send_all(&g_sim, g_script.bytes + split, g_script.len - split);
        mixed_check(TRACESTATE);
    }
}

Test(transfer, writes_of_every_size)
{
    work_for_a_request("");
    script_mixed(&g_script);
    for (size_t size = 1; size <= g_script.len; size++) {
        simulated_init(&g_sim);
        for (size_t at = 0; at < g_script.len; at += size)
            simulated_send_all(&g_sim, g_script.bytes + at, MIN(size, g_script.len - at));
        mixed_check("");
    }
}

Test(transfer, vectors_split_at_every_byte)
{
    work_for_a_request(TRACESTATE);
    script_mixed(&g_script);
    for (size_t split = 0; split <= g_script.len; split++) {
        struct iovec iov[] = {{NULL, 0},
                              {g_script.bytes, split},
                              {NULL, 0},
                              {g_script.bytes + split, g_script.len - split}};
        simulated_init(&g_sim);
        cr_assert_eq(simulated_sendv(&g_sim, iov, ARRAY_LEN(iov)), (ssize_t)g_script.len);
        mixed_check(TRACESTATE);
    }
}

/* Takes @first bytes, then nothing @refusals times, then everything. */
struct stutter {
    size_t first;
    unsigned refusals;
};

static size_t stutter_take(void *state, size_t offered)
{
    struct stutter *stutter = state;
    if (stutter->first) {
        size_t taken = MIN(stutter->first, offered);
        stutter->first = 0;
        return taken;
    }
    if (stutter->refusals == 0)
        return offered;
    stutter->refusals--;
    return 0;
}

Test(transfer, the_kernel_stops_at_every_byte)
{
    work_for_a_request(TRACESTATE);
    script_mixed(&g_script);
    size_t wire_len_max = g_script.len + 4 * 128;
    for (size_t first = 1; first <= wire_len_max; first++)
        for (unsigned refusals = 0; refusals < 3; refusals++) {
            struct stutter stutter = {first, refusals};
            simulated_init(&g_sim);
            g_sim.take = stutter_take;
            g_sim.state = &stutter;
            simulated_send_all(&g_sim, g_script.bytes, g_script.len);
            mixed_check(TRACESTATE);
        }
}

static size_t take_one_now_and_then(void *state, size_t offered)
{
    unsigned *calls = state;
    return (*calls)++ % 2 ? MIN(offered, 1) : 0;
}

Test(transfer, the_kernel_takes_one_byte_now_and_then)
{
    unsigned calls = 0;
    work_for_a_request(TRACESTATE);
    script_mixed(&g_script);
    simulated_init(&g_sim);
    g_sim.take = take_one_now_and_then;
    g_sim.state = &calls;
    simulated_send_all(&g_sim, g_script.bytes, g_script.len);
    mixed_check(TRACESTATE);
}

/* The application writes byte by byte, and each byte of the header must find its own way. */
Test(transfer, one_byte_writes_into_one_byte_buffers)
{
    unsigned calls = 0;
    work_for_a_request("");
    script_mixed(&g_script);
    simulated_init(&g_sim);
    g_sim.take = take_one_now_and_then;
    g_sim.state = &calls;
    for (size_t i = 0; i < g_script.len; i++)
        simulated_send_all(&g_sim, g_script.bytes + i, 1);
    mixed_check("");
}

Test(transfer, more_pieces_than_the_plan_has_room_for)
{
    static struct iovec iov[IOV_MAX];
    work_for_a_request("");
    script_mixed(&g_script);
    for (size_t count = 1; count <= g_script.len; count++) {
        for (size_t i = 0; i < count; i++)
            iov[i] = (struct iovec){g_script.bytes + i, i + 1 < count ? 1 : g_script.len - i};
        simulated_init(&g_sim);
        cr_assert_eq(simulated_sendv(&g_sim, iov, count), (ssize_t)g_script.len, "%zu", count);
        mixed_check("");
    }
}

/* As many pieces as a call can have leave no room for the header's, and a blocking call must not come
 * back short: the header is left out, and the span says so. */
Test(transfer, the_most_pieces_that_a_call_can_have)
{
    static struct iovec iov[IOV_MAX];
    static char body[IOV_MAX];
    work_for_a_request("");
    script_begin(&g_script);
    script_add(&g_script, "POST /b HTTP/1.1\r\nContent-Length: 1000\r\n\r\n");
    memset(body, 'b', 1000);
    script_add(&g_script, body);
    simulated_init(&g_sim);
    for (size_t i = 0; i < IOV_MAX; i++)
        iov[i] = (struct iovec){g_script.bytes + i,
                                i + 1 < IOV_MAX ? 1 : g_script.len - (IOV_MAX - 1)};
    cr_assert_eq(simulated_sendv(&g_sim, iov, IOV_MAX), (ssize_t)g_script.len);
    cr_assert_not(g_sim.is_edited);
    simulated_receive_text(g_sim.connection, "HTTP/1.1 204 No\r\n\r\n");
    cr_assert_eq(captured_count(), 1);
    cr_assert(captured_has(captured_at(0), ATTRIBUTE_PROPAGATION_SKIPPED));
}

/* ---- traceparent that the application sends itself ---- */

Test(transfer, a_traceparent_that_is_passed_on_becomes_that_of_this_call)
{
    work_for_a_request(TRACESTATE);
    script_begin(&g_script);
    script_passed_on(&g_script);
    for (size_t first = 1; first <= g_script.len; first++) {
        struct stutter stutter = {first, 1};
        simulated_init(&g_sim);
        g_sim.take = stutter_take;
        g_sim.state = &stutter;
        simulated_send_all(&g_sim, g_script.bytes, g_script.len);
        wire_check(&g_script, TRACE_ID, "", g_ids);
        simulated_receive_text(g_sim.connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        const struct span *span = captured_at(0);
        cr_assert_eq(memcmp(g_ids[0], hex_of(span->span_id, SPAN_ID_LEN), 16), 0);
        cr_assert_neq(memcmp(g_ids[0], INCOMING_ID, 16), 0);
        simulated_close(g_sim.connection);
        captured_begin();
    }
}

/* What goes out for @request, which is sent at once, within the work for an incoming request. */
static const char *wire_of(const char *request)
{
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, request, strlen(request));
    simulated_receive_text(g_sim.connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    g_sim.wire[g_sim.wire_len] = '\0';
    simulated_close(g_sim.connection);
    return g_sim.wire;
}

/* A relay that passes on one of the two headers: no header goes out twice, and none is lost. */
Test(transfer, a_relay_of_traceparent_or_tracestate_alone)
{
    work_for_a_request("a=1");
    const char *wire = wire_of("GET / HTTP/1.1\r\ntraceparent: " INCOMING "\r\n\r\n");
    cr_assert_not_null(strstr(wire, "-01\r\ntracestate: a=1\r\n\r\n"), "%s", wire);
    wire = wire_of("GET / HTTP/1.1\r\ntracestate: a=1\r\n\r\n");
    cr_assert_not_null(strstr(wire, "\r\ntracestate: a=1\r\ntraceparent: 00-" TRACE_ID), "%s", wire);
    cr_assert_eq(strstr(strstr(wire, "tracestate") + 1, "tracestate"), NULL, "%s", wire);
    wire = wire_of("GET / HTTP/1.1\r\ntracestate: \r\n\r\n");
    cr_assert_not_null(strstr(wire, "\r\ntracestate: a=1\r\n\r\n"), "%s", wire);
}

/* Where the line is cut by the application's writes it is too late, and the span says so. */
Test(transfer, a_passed_on_traceparent_split_at_every_byte_is_replaced_or_left_whole)
{
    work_for_a_request("");
    script_begin(&g_script);
    script_passed_on(&g_script);
    size_t replaced = 0;
    for (size_t split = 1; split < g_script.len; split++) {
        simulated_init(&g_sim);
        simulated_send_all(&g_sim, g_script.bytes, split);
        simulated_send_all(&g_sim, g_script.bytes + split, g_script.len - split);
        wire_check(&g_script, TRACE_ID, "", g_ids);
        simulated_receive_text(g_sim.connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        const struct span *span = captured_at(0);
        bool is_split = captured_has(span, ATTRIBUTE_PROPAGATION_SKIPPED);
        const char *expected = is_split ? INCOMING_ID : hex_of(span->span_id, SPAN_ID_LEN);
        cr_assert_eq(memcmp(g_ids[0], expected, 16), 0, "split at %zu", split);
        replaced += !is_split;
        simulated_close(g_sim.connection);
        captured_begin();
    }
    cr_assert_gt(replaced, 40, "only %zu", replaced);
}

/* Who changes the parent id speaks version 00, with the flags that came in. */
Test(transfer, a_passed_on_traceparent_becomes_one_of_version_00)
{
    static const struct {
        const char *sent, *behind;
    } rows[] = {
        {"00-" TRACE_ID "-" INCOMING_ID "-ff", "-01\r\n"},
        {"cc-" TRACE_ID "-" INCOMING_ID "-00", "-01\r\n"},
        {"cc-" TRACE_ID "-" INCOMING_ID "-01-more", "-01     \r\n"},
    };
    work_for_a_request("");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char request[256], expected[256];
        snprintf(request, sizeof request, "GET / HTTP/1.1\r\nTraceparent: %s\r\nA: b\r\n\r\n", rows[i].sent);
        const char *wire = wire_of(request);
        snprintf(expected, sizeof expected, "GET / HTTP/1.1\r\nTraceparent: 00-" TRACE_ID "-%s%sA: b\r\n\r\n",
                 hex_of(captured_at(0)->span_id, SPAN_ID_LEN), rows[i].behind);
        cr_assert_str_eq(wire, expected);
        captured_begin();
    }
}

/* Nobody can use them: they stay, and the call is recorded. */
Test(transfer, traceparents_that_are_worth_nothing)
{
    static const struct {
        const char *headers, *skipped;
    } rows[] = {
        {"traceparent: nonsense\r\n", "malformed"},
        {"traceparent: \r\n", "malformed"},
        {"traceparent: ff-" TRACE_ID "-" INCOMING_ID "-01\r\n", "malformed"},
        {"traceparent: " OWN "\r\nTraceparent: " OWN "\r\n", "several"},
        {"traceparent: " OWN "\r\nA: b\r\ntraceparent: nonsense\r\n", "several"},
    };
    work_for_a_request("");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char request[256];
        snprintf(request, sizeof request, "GET / HTTP/1.1\r\n%s\r\n", rows[i].headers);
        cr_assert_str_eq(wire_of(request), request);
        cr_assert_eq(captured_count(), 1, "%s", rows[i].headers);
        cr_assert_str_eq(hex_of(captured_at(0)->trace_id, TRACE_ID_LEN), TRACE_ID);
        cr_assert_str_eq(captured_string(captured_at(0), ATTRIBUTE_PROPAGATION_SKIPPED), rows[i].skipped);
        captured_begin();
    }
}

Test(transfer, a_traceparent_of_the_applications_own_is_respected)
{
    work_for_a_request(TRACESTATE);
    script_begin(&g_script);
    script_own(&g_script);
    for (size_t split = 0; split < g_script.len; split++) {
        simulated_init(&g_sim);
        simulated_send_all(&g_sim, g_script.bytes, split);
        simulated_send_all(&g_sim, g_script.bytes + split, g_script.len - split);
        wire_check(&g_script, TRACE_ID, "", g_ids);
        cr_assert_not(g_sim.is_edited);
        simulated_receive_text(g_sim.connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        cr_assert_eq(captured_count(), 0, "two spans for one request");
        cr_assert_eq(captured_open_count(), 0);
        simulated_close(g_sim.connection);
    }
}

Test(transfer, a_tracestate_of_the_applications_own_is_not_doubled)
{
    work_for_a_request(TRACESTATE);
    script_begin(&g_script);
    script_add(&g_script, "GET / HTTP/1.1\r\nTraceState: mine=1\r\n");
    script_mark(&g_script, false);
    script_add(&g_script, "\r\n");
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, g_script.bytes, g_script.len);
    wire_check(&g_script, TRACE_ID, "", g_ids);
}

/* ---- when it is better to let go ---- */

Test(transfer, what_is_not_http_goes_out_untouched)
{
    static const char *const inputs[] = {"\x16\x03\x01\x02", "*1\r\n$4\r\nPING\r\n",
                                         "GET / HTTP/2.0\r\n\r\n", "EHLO x\r\n\r\n",
                                         "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "hello\nworld\n\n"};
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++)
        for (size_t size = 1; size <= strlen(inputs[i]); size++) {
            simulated_init(&g_sim);
            size_t len = strlen(inputs[i]);
            for (size_t at = 0; at < len; at += size)
                simulated_send_all(&g_sim, inputs[i] + at, MIN(size, len - at));
            cr_assert_not(g_sim.is_edited);
            cr_assert_eq(g_sim.wire_len, len);
            cr_assert_eq(memcmp(g_sim.wire, inputs[i], len), 0);
            cr_assert(g_sim.connection->is_opaque, "%s", inputs[i]);
            simulated_close(g_sim.connection);
            cr_assert_eq(captured_count(), 0);
            cr_assert_eq(captured_open_count(), 0);
        }
}

Test(transfer, a_connection_that_began_opaque_stays_so)
{
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, "\x16\x03", 2);
    simulated_send_all(&g_sim, "GET / HTTP/1.1\r\n\r\n", 18);
    cr_assert_not(g_sim.is_edited);
    cr_assert_eq(g_sim.wire_len, 20);
    cr_assert_eq(captured_open_count() + captured_count(), 0);
}

Test(transfer, zero_copy_is_not_looked_at)
{
    static const char request[] = "GET / HTTP/1.1\r\n\r\n";
    struct iovec iov = {(void *)request, strlen(request)};
    struct send_plan plan;
    simulated_init(&g_sim);
    transfer_send_begin(&plan, g_sim.connection, SIMULATED_FD, &iov, 1, MSG_ZEROCOPY);
    cr_assert_not(plan.is_edited);
    transfer_send_end(&plan, (ssize_t)iov.iov_len, 0);
    cr_assert(g_sim.connection->is_opaque);
}

Test(transfer, out_of_band_bytes_are_passed_by)
{
    struct iovec iov = {(void *)"!", 1};
    struct send_plan plan;
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, "GET / HT", 8);
    transfer_send_begin(&plan, g_sim.connection, SIMULATED_FD, &iov, 1, MSG_OOB);
    cr_assert_not(plan.is_edited);
    cr_assert_eq(transfer_send_end(&plan, 1, 0).result, 1);
    simulated_send_all(&g_sim, "TP/1.1\r\n\r\n", 10);
    cr_assert_gt(g_sim.wire_len, 18);
}

Test(transfer, errors_and_empty_calls_pass_through)
{
    static const int errors[] = {EAGAIN, EPIPE, ECONNRESET, EINTR, ENOBUFS, EBADF, EFAULT};
    static const char request[] = "GET / HTTP/1.1\r\n\r\n";
    struct iovec iov = {(void *)request, strlen(request)};
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        struct send_plan plan;
        simulated_init(&g_sim);
        transfer_send_begin(&plan, g_sim.connection, SIMULATED_FD, &iov, 1, 0);
        struct send_outcome outcome = transfer_send_end(&plan, -1, errors[i]);
        cr_assert_eq(outcome.result, -1);
        cr_assert_eq(outcome.error, errors[i]);
        cr_assert_not(outcome.is_again);
    }
    struct send_plan plan;
    struct iovec empty = {NULL, 0};
    simulated_init(&g_sim);
    transfer_send_begin(&plan, g_sim.connection, SIMULATED_FD, &empty, 1, 0);
    cr_assert_eq(transfer_send_end(&plan, 0, 0).result, 0);
    transfer_send_begin(&plan, g_sim.connection, SIMULATED_FD, NULL, 0, 0);
    cr_assert_eq(transfer_send_end(&plan, 0, 0).result, 0);
    cr_assert_not(g_sim.connection->is_opaque);
}

/* Half a header is on the wire: whatever happens then, the other half must follow. */
Test(transfer, a_header_that_was_begun_is_completed)
{
    static const char *const names[] = {"something else is sent", "it became opaque",
                                        "zero copy", "the answer was no HTTP"};
    work_for_a_request("");
    script_begin(&g_script);
    script_get(&g_script);
    size_t mark = g_script.marks[0].offset;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        for (size_t part = 1; part < 70; part++) {
            struct stutter stutter = {mark + part, 1};
            static char rest[] = "rest of it all, something else";
            struct iovec iov = {rest, strlen(rest)};
            simulated_init(&g_sim);
            g_sim.take = stutter_take;
            g_sim.state = &stutter;
            cr_assert_eq(simulated_send(&g_sim, g_script.bytes, g_script.len), (ssize_t)mark);
            cr_assert_eq(simulated_send(&g_sim, g_script.bytes + mark, 2), -1);
            if (i == 1)
                connection_set_opaque(g_sim.connection);
            if (i == 3)
                simulated_receive_text(g_sim.connection, "garbage\r\n");
            cr_assert_eq(simulated_sendv(&g_sim, &iov, 1), (ssize_t)iov.iov_len, "%s", names[i]);
            const char *at = g_sim.wire + mark, *end = g_sim.wire + g_sim.wire_len;
            at = expect_header(at, end, TRACE_ID, "", g_ids[0]);
            cr_assert_eq(expect_text(at, end, rest), end, "%s, %zu", names[i], part);
            simulated_send_all(&g_sim, "GET / HTTP/1.1\r\n\r\n", 18);
            end = g_sim.wire + g_sim.wire_len;
            cr_assert_eq(memcmp(end - 18, "GET / HTTP/1.1\r\n\r\n", 18), 0, "not opaque: %s",
                         names[i]);
            simulated_close(g_sim.connection);
            captured_begin();
        }
}

/* Half of an id of ours and half of another name nothing at all. */
Test(transfer, a_replacement_that_was_begun_is_completed)
{
    work_for_a_request("");
    script_begin(&g_script);
    script_passed_on(&g_script);
    size_t mark = g_script.marks[0].offset;
    for (size_t part = 1; part < 16; part++) {
        struct stutter stutter = {mark + part, 0};
        simulated_init(&g_sim);
        g_sim.take = stutter_take;
        g_sim.state = &stutter;
        cr_assert_eq(simulated_send(&g_sim, g_script.bytes, g_script.len), (ssize_t)(mark + part));
        char id[16];
        const struct edit *edit = g_sim.connection->edits;
        memcpy(id, edit->text + (mark - edit->offset), 16);
        connection_set_opaque(g_sim.connection);
        simulated_send_all(&g_sim, g_script.bytes + mark + part, g_script.len - mark - part);
        cr_assert_eq(memcmp(g_sim.wire + mark, id, 16), 0, "%zu: %.16s became %.16s", part, id,
                     g_sim.wire + mark);
        simulated_close(g_sim.connection);
    }
}

Test(transfer, what_is_sent_unseen_goes_behind_what_is_owed)
{
    struct stutter stutter;
    size_t len = 0;
    work_for_a_request("");
    script_begin(&g_script);
    script_post(&g_script);
    size_t mark = g_script.marks[0].offset;
    simulated_init(&g_sim);
    cr_assert_null(transfer_owed_begin(g_sim.connection, &len));
    stutter = (struct stutter){mark + 5, 1};
    g_sim.take = stutter_take;
    g_sim.state = &stutter;
    cr_assert_eq(simulated_send(&g_sim, g_script.bytes, mark + 2), (ssize_t)mark);
    const char *owed = transfer_owed_begin(g_sim.connection, &len);
    cr_assert_not_null(owed);
    cr_assert_eq(len, strlen("traceparent: \r\n") + TRACEPARENT_LEN - 5);
    cr_assert_eq(memcmp(owed, "parent: 00-" TRACE_ID, 43), 0);
    transfer_owed_end(g_sim.connection, 3);
    cr_assert_eq(memcmp(transfer_owed_begin(g_sim.connection, &len), "ent: 00-", 8), 0);
    transfer_owed_end(g_sim.connection, len);
    cr_assert_null(transfer_owed_begin(g_sim.connection, &len));
}

Test(transfer, what_is_owed_belongs_to_the_thread_that_sends)
{
    struct send_plan plan;
    struct stutter stutter = {.first = 0};
    size_t len;
    work_for_a_request("");
    script_begin(&g_script);
    script_post(&g_script);
    size_t mark = g_script.marks[0].offset;
    simulated_init(&g_sim);
    stutter = (struct stutter){mark + 5, 1};
    g_sim.take = stutter_take;
    g_sim.state = &stutter;
    simulated_send(&g_sim, g_script.bytes, g_script.len);
    struct iovec iov = {g_script.bytes + mark, g_script.len - mark};
    transfer_send_begin(&plan, g_sim.connection, 3, &iov, 1, 0);
    cr_assert_null(transfer_owed_begin(g_sim.connection, &len), "another thread sends it");
    transfer_send_end(&plan, -1, EAGAIN);
    cr_assert_not_null(transfer_owed_begin(g_sim.connection, &len));
    transfer_owed_end(g_sim.connection, 0);
}

/* The kernel takes nothing of a request, and the application thinks better of it. */
Test(transfer, another_request_than_the_one_that_was_refused_goes_out_unharmed)
{
    static const char first[] = "GET /api/v2/users/1 HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char other[] = "GET /api/v2/users/9876 HTTP/1.1\r\nHost: example.org\r\nAccept: text/plain\r\n\r\n";
    struct stutter stutter = {0, 1};
    simulated_init(&g_sim);
    g_sim.take = stutter_take;
    g_sim.state = &stutter;
    cr_assert_eq(simulated_send(&g_sim, first, strlen(first)), -1);
    simulated_send_all(&g_sim, other, strlen(other));
    cr_assert_eq(g_sim.wire_len, strlen(other));
    cr_assert_eq(memcmp(g_sim.wire, other, g_sim.wire_len), 0);
}

Test(transfer, other_bytes_than_announced_are_noticed_however_few_come_at_once)
{
    struct stutter stutter;
    static const char other[] = "DELETE / HTTP/1.1\r\n\r\n";
    script_begin(&g_script);
    script_post(&g_script);
    simulated_init(&g_sim);
    stutter = (struct stutter){10, 0};
    g_sim.take = stutter_take;
    g_sim.state = &stutter;
    cr_assert_eq(simulated_send(&g_sim, g_script.bytes, g_script.len), 10);
    cr_assert_eq(simulated_send(&g_sim, g_script.bytes + 10, 4), 4);
    cr_assert_not(g_sim.connection->is_opaque);
    simulated_send(&g_sim, other, strlen(other));
    cr_assert(g_sim.connection->is_opaque);
}

Test(transfer, a_body_that_is_sent_unseen_counts)
{
    script_begin(&g_script);
    script_post(&g_script);
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, g_script.bytes, g_script.head_ends[0]);
    transfer_sent_unseen(g_sim.connection, 11);
    cr_assert_not(g_sim.connection->is_opaque);
    transfer_sent_unseen(g_sim.connection, 7);
    cr_assert_not(g_sim.connection->is_opaque);
    simulated_send_all(&g_sim, "GET / HTTP/1.1\r\n\r\n", 18);
    for (int i = 0; i < 2; i++)
        simulated_receive_text(g_sim.connection, "HTTP/1.1 204 No\r\n\r\n");
    cr_assert_eq(captured_count(), 2);
    cr_assert_eq(captured_int(captured_at(0), ATTRIBUTE_HTTP_REQUEST_BODY_SIZE), 18);
}

Test(transfer, heads_that_are_sent_unseen_end_the_looking)
{
    simulated_init(&g_sim);
    transfer_sent_unseen(g_sim.connection, 100);
    cr_assert(g_sim.connection->is_opaque, "before anything");
    simulated_init(&g_sim);
    simulated_send_all(&g_sim, "GET / HTTP/1.1\r\n", 16);
    transfer_sent_unseen(g_sim.connection, 2);
    cr_assert(g_sim.connection->is_opaque, "in a head");
    cr_assert_eq(captured_open_count(), 0);
}

Test(transfer, a_send_that_turned_out_to_be_to_a_file_gives_the_connection_up)
{
    static const char request[] = "GET / HTTP/1.1\r\n\r\n";
    struct iovec iov = {(void *)request, strlen(request)};
    struct send_plan plan;
    simulated_init(&g_sim);
    transfer_send_begin(&plan, g_sim.connection, SIMULATED_FD, &iov, 1, 0);
    cr_assert(plan.is_edited);
    transfer_send_cancel(&plan);
    cr_assert(g_sim.connection->is_opaque);
    cr_assert_eq(captured_open_count(), 0);
    cr_assert_eq(captured_count(), 0);
    simulated_send_all(&g_sim, request, strlen(request));
    cr_assert_not(g_sim.is_edited);
}

/* A blocked sender wakes up when another thread has shut the connection down and closed it: by then its
 * memory may be another connection's. */
Test(transfer, a_connection_that_is_closed_while_a_thread_sends_is_let_alone)
{
    static const char request[] = "POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\nbody";
    static const char other[] = "GET /other HTTP/1.1\r\n\r\n";
    static const ssize_t results[] = {-1, 1, 30, 60, 100};
    for (size_t i = 0; i < ARRAY_LEN(results); i++)
        for (int has_other = 0; has_other < 2; has_other++) {
            struct iovec iov = {(void *)request, strlen(request)};
            struct iovec other_iov = {(void *)other, strlen(other)};
            struct send_plan plan, other_plan;
            simulated_init(&g_sim);
            transfer_send_begin(&plan, g_sim.connection, SIMULATED_FD, &iov, 1, 0);
            cr_assert(plan.is_edited);
            simulated_close(g_sim.connection);
            if (has_other) { /* in the same memory, maybe */
                simulated_init(&g_sim);
                transfer_send_begin(&other_plan, g_sim.connection, SIMULATED_FD, &other_iov, 1, 0);
            }
            transfer_send_end(&plan, results[i], results[i] < 0 ? EPIPE : 0);
            if (!has_other)
                continue;
            ssize_t all = (ssize_t)(strlen(other) + strlen("traceparent: \r\n") + TRACEPARENT_LEN);
            cr_assert_eq(other_plan.iov_count, 3);
            cr_assert_eq(transfer_send_end(&other_plan, all, 0).result, (ssize_t)strlen(other));
            cr_assert_not(g_sim.connection->is_opaque);
            cr_assert_null(g_sim.connection->edits);
            simulated_close(g_sim.connection);
        }
}

static void record_call_site(struct span *span)
{
    span_set_string(span, ATTRIBUTE_CODE_ADDRESS, "/bin/x+0x1234", 13);
}

/* The call site is known when the request begins, the tracestate when its head ends. */
Test(transfer, a_call_site_stands_beside_a_tracestate)
{
    static const char *const tracestates[] = {"", "a=1", TRACESTATE};
    callsite_set_recorder(record_call_site, NULL);
    for (size_t i = 0; i < ARRAY_LEN(tracestates); i++) {
        const char *state;
        work_for_a_request(tracestates[i]);
        simulated_init(&g_sim);
        simulated_send_all(&g_sim, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", 28);
        simulated_receive_text(g_sim.connection, "HTTP/1.1 204 No\r\n\r\n");
        const struct span *span = captured_at((unsigned)i);
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_CODE_ADDRESS), "/bin/x+0x1234");
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_FULL), "http://h/a");
        cr_assert_eq(captured_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE), 204);
        cr_assert_eq(span_tracestate(span, &state), strlen(tracestates[i]));
        cr_assert_eq(memcmp(state, tracestates[i], strlen(tracestates[i])), 0);
    }
}

/* ---- random applications and kernels ---- */

struct random_kernel {
    uint64_t seed;
    unsigned mood; /* 0: takes all, 1: single bytes, 2: anything, 3: little and often nothing */
};

static size_t random_take(void *state, size_t offered)
{
    struct random_kernel *kernel = state;
    size_t little = 1 + random_below(&kernel->seed, 40);
    switch (kernel->mood) {
    case 0:
        return offered;
    case 1:
        return MIN(offered, 1);
    case 2:
        return random_below(&kernel->seed, offered + 1);
    default:
        return random_chance(&kernel->seed, 2) ? 0 : MIN(offered, little);
    }
}

struct random_application {
    uint64_t seed;
    size_t at;       /* in the script */
    size_t answered; /* requests */
    size_t most;     /* bytes that it writes at once */
};

/* One write of up to 8 pieces; returns false when all has been sent. */
static bool application_write(struct random_application *application, struct script *script)
{
    struct iovec iov[8];
    size_t count = 0, len = 0;
    size_t want = 1 + random_below(&application->seed, application->most);
    while (count < ARRAY_LEN(iov) && application->at + len < script->len && len < want) {
        size_t left = MIN(script->len - application->at - len, want - len);
        size_t piece = random_chance(&application->seed, 6) ? 0
                       : random_chance(&application->seed, 2)
                           ? left
                           : random_below(&application->seed, left + 1);
        iov[count++] = (struct iovec){script->bytes + application->at + len, piece};
        len += piece;
    }
    ssize_t sent = simulated_sendv(&g_sim, iov, count);
    if ((sent == 0 && len > 0) || sent > (ssize_t)len)
        cr_assert_fail("told %zd of %zu", sent, len);
    application->at += sent > 0 ? (size_t)sent : 0;
    return application->at < script->len;
}

/* The peer answers what it has got the head of, in pieces. */
static void peer_answer(struct random_application *application, const struct script *script)
{
    char answer[128];
    int status = 210 + (int)application->answered;
    if (application->answered == script->request_count ||
        script->head_ends[application->answered] > application->at)
        return;
    int len = snprintf(answer, sizeof answer, "HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%.*s",
                       status, status % 7, status % 7, "answer");
    for (int at = 0; at < len;) {
        int most = 1 + (int)random_below(&application->seed, 60);
        simulated_receive(g_sim.connection, answer + at, (size_t)MIN(len - at, most));
        at += most;
    }
    application->answered++;
}

static void spans_check(const struct script *script)
{
    unsigned span_index = 0;
    size_t mark = 0;
    for (size_t i = 0; i < script->request_count; i++) {
        if (script->is_own[i])
            continue;
        const struct span *span = captured_at(span_index++);
        bool is_split = captured_has(span, ATTRIBUTE_PROPAGATION_SKIPPED);
        const char *expected = is_split ? INCOMING_ID : hex_of(span->span_id, SPAN_ID_LEN);
        if (memcmp(g_ids[mark], expected, 16) != 0)
            cr_assert_fail("span %u: %.16s went out, not %s", span_index - 1, g_ids[mark], expected);
        if (is_split && !script->marks[mark].is_replacement)
            cr_assert_fail("span %u: skipped without need", span_index - 1);
        if (!*captured_string(span, ATTRIBUTE_URL_FULL))
            cr_assert_fail("span %u has lost its attributes", span_index - 1);
        if (captured_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE) != 210 + (int64_t)i)
            cr_assert_fail("span %u has another's status: %lld for request %zu: %s", span_index - 1,
                           (long long)captured_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE), i,
                           captured_message(span));
        mark++;
    }
    cr_assert_eq(captured_count(), span_index);
    cr_assert_eq(captured_open_count(), 0);
}

Test(transfer, random_applications_on_random_kernels, .timeout = 120)
{
    for (uint64_t round = 0; round < 20000; round++) {
        uint64_t seed = round;
        struct random_kernel kernel = {.seed = round * 31, .mood = (unsigned)random_below(&seed, 4)};
        static const size_t most[] = {1, 7, 100, 5000};
        struct random_application application = {.seed = round * 17,
                                                 .most = most[random_below(&seed, 4)]};
        const char *tracestate = random_chance(&seed, 2) ? TRACESTATE : "";
        bool is_patient = random_chance(&seed, 2);
        work_for_a_request(tracestate);
        script_begin(&g_script);
        for (size_t i = 1 + random_below(&seed, 5); i > 0; i--)
            ADD[random_below(&seed, ARRAY_LEN(ADD))](&g_script);
        simulated_init(&g_sim);
        g_sim.take = random_take;
        g_sim.state = &kernel;
        while (application_write(&application, &g_script))
            if (!is_patient && random_chance(&application.seed, 4))
                peer_answer(&application, &g_script);
        while (application.answered < g_script.request_count)
            peer_answer(&application, &g_script);
        wire_check(&g_script, TRACE_ID, tracestate, g_ids);
        spans_check(&g_script);
        cr_assert_not(g_sim.connection->is_opaque);
        cr_assert_null(g_sim.connection->edits);
        simulated_close(g_sim.connection);
        captured_begin();
    }
}
