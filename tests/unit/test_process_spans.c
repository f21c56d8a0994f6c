/* Which spans of processes are reported, and when. */
#include "launcher/process_spans.h"

#include "support/captured.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

enum { ROOT = 1, REPORTED_MAX = 64 };

static const struct ring_program g_root = {.trace_id = {7}, .span_id = {ROOT}, .trace_flags = 1, .is_set = true};
static struct run_stats g_stats;
static struct span g_reported[REPORTED_MAX];
static unsigned g_reported_count;

static void report(void *argument, const struct span *span, const struct resource *resource)
{
    (void)argument;
    (void)resource;
    cr_assert_lt(g_reported_count, REPORTED_MAX);
    g_reported[g_reported_count++] = *span;
}

static struct process_spans *spans_new(enum process_spans_mode mode)
{
    struct process_spans *spans = process_spans_new(mode, &g_root, report, NULL);
    cr_assert(spans);
    return spans;
}

static struct span span_of(uint8_t id, uint8_t parent)
{
    struct span span = {.trace_id = {7}, .span_id = {id}, .parent_span_id = {parent}, .start_ns = 100, .end_ns = 200};
    span.role = SPAN_ROLE_PROCESS;
    span_set_name(&span, "cc", 2);
    return span;
}

static void add(struct process_spans *spans, uint8_t id, uint8_t parent)
{
    static const struct resource resource;
    struct span span = span_of(id, parent);
    process_spans_add(spans, &span, &resource);
}

static void note(struct process_spans *spans, uint8_t id)
{
    const uint8_t span_id[SPAN_ID_LEN] = {id};
    process_spans_note(spans, span_id);
}

static void finish(struct process_spans *spans, struct process_command command)
{
    struct process_spans_end end = {.stats = &g_stats, .command = &command};
    process_spans_finish(spans, &end);
}

/* "312": the ids in the order in which they were reported. */
static const char *reported(void)
{
    static char ids[REPORTED_MAX + 1];
    for (unsigned i = 0; i < g_reported_count; i++)
        ids[i] = (char)('0' + g_reported[i].span_id[0]);
    ids[g_reported_count] = '\0';
    return ids;
}

Test(process_spans, nothing_was_seen_so_nothing_is_told)
{
    struct process_spans *spans = spans_new(PROCESS_SPANS_AUTO);
    add(spans, 3, 2);
    add(spans, 2, ROOT);
    add(spans, ROOT, 0);
    finish(spans, (struct process_command){.pid = 0});
    cr_expect_str_eq(reported(), "");
}

Test(process_spans, all_are_told_at_once_and_the_command_last)
{
    struct process_spans *spans = spans_new(PROCESS_SPANS_ALL);
    add(spans, ROOT, 0);
    add(spans, 3, 2);
    add(spans, 2, ROOT);
    cr_expect_str_eq(reported(), "32");
    finish(spans, (struct process_command){.pid = 0});
    cr_expect_str_eq(reported(), "321");
}

Test(process_spans, who_was_seen_brings_those_that_it_comes_from)
{
    struct process_spans *spans = spans_new(PROCESS_SPANS_AUTO);
    note(spans, 3);
    add(spans, 3, 2);
    add(spans, 4, 2);
    add(spans, 2, ROOT);
    add(spans, ROOT, 0);
    finish(spans, (struct process_command){.pid = 0});
    cr_expect_str_eq(reported(), "321");
}

Test(process_spans, what_ended_before_it_was_known_waits)
{
    struct process_spans *spans = spans_new(PROCESS_SPANS_AUTO);
    add(spans, 2, ROOT);
    add(spans, 3, 2);
    cr_expect_str_eq(reported(), "");
    note(spans, 3);
    cr_expect_str_eq(reported(), "32");
    note(spans, 3);
    add(spans, ROOT, 0);
    finish(spans, (struct process_command){.pid = 0});
    cr_expect_str_eq(reported(), "321");
}

Test(process_spans, the_killed_and_the_unseen_are_told_of)
{
    static const struct resource resource;
    struct process_spans *spans = spans_new(PROCESS_SPANS_AUTO);
    struct span killed = span_of(2, ROOT), unseen = span_of(3, 4), lost = span_of(5, ROOT);
    span_set_error(&killed, "SIGSEGV", "killed by signal 11");
    span_set_string(&unseen, ATTRIBUTE_PROCESS_BLIND, "static", 6);
    span_set_string(&lost, ATTRIBUTE_PROCESS_END, "unknown", 7);
    process_spans_add(spans, &killed, &resource);
    process_spans_add(spans, &unseen, &resource);
    process_spans_add(spans, &lost, &resource);
    add(spans, 4, ROOT);
    add(spans, ROOT, 0);
    finish(spans, (struct process_command){.pid = 0});
    cr_expect_str_eq(reported(), "23541");
}

Test(process_spans, what_was_lost_is_on_the_commands_span)
{
    struct process_spans *spans = spans_new(PROCESS_SPANS_AUTO);
    g_stats.dropped_count[DROP_RING_FULL] = 12;
    add(spans, ROOT, 0);
    finish(spans, (struct process_command){.pid = 0});
    cr_assert_str_eq(reported(), "1");
    cr_expect_eq(captured_int(&g_reported[0], ATTRIBUTE_DROPPED_RING_FULL), 12);
}

Test(process_spans, the_command_lasts_until_its_process_ends)
{
    struct process_spans *spans = spans_new(PROCESS_SPANS_ALL);
    struct process_command command = {.pid = 0};
    struct process_spans_end end = {
        .stats = &g_stats, .command = &command, .has_status = true, .wait_status = SIGTERM, .end_ns = 5000};
    add(spans, ROOT, 0);
    process_spans_finish(spans, &end);
    cr_assert_str_eq(reported(), "1");
    cr_expect_eq(g_reported[0].end_ns, 5000);
    cr_expect_str_eq(captured_string(&g_reported[0], ATTRIBUTE_ERROR_TYPE), "SIGTERM");
}

Test(process_spans, a_command_that_goes_unseen_gets_its_span_here)
{
    struct process_spans *spans = spans_new(PROCESS_SPANS_AUTO);
    finish(spans, (struct process_command){.pid = 42, .path = "/bin/busybox", .blind = "static"});
    cr_assert_str_eq(reported(), "1");
    cr_expect_str_eq(captured_string(&g_reported[0], ATTRIBUTE_PROCESS_BLIND), "static");
    cr_expect_eq(captured_int(&g_reported[0], ATTRIBUTE_PROCESS_PID), 42);
    cr_expect_eq(memcmp(g_reported[0].name, "busybox", 7), 0);
}

Test(process_spans, memory_is_bounded)
{
    static const struct resource resource;
    struct process_spans *spans = spans_new(PROCESS_SPANS_AUTO);
    uint32_t count = PROCESS_SPANS_MEMORY_MAX / 200;
    for (uint32_t i = 2; i < count; i++) {
        struct span span = span_of(0, ROOT);
        memcpy(span.span_id, &i, sizeof i);
        process_spans_add(spans, &span, &resource);
    }
    note(spans, 2); /* long gone */
    cr_expect_str_eq(reported(), "");
    finish(spans, (struct process_command){.pid = 0});
}
