/* What many traces are judged by: percentiles, tests of significance, and spans sorted beyond memory. */
#include "base/compiler.h"
#include "view/operation.h"
#include "view/retries.h"
#include "view/samples.h"
#include "view/significance.h"
#include "view/span_gaps.h"
#include "view/span_reader.h"
#include "view/span_sort.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct samples samples_of(const int64_t *values, size_t count)
{
    struct samples samples = {0};
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(samples_add(&samples, values[i]), 0);
    return samples;
}

Test(samples, percentile_is_the_nearest_rank)
{
    static const struct {
        unsigned percent;
        int64_t expected;
    } rows[] = {{0, 1}, {20, 1}, {21, 2}, {50, 3}, {95, 9}, {99, 9}, {100, 9}};
    struct samples samples = samples_of((const int64_t[]){9, 1, 4, 3, 2}, 5), none = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(samples_percentile(&samples, rows[i].percent), rows[i].expected, "%u %%", rows[i].percent);
    cr_expect_eq(samples_percentile(&none, 50), 0);
    samples_add(&samples, 0);
    cr_expect_eq(samples_percentile(&samples, 1), 0, "sorted anew");
    samples_free(&samples);
}

/* The expected values: scipy.stats.mannwhitneyu(method="asymptotic"). */
Test(significance, ranks_are_tested)
{
    static const struct {
        const char *name;
        int64_t a[10], b[10];
        size_t a_count, b_count;
        double expected;
    } rows[] = {
        {"all of one above the other", {1, 2, 3, 4, 5, 6, 7, 8}, {11, 12, 13, 14, 15, 16, 17, 18}, 8, 8, 0.00093910570},
        {"interleaved", {1, 3, 5, 7, 9, 11, 13, 15}, {2, 4, 6, 8, 10, 12, 14, 16}, 8, 8, 0.71319126},
        {"ties", {1, 1, 2, 2, 3, 3, 4, 4}, {3, 3, 4, 4, 5, 5, 6, 6}, 8, 8, 0.01197995},
        {"all equal", {5, 5, 5}, {5, 5, 5}, 3, 3, 1},
        {"nothing", {5}, {0}, 1, 0, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct samples a = samples_of(rows[i].a, rows[i].a_count), b = samples_of(rows[i].b, rows[i].b_count);
        double p = rank_test_p(&a, &b);
        cr_expect(fabs(p - rows[i].expected) < 1e-7, "%s: %.6f", rows[i].name, p);
        cr_expect(fabs(p - rank_test_p(&b, &a)) < 1e-12, "%s: the same the other way round", rows[i].name);
        samples_free(&a);
        samples_free(&b);
    }
}

/* The expected values: scipy.stats.fisher_exact. */
Test(significance, rates_are_tested)
{
    static const struct {
        uint64_t a_hits, a_count, b_hits, b_count;
        double expected;
    } rows[] = {{0, 10, 0, 10, 1},          {1, 100, 1, 100, 1},
                {3, 10, 9, 10, 0.01976661}, {0, 100, 10, 100, 0.00154205},
                {5, 1000, 50, 1000, 0},     {1, 120, 14, 118, 0.00032693}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double p = fisher_test_p(rows[i].a_hits, rows[i].a_count, rows[i].b_hits, rows[i].b_count);
        cr_expect(fabs(p - rows[i].expected) < 1e-7, "row %zu: %.6f", i, p);
    }
}

Test(operation, has_no_ids)
{
    static const struct {
        const char *name, *path, *expected;
    } rows[] = {
        {"GET", "/users/42", "GET /users/{id}"},
        {"GET", "/users/0af76519-16cd-43dd-8448-eb211c80319c/cart", "GET /users/{id}/cart"},
        {"GET", "/v1/report.html", "GET /v1/report.html"},
        {"GET /users/7/cart", "/users/7/cart", "GET /users/{id}/cart"},
        {"SELECT", NULL, "SELECT"},
        {"GET", "/", "GET /"},
    };
    struct operation_names *names = calloc(1, sizeof *names);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct view_span span = {.name = rows[i].name, .path = rows[i].path};
        const char *operation = operation_name(names, &span);
        cr_expect_str_eq(operation, rows[i].expected);
        cr_expect_eq(operation_name(names, &span), operation, "the same copy");
    }
    struct view_span span = {.callee = "127.0.0.1:40123"};
    cr_expect_str_eq(operation_callee(names, &span), "127.0.0.1");
    span.callee = "[::1]:5432";
    cr_expect_str_eq(operation_callee(names, &span), "[::1]:5432");
    span.callee = "[fe80::ffff]";
    cr_expect_str_eq(operation_callee(names, &span), "[fe80::ffff]");
    operation_names_free(names);
    free(names);
}

/* A parent from 0 to 100, and what it does meanwhile. */
static void children_set(struct trace_node *nodes, const int64_t (*stretches)[2], size_t count)
{
    nodes[0] = (struct trace_node){.start_us = 0, .end_us = 100, .first_child = count ? &nodes[1] : NULL};
    for (size_t i = 0; i < count; i++)
        nodes[i + 1] = (struct trace_node){.start_us = stretches[i][0],
                                           .end_us = stretches[i][1],
                                           .next_sibling = i + 1 < count ? &nodes[i + 2] : NULL};
}

Test(span_gaps, are_what_no_child_covers)
{
    static const struct {
        const char *name;
        int64_t stretches[3][2];
        size_t count;
        int64_t expected;
    } rows[] = {
        {"no child", {{0, 0}}, 0, 100},
        {"one", {{10, 30}}, 1, 80},
        {"overlapping", {{10, 50}, {20, 30}, {40, 60}}, 3, 50},
        {"beyond both ends", {{-10, 20}, {90, 200}}, 2, 70},
        {"after its end", {{150, 200}}, 1, 100},
        {"all of it", {{0, 100}}, 1, 0},
    };
    struct trace_node nodes[4];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        children_set(nodes, rows[i].stretches, rows[i].count);
        cr_expect_eq(span_self_us(&nodes[0]), rows[i].expected, "%s: %ld", rows[i].name, (long)span_self_us(&nodes[0]));
    }
}

Test(span_gaps, end_at_a_child_or_at_the_end)
{
    struct trace_node nodes[4];
    struct span_gap gap;
    children_set(nodes, (const int64_t[][2]){{10, 20}, {50, 60}, {120, 130}}, 3);
    struct span_gaps gaps = span_gaps_of(&nodes[0]);
    cr_assert(span_gaps_next(&gaps, &gap) && gap.next == &nodes[1] && gap.start_us == 0 && gap.end_us == 10);
    cr_assert(span_gaps_next(&gaps, &gap) && gap.next == &nodes[2] && gap.start_us == 20 && gap.end_us == 50);
    cr_assert(span_gaps_next(&gaps, &gap) && gap.next == NULL && gap.start_us == 60 && gap.end_us == 100);
    cr_assert_not(span_gaps_next(&gaps, &gap));
}

static struct view_span numbered(uint64_t number, uint64_t line)
{
    struct view_span span = {.service = "s", .name = "n", .line = line, .duration_us = (int64_t)line};
    for (size_t i = 0; i < 8; i++) {
        span.trace_id[15 - i] = (uint8_t)(number / 10 >> 8 * i);
        span.span_id[7 - i] = (uint8_t)(number >> 8 * i);
    }
    return span;
}

/* As many runs as a large file would have, each of a few spans, some twice. */
Test(span_runs, merge_to_one_order_without_duplicates)
{
    enum { RUNS = 50, PER_RUN = 700, NUMBERS = 20000 };
    struct span_runs runs = {0};
    struct view_span *spans = malloc(PER_RUN * sizeof *spans), *merged;
    uint64_t *first_lines = calloc(NUMBERS, sizeof *first_lines);
    size_t count, mapped_len, distinct = 0;
    unsigned state = 1;
    for (uint64_t line = 1; line <= RUNS * PER_RUN; line++) {
        state = state * 1103515245 + 12345;
        uint64_t number = state >> 8 & 0x3fff;
        distinct += first_lines[number] == 0;
        first_lines[number] = first_lines[number] ? first_lines[number] : line;
        spans[(line - 1) % PER_RUN] = numbered(number, line);
        if (line % PER_RUN == 0)
            cr_assert_eq(span_runs_add(&runs, spans, view_spans_sort(spans, PER_RUN)), 0);
    }
    cr_assert_eq(span_runs_merge(&runs, &merged, &count, &mapped_len), 0);
    cr_assert_eq(count, distinct);
    for (size_t i = 0; i < count; i++) {
        uint64_t number = 0;
        for (size_t j = 0; j < 8; j++)
            number = number << 8 | merged[i].span_id[j];
        cr_assert(i == 0 || view_span_compare(&merged[i - 1], &merged[i]) < 0);
        cr_assert_eq(merged[i].line, first_lines[number], "the first of those with its ids stays");
    }
    munmap(merged, mapped_len);
    free(first_lines);
    free(spans);
}

Test(span_runs, say_that_there_is_no_room)
{
    struct span_runs runs = {0};
    struct view_span span = numbered(1, 1);
    setenv("TMPDIR", "/nonexistent", 1);
    cr_expect_lt(span_runs_add(&runs, &span, 1), 0);
    cr_expect_eq(runs.run_count, 0);
    span_runs_free(&runs);
}

/* More than memory is to hold, in a file or, where there is none, in memory: the same. */
static void large_file_check(bool has_room)
{
    size_t span_count = SPAN_SET_MEMORY_MAX + 1000;
    struct span_set set = {0};
    FILE *file = tmpfile();
    for (size_t i = 0; i < span_count; i++)
        fprintf(file,
                "{\"traceId\":\"%032zx\",\"spanId\":\"%016zx\",\"name\":\"n\",\"timestamp\":1,\"duration\":%zu}\n",
                (i * 7919) % span_count / 3 + 1, (i * 7919) % span_count + 1, i);
    fputs("{\"traceId\":\"00000000000000000000000000000001\",\"spanId\":\"0000000000000001\",\"name\":\"again\","
          "\"timestamp\":1,\"duration\":0}\n",
          file);
    rewind(file);
    setenv("TMPDIR", has_room ? "" : "/nonexistent", 1);
    cr_assert_eq(span_reader_read(fileno(file), &set), 0);
    cr_assert_eq(span_set_sort(&set), 0);
    cr_expect_eq(set.mapped_len > 0, has_room);
    cr_expect_eq(set.count, span_count);
    cr_expect_eq(set.duplicate_count, 1);
    span_set_relax(&set);
    for (size_t i = 1; i < set.count; i++)
        cr_assert_lt(view_span_compare(&set.spans[i - 1], &set.spans[i]), 0);
    cr_expect_str_eq(set.spans[0].name, "n");
    span_set_free(&set);
    fclose(file);
}

Test(span_set, is_sorted_in_a_file_if_it_is_large, .timeout = 120)
{
    large_file_check(true);
}

Test(span_set, is_sorted_in_memory_if_there_is_no_file, .timeout = 120)
{
    large_file_check(false);
}
