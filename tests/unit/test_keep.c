/* test_keep.c - what --keep and --keep-wait may say. */
#include "launcher/keep.h"

#include "base/compiler.h"
#include "launcher/decisions.h"
#include "launcher/latency.h"
#include "trace/sampler.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

Test(keep, reads_durations)
{
    static const struct {
        const char *text;
        uint64_t ns; /* 0: none */
    } rows[] = {
        {"500ms", 500 * NANOS_PER_MILLI}, {"2s", 2 * NANOS_PER_SECOND}, {"1.5s", 1500 * NANOS_PER_MILLI},
        {"20us", 20000}, {"1m", 60 * NANOS_PER_SECOND}, {".5s", 500 * NANOS_PER_MILLI},
        {"", 0}, {"s", 0}, {"5", 0}, {"5 s", 0}, {"-1s", 0}, {"0s", 0}, {"1e3s", 0}, {"5h", 0}, {"1.2.3s", 0},
        {".s", 0}, {"100000s", 0}, {"2sx", 0}, {"11111111111111111111111111111111111111s", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t ns = 0;
        cr_expect_eq(duration_parse(rows[i].text, strlen(rows[i].text), &ns), rows[i].ns ? 0 : -EINVAL, "%s",
                     rows[i].text);
        cr_expect_eq(ns, rows[i].ns, "%s", rows[i].text);
    }
}

Test(keep, reads_lists)
{
    static const struct {
        const char *list;
        struct keep keep;
    } rows[] = {
        {"errors", {.errors = true, .slower_than_ns = UINT64_MAX, .share_threshold = SAMPLER_NONE}},
        {"slower=p99", {.slower_than_p99 = true, .slower_than_ns = UINT64_MAX, .share_threshold = SAMPLER_NONE}},
        {"slower=10ms,slower=p99",
         {.slower_than_p99 = true, .slower_than_ns = 10 * NANOS_PER_MILLI, .share_threshold = SAMPLER_NONE}},
        {"25%", {.slower_than_ns = UINT64_MAX, .share_threshold = SAMPLER_NONE / 4 * 3}},
        {"0%", {.slower_than_ns = UINT64_MAX, .share_threshold = SAMPLER_NONE}},
        {"100%", {.slower_than_ns = UINT64_MAX, .share_threshold = SAMPLER_ALL}},
        {"rate=2.5/s", {.slower_than_ns = UINT64_MAX, .share_threshold = SAMPLER_ALL, .rate = 2.5}},
        {" errors , rate=1/s,50% ",
         {.errors = true, .slower_than_ns = UINT64_MAX, .share_threshold = SAMPLER_NONE / 2, .rate = 1}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct keep keep = {0}, expected = rows[i].keep;
        const char *wrong;
        size_t len;
        cr_assert_eq(keep_parse(rows[i].list, &keep, &wrong, &len), 0, "%s", rows[i].list);
        cr_expect(keep.is_set);
        cr_expect_eq(keep.errors, expected.errors, "%s", rows[i].list);
        cr_expect_eq(keep.slower_than_p99, expected.slower_than_p99, "%s", rows[i].list);
        cr_expect_eq(keep.slower_than_ns, expected.slower_than_ns, "%s", rows[i].list);
        cr_expect_eq(keep.share_threshold, expected.share_threshold, "%s", rows[i].list);
        cr_expect(keep.rate >= expected.rate && keep.rate <= expected.rate, "%s", rows[i].list);
        cr_expect_eq(keep.wait_ns, KEEP_WAIT_SECONDS * NANOS_PER_SECOND);
    }
}

Test(keep, names_the_word_that_is_wrong_and_leaves_the_rest_as_it_was)
{
    static const char *const rows[][2] = {
        {"", ""}, {"error", "error"}, {"errors,", ""}, {"errors,,1%", ""}, {"1", "1"}, {"101%", "101%"},
        {"-1%", "-1%"}, {"errors, slower=5 ,1%", "slower=5"}, {"slower=", "slower="}, {"rate=5", "rate=5"},
        {"rate=0/s", "rate=0/s"}, {"rate=/s", "rate=/s"}, {"slower=p95", "slower=p95"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct keep keep = {.wait_ns = 7};
        const char *wrong = NULL;
        size_t len = 0;
        cr_assert_eq(keep_parse(rows[i][0], &keep, &wrong, &len), -EINVAL, "%s", rows[i][0]);
        cr_expect_eq(len, strlen(rows[i][1]), "%s", rows[i][0]);
        cr_expect_eq(memcmp(wrong, rows[i][1], len), 0, "%s", rows[i][0]);
        cr_expect_not(keep.is_set);
    }
    struct keep keep = {.wait_ns = 7};
    const char *wrong;
    size_t len;
    cr_assert_eq(keep_parse("errors", &keep, &wrong, &len), 0);
    cr_expect_eq(keep.wait_ns, 7, "--keep-wait came first");
}

/* ---- what is usual for a route ---- */

Test(latency, knows_the_slowest_hundredth_of_each_route)
{
    struct latencies *latencies = latencies_new();
    int slow[2] = {0, 0};
    cr_assert_not(latencies_note(latencies, 1, 1000 * NANOS_PER_SECOND), "the first of all");
    for (int i = 0; i < 1000; i++) { /* from 1 to 2 ms, and from 1 to 2 s */
        slow[0] += latencies_note(latencies, 1, NANOS_PER_MILLI + (uint64_t)(i * 7 % 1000) * 1000);
        slow[1] += latencies_note(latencies, 2, NANOS_PER_SECOND + (uint64_t)(i * 7 % 1000) * NANOS_PER_MILLI);
    }
    cr_expect_leq(slow[0], 20);
    cr_expect_leq(slow[1], 20);
    cr_expect(latencies_note(latencies, 1, 3 * NANOS_PER_MILLI));
    cr_expect_not(latencies_note(latencies, 2, 3 * NANOS_PER_MILLI));
    cr_expect_not(latencies_note(latencies, 1, NANOS_PER_MILLI));
    cr_expect(latencies_note(latencies, 2, 3 * NANOS_PER_SECOND));
    free(latencies);
}

Test(latency, says_nothing_of_what_it_has_seldom_seen)
{
    struct latencies *latencies = latencies_new();
    for (int i = 0; i < LATENCY_COUNT_MIN - 1; i++)
        cr_assert_not(latencies_note(latencies, 1, 1000));
    cr_expect_not(latencies_note(latencies, 1, NANOS_PER_SECOND));
    cr_expect(latencies_note(latencies, 1, 2 * NANOS_PER_SECOND));
    free(latencies);
}

Test(latency, follows_what_changes_and_takes_any_number)
{
    struct latencies *latencies = latencies_new();
    for (int i = 0; i < LATENCY_COUNT_MAX; i++)
        latencies_note(latencies, 1, NANOS_PER_MILLI);
    cr_expect(latencies_note(latencies, 1, 10 * NANOS_PER_MILLI));
    for (int i = 0; i < LATENCY_COUNT_MAX; i++)
        latencies_note(latencies, 1, 10 * NANOS_PER_MILLI);
    cr_expect_not(latencies_note(latencies, 1, 10 * NANOS_PER_MILLI), "that is usual now");
    latencies_note(latencies, 1, 0);
    cr_expect(latencies_note(latencies, 1, UINT64_MAX));
    for (uint64_t route = 2; route < 2 * LATENCY_ROUTES_MAX; route++)
        latencies_note(latencies, route, 1);
    cr_expect_not(latencies_note(latencies, 4 * LATENCY_ROUTES_MAX, 1), "no room");
    free(latencies);
}

/* ---- what was decided ---- */

Test(decisions, remembers_the_latest)
{
    enum { COUNT = 200000, RECENT = 10000 };
    static struct decisions decisions;
    int known = 0;
    for (uint32_t i = 1; i <= COUNT; i++) {
        uint8_t id[TRACE_ID_LEN] = {0};
        bool is_kept;
        uint64_t random = i * 0x9e3779b97f4a7c15ULL;
        memcpy(id, &random, sizeof random);
        cr_assert_not(decisions_find(&decisions, id, &is_kept), "%u", i);
        decisions_note(&decisions, id, i % 3 == 0);
    }
    for (uint32_t i = COUNT - RECENT; i <= COUNT; i++) {
        uint8_t id[TRACE_ID_LEN] = {0};
        bool is_kept;
        uint64_t random = i * 0x9e3779b97f4a7c15ULL;
        memcpy(id, &random, sizeof random);
        if (!decisions_find(&decisions, id, &is_kept))
            continue;
        cr_assert_eq(is_kept, i % 3 == 0);
        known++;
    }
    cr_expect_gt(known, RECENT * 95 / 100, "%d", known);
}
