/* test_tail.c - traces are kept or dropped whole, whatever the order in which their spans come, and memory is bounded. */
#include "launcher/tail.h"

#include "base/compiler.h"
#include "export/run_stats.h"
#include "trace/sampler.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { SERVICES = 3, KEPT_MAX = 100000 };

static struct run_stats g_stats;
static struct resource g_resources[SERVICES];
static struct tail *g_tail;
static uint64_t g_now_ns;
static struct kept {
    uint32_t trace, number;
    unsigned service;
} g_kept[KEPT_MAX];
static unsigned g_kept_count;

static void set_up(void)
{
    run_stats_use(&g_stats);
    g_now_ns = 1000 * NANOS_PER_SECOND;
    for (int i = 0; i < SERVICES; i++) {
        g_resources[i].service_name[0] = (char)('a' + i);
        g_resources[i].service_name_len = 1;
    }
}

TestSuite(tail, .init = set_up, .timeout = 60);

/* Each span has its number in its id, and as an attribute behind a tracestate: nothing of it may be lost. */
static void note(void *argument, const struct span *span, const struct resource *resource)
{
    struct kept *kept = &g_kept[g_kept_count++];
    struct attribute_iterator iterator;
    struct attribute attribute;
    (void)argument;
    memcpy(&kept->trace, span->trace_id, sizeof kept->trace);
    memcpy(&kept->number, span->span_id, sizeof kept->number);
    kept->service = (unsigned)(resource->service_name[0] - 'a');
    attribute_begin(&iterator, span);
    cr_assert(attribute_next(&iterator, &attribute));
    cr_assert_eq(attribute.number, kept->number);
    cr_assert_eq(span->tracestate_len, 3);
    cr_assert_arr_eq(span->bytes, "a=1", 3);
}

static void open_with(const char *list, size_t memory_max)
{
    struct keep keep = {0};
    const char *wrong;
    size_t len;
    cr_assert_eq(keep_parse(list, &keep, &wrong, &len), 0);
    g_tail = tail_new(&keep, memory_max, note, NULL);
    cr_assert(g_tail);
}

/* What a span is, in short; @trace is in the id's first bytes, the last ones say where it is among all ids. */
struct made {
    uint32_t trace, number;
    unsigned service;
    bool is_child, is_error;
    uint64_t start_ms, duration_ms;
    uint8_t place; /* of 256 */
};

static void add(struct made made)
{
    struct span span = {.kind = SPAN_KIND_SERVER, .name = "GET", .name_len = 3};
    struct span_context context = {.is_valid = true, .tracestate = "a=1", .tracestate_len = 3};
    const uint8_t parent[SPAN_ID_LEN] = {9};
    memcpy(context.trace_id, &made.trace, sizeof made.trace);
    context.trace_id[9] = made.place;
    memcpy(context.span_id, &made.number, sizeof made.number);
    span_set_context(&span, &context, made.is_child ? parent : NULL);
    span_set_int(&span, ATTRIBUTE_SERVER_PORT, made.number);
    span.start_ns = g_now_ns + made.start_ms * NANOS_PER_MILLI;
    span.end_ns = span.start_ns + made.duration_ms * NANOS_PER_MILLI;
    if (made.is_error)
        span_set_error(&span, "500", "");
    tail_add(g_tail, &span, &g_resources[made.service], g_now_ns);
}

static void pass(uint64_t ms)
{
    g_now_ns += ms * NANOS_PER_MILLI;
    tail_work(g_tail, g_now_ns);
}

static unsigned kept_of(uint32_t trace)
{
    unsigned count = 0;
    for (unsigned i = 0; i < g_kept_count; i++)
        count += g_kept[i].trace == trace;
    return count;
}

#define ADD(...) add((struct made){__VA_ARGS__})

Test(tail, keeps_a_trace_with_an_error_whole_wherever_that_is)
{
    open_with("errors", TAIL_MEMORY_MAX);
    for (uint32_t trace = 1; trace <= 3; trace++) { /* the error comes first, in the middle, last */
        for (uint32_t i = 1; i <= 3; i++)
            ADD(.trace = trace, .number = i, .service = i - 1, .is_child = i < 3, .is_error = i == trace);
        ADD(.trace = trace + 10, .number = 1, .is_child = true);
        ADD(.trace = trace + 10, .number = 2);
    }
    cr_expect_eq(g_kept_count, 9, "at once: what comes cannot change it");
    for (unsigned i = 0; i < g_kept_count; i++)
        cr_expect_eq(g_kept[i].service, g_kept[i].number - 1);
    pass(1999);
    cr_expect(tail_is_waiting(g_tail));
    pass(1);
    cr_expect_not(tail_is_waiting(g_tail));
    cr_expect_eq(g_kept_count, 9);
    cr_expect_eq(g_stats.sampled_out_count, 6);
    cr_expect_eq(tail_memory(g_tail), 0);
    tail_finish(g_tail, g_now_ns);
}

Test(tail, keeps_what_is_slow_from_its_first_start_to_its_last_end)
{
    open_with("slower=500ms", TAIL_MEMORY_MAX);
    ADD(.trace = 1, .number = 1, .duration_ms = 501);
    ADD(.trace = 2, .number = 1, .duration_ms = 500);
    ADD(.trace = 3, .number = 1, .is_child = true, .duration_ms = 10);
    ADD(.trace = 3, .number = 2, .is_child = true, .start_ms = 495, .duration_ms = 10);
    ADD(.trace = 4, .number = 2, .start_ms = 495, .duration_ms = 10);
    tail_finish(g_tail, g_now_ns);
    cr_expect_eq(kept_of(1), 1);
    cr_expect_eq(kept_of(3), 2);
    cr_expect_eq(g_kept_count, 3);
    cr_expect_eq(g_stats.sampled_out_count, 2);
}

Test(tail, keeps_what_is_slower_than_its_own_route)
{
    open_with("slower=p99", TAIL_MEMORY_MAX);
    for (uint32_t i = 1; i <= 200; i++) {
        ADD(.trace = i, .number = 1, .service = 0, .duration_ms = 10);
        ADD(.trace = 1000 + i, .number = 1, .service = 1, .duration_ms = 1000);
        ADD(.trace = 1000 + i, .number = 2, .service = 0, .is_child = true, .duration_ms = 900);
        pass(2000);
    }
    cr_expect_eq(g_kept_count, 0);
    ADD(.trace = 201, .number = 1, .service = 0, .duration_ms = 100);
    ADD(.trace = 201, .number = 2, .service = 2, .is_child = true, .duration_ms = 1);
    ADD(.trace = 1201, .number = 1, .service = 1, .duration_ms = 1000);
    ADD(.trace = 1202, .number = 1, .service = 1, .duration_ms = 2000);
    tail_finish(g_tail, g_now_ns);
    cr_expect_eq(kept_of(201), 2);
    cr_expect_eq(kept_of(1202), 1);
    cr_expect_eq(g_kept_count, 3);
}

Test(tail, keeps_the_share_of_the_rest_that_the_ids_say)
{
    open_with("errors,25%", TAIL_MEMORY_MAX);
    for (uint32_t i = 0; i < 256; i++) {
        ADD(.trace = i + 1, .number = 1, .is_child = true, .place = (uint8_t)i);
        ADD(.trace = i + 1, .number = 2, .place = (uint8_t)i, .is_error = i == 7);
    }
    tail_finish(g_tail, g_now_ns);
    for (uint32_t i = 0; i < 256; i++)
        cr_expect_eq(kept_of(i + 1), i >= 192 || i == 7 ? 2 : 0, "%u", i);
    cr_expect_eq(g_stats.sampled_out_count, 2 * (256 - 65));
}

Test(tail, keeps_no_more_of_the_rest_than_the_rate)
{
    open_with("errors,rate=10/s", TAIL_MEMORY_MAX);
    for (uint32_t i = 1; i <= 1000; i++) { /* in 10 s; they are decided on 2 s later */
        ADD(.trace = i, .number = 1, .is_error = i % 100 == 0);
        pass(10);
    }
    pass(2000);
    unsigned errors = 0;
    for (uint32_t i = 100; i <= 1000; i += 100)
        errors += kept_of(i);
    cr_expect_eq(errors, 10);
    cr_expect_geq(g_kept_count, 10 + 80, "%u", g_kept_count);
    cr_expect_leq(g_kept_count, 10 + 10 * 13, "%u", g_kept_count);
    tail_finish(g_tail, g_now_ns);
}

Test(tail, later_spans_follow_the_decision)
{
    open_with("errors", TAIL_MEMORY_MAX);
    ADD(.trace = 1, .number = 1, .is_error = true);
    ADD(.trace = 2, .number = 1);
    pass(2000);
    cr_expect_eq(g_kept_count, 1);
    ADD(.trace = 1, .number = 2, .is_child = true);
    ADD(.trace = 2, .number = 2, .is_child = true, .is_error = true);
    cr_expect_eq(kept_of(1), 2);
    cr_expect_eq(kept_of(2), 0, "no half of a trace");
    cr_expect_not(tail_is_waiting(g_tail));
    cr_expect_eq(g_stats.sampled_out_count, 2);
    tail_finish(g_tail, g_now_ns);
}

Test(tail, waits_for_the_root_but_not_for_ever)
{
    open_with("errors", TAIL_MEMORY_MAX);
    ADD(.trace = 1, .number = 1, .is_child = true);
    ADD(.trace = 2, .number = 1);
    for (int i = 0; i < 9; i++) { /* something every second: not quiet, but over in the end */
        pass(1000);
        ADD(.trace = 2, .number = 2, .is_child = true);
    }
    cr_expect_eq(g_stats.sampled_out_count, 0);
    pass(999);
    cr_expect_eq(g_stats.sampled_out_count, 0);
    pass(1);
    cr_expect_eq(g_stats.sampled_out_count, 11);
    ADD(.trace = 3, .number = 1, .is_child = true);
    pass(9000);
    ADD(.trace = 3, .number = 2, .is_error = true);
    cr_expect_eq(kept_of(3), 2);
    tail_finish(g_tail, g_now_ns);
}

Test(tail, memory_is_bounded_and_the_oldest_go_first)
{
    enum { MEMORY = 256 * 1024, TRACES = 5000 };
    open_with("errors", MEMORY);
    for (uint32_t i = 1; i <= TRACES; i++) {
        ADD(.trace = i, .number = 1, .is_child = true);
        cr_assert_leq(tail_memory(g_tail), (size_t)MEMORY);
    }
    cr_expect_gt(g_stats.decided_early_count, TRACES / 2);
    cr_expect_eq(g_stats.decided_early_count, g_stats.sampled_out_count);
    ADD(.trace = TRACES, .number = 2, .is_error = true);
    ADD(.trace = 1, .number = 2, .is_error = true);
    cr_expect_eq(kept_of(TRACES), 2, "the newest still waited");
    cr_expect_eq(kept_of(1), 0);
    for (uint32_t i = 1; i <= TRACES; i++) /* one trace alone is too much */
        ADD(.trace = TRACES + 1, .number = i, .is_child = true);
    cr_expect_leq(tail_memory(g_tail), (size_t)MEMORY);
    tail_finish(g_tail, g_now_ns);
    cr_expect_eq(g_kept_count + g_stats.sampled_out_count, 2 * TRACES + 2);
    cr_expect_eq(g_stats.dropped_count[DROP_NO_MEMORY], 0);
}

Test(tail, what_is_no_span_is_not_its_business)
{
    struct span span = {.kind = SPAN_KIND_SERVER};
    struct span_context context = {.is_valid = true, .tracestate = "a=1", .tracestate_len = 3};
    open_with("errors", TAIL_MEMORY_MAX);
    span_set_context(&span, &context, NULL);
    span_set_int(&span, ATTRIBUTE_SERVER_PORT, 0);
    tail_add(g_tail, &span, &g_resources[0], g_now_ns);
    cr_expect_eq(g_kept_count, 1, "it is handed on, and counted as damaged there");
    cr_expect_not(tail_is_waiting(g_tail));
    tail_finish(g_tail, g_now_ns);
}

Test(tail, in_the_end_everything_is_decided)
{
    open_with("50%,slower=p99", TAIL_MEMORY_MAX);
    for (uint32_t i = 0; i < 1000; i++)
        ADD(.trace = i + 1, .number = i + 1, .is_child = i % 2, .place = (uint8_t)i);
    cr_expect_eq(g_kept_count, 0);
    tail_finish(g_tail, g_now_ns);
    cr_expect_eq(g_kept_count, 1000 / 256 * 128 + MAX(1000 % 256 - 128, 0));
    cr_expect_eq(g_kept_count + g_stats.sampled_out_count, 1000);
    for (unsigned i = 1; i < g_kept_count; i++)
        cr_assert_gt(g_kept[i].number, g_kept[i - 1].number, "in their order");
}
