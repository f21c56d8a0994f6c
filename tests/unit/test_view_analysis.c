/* Where the time went: along the critical path, all of it, each instant once. */
#include "base/compiler.h"
#include "view/analysis.h"
#include "view/share_sum.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { I = VIEW_KIND_INTERNAL, S = VIEW_KIND_SERVER, C = VIEW_KIND_CLIENT };

struct row {
    unsigned id, parent;
    int kind;
    const char *service; /* of a CLIENT without a server: "service>callee" */
    int64_t start, duration;
};

static struct string_pool g_pool;

static const char *intern(const char *text, size_t len)
{
    return string_pool_intern(&g_pool, text, len);
}

static struct view_span span_of(const struct row *row)
{
    size_t service_len = strcspn(row->service, ">");
    struct view_span span = {.trace_id = {1},
                             .start_us = row->start,
                             .duration_us = row->duration,
                             .service = intern(row->service, service_len),
                             .name = "GET",
                             .line = row->id,
                             .kind = (uint8_t)row->kind};
    if (row->service[service_len])
        span.callee = intern(row->service + service_len + 1, strlen(row->service + service_len + 1));
    for (size_t i = 0; i < 4; i++) {
        span.span_id[7 - i] = (uint8_t)(row->id >> 8 * i);
        span.parent_span_id[7 - i] = (uint8_t)(row->parent >> 8 * i);
    }
    return span;
}

static void tree_build(const struct row *rows, struct view_span *spans, struct trace_tree *tree)
{
    size_t count = 0;
    for (; rows[count].id; count++)
        spans[count] = span_of(&rows[count]);
    count = view_spans_sort(spans, count);
    cr_assert_eq(trace_tree_build(spans, count, tree), 0);
}

/* "b 60 by a, network 30 a-b, a 10": every share, its time and who called. */
static void analysis_text(const struct analysis *analysis, char *out)
{
    static const char *const names[SHARE_REST + 1] = {
        [SHARE_NETWORK] = "network", [SHARE_OUTSIDE] = "outside", [SHARE_REST] = "rest"};
    *out = '\0';
    for (size_t i = 0; i < analysis->share_count; i++) {
        const struct share *share = &analysis->shares[i];
        const char *name = names[share->kind] ? names[share->kind] : share->label;
        out += sprintf(out, "%s%s%s %lld", i ? ", " : "", share->kind == SHARE_CALLEE ? ">" : "",
                       name ? name : "?", (long long)share->us);
        if (share->kind == SHARE_NETWORK)
            out += sprintf(out, " %s-%s", share->caller, share->callee);
        else if (share->caller)
            out += sprintf(out, " by %s", share->caller);
        if (share->caller_count > 1)
            out += sprintf(out, " and %zu", share->caller_count - 1);
    }
}

Test(analysis, gives_each_instant_to_the_span_that_was_waited_for)
{
    static const struct {
        const char *name;
        struct row rows[10];
        const char *expected;
    } tables[] = {
        {"alone", {{1, 0, S, "a", 0, 100}}, "a 100"},
        {"no time at all", {{1, 0, S, "a", 0, 0}}, "a 0"},
        {"a call",
         {{1, 0, S, "a", 0, 1000}, {2, 1, C, "a", 100, 800}, {3, 2, S, "b", 200, 600}},
         "b 600 by a, a 200, network 200 a-b"},
        {"a call that leaves no server span",
         {{1, 0, S, "a", 0, 1000}, {2, 1, C, "a>db:5432", 100, 800}},
         ">db:5432 800 by a, a 200"},
        {"a call to nobody knows whom",
         {{1, 0, S, "a", 0, 1000}, {2, 1, C, "a", 100, 800}}, ">? 800 by a, a 200"},
        {"a client at the root",
         {{1, 0, C, "curl", 0, 1000}, {2, 1, S, "a", 100, 800}},
         "a 800 by curl, network 200 curl-a, curl 0"},
        {"two calls after each other",
         {{1, 0, S, "a", 0, 1000}, {2, 1, C, "a>x:1", 100, 300}, {3, 1, C, "a>y:1", 400, 500}},
         ">y:1 500 by a, >x:1 300 by a, a 200"},
        {"two calls at once: the one that ended last was waited for",
         {{1, 0, S, "a", 0, 1000}, {2, 1, C, "a>x:1", 100, 500}, {3, 1, C, "a>y:1", 100, 800}},
         ">y:1 800 by a, a 200"},
        {"two calls at once, then one",
         {{1, 0, S, "a", 0, 1000}, {2, 1, C, "a>x:1", 100, 500}, {3, 1, C, "a>y:1", 100, 300},
          {4, 1, C, "a>z:1", 600, 300}},
         ">x:1 500 by a, >z:1 300 by a, a 200"},
        {"ends that overlap by a rounding do not lose a call",
         {{1, 0, S, "a", 0, 100000}, {2, 1, C, "a>x:1", 10000, 40003},
          {3, 1, C, "a>y:1", 50000, 40000}},
         ">x:1 40000 by a, >y:1 40000 by a, a 20000"},
        {"an asynchronous call that outlives its parent was not waited for",
         {{1, 0, S, "a", 0, 1000}, {2, 1, C, "a", 900, 2000}, {3, 2, S, "b", 950, 1900}},
         "a 1000, b 0 by a"},
        {"one that outlives its parent but not the root",
         {{1, 0, S, "a", 0, 1000}, {2, 1, C, "a", 100, 500}, {3, 2, S, "b", 200, 300},
          {4, 3, C, "b>mail:25", 400, 400}},
         "a 500, b 300 by a, network 200 a-b"},
        {"a server that goes on after its client gave up counts until then",
         {{1, 0, S, "a", 0, 1000}, {2, 1, C, "a", 100, 500}, {3, 2, S, "b", 200, 5000},
          {4, 3, C, "b>db:1", 300, 4000}},
         "a 500, >db:1 300 by b, b 100 by a, network 100 a-b"},
        {"a server that ends a little after its client",
         {{1, 0, C, "a", 0, 1000}, {2, 1, S, "b", 100, 950}}, "b 900 by a, network 100 a-b, a 0"},
        {"a server that begins a little before its client",
         {{1, 0, S, "a", 0, 1000}, {2, 1, C, "a", 500, 400}, {3, 2, S, "b", 400, 450}},
         "a 600, b 350 by a, network 50 a-b"},
        {"a service called by two",
         {{1, 0, S, "a", 0, 1000}, {2, 1, C, "a", 0, 200}, {3, 2, S, "x", 0, 200},
          {4, 1, C, "a", 300, 700}, {5, 4, S, "b", 300, 700}, {6, 5, C, "b", 400, 500},
          {7, 6, S, "x", 400, 500}},
         "x 700 by b and 1, b 200 by a, a 100"},
        {"inner spans count for their service",
         {{1, 0, S, "a", 0, 1000}, {2, 1, I, "a", 100, 500}, {3, 2, C, "a>x:1", 200, 100}},
         "a 900, >x:1 100 by a"},
        {"several roots, and nothing between them",
         {{1, 0, S, "a", 0, 100}, {2, 0, S, "b", 300, 50}}, "outside 200, a 100, b 50"},
        {"another clock, three seconds behind",
         {{1, 0, C, "a", 5000000, 100000}, {2, 1, S, "b", 2000000, 80000},
          {3, 2, C, "b>x:1", 2010000, 60000}},
         ">x:1 60000 by b, b 20000 by a, network 20000 a-b, a 0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct view_span spans[10];
        struct trace_tree tree;
        struct analysis analysis;
        char text[512];
        tree_build(tables[i].rows, spans, &tree);
        cr_assert_eq(analysis_make(&tree, &analysis), 0);
        analysis_text(&analysis, text);
        cr_expect_str_eq(text, tables[i].expected, "%s: got '%s'", tables[i].name, text);
        analysis_free(&analysis);
        trace_tree_free(&tree);
    }
    string_pool_free(&g_pool);
}

static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Any parents, any times: circles, orphans, overlaps and clocks that differ among them. */
static struct row row_random(uint32_t *state, unsigned id, unsigned count)
{
    static const char *const services[] = {"a", "b", "c", "d>x:1", "e>y:2"};
    struct row row = {.id = id};
    row.parent = random_next(state) % 8 ? random_next(state) % (count + 2) : 0;
    if (random_next(state) % 2)
        row.parent = id / 2;
    row.kind = (int)(random_next(state) % 3);
    row.service = services[random_next(state) % ARRAY_LEN(services)];
    bool is_wild = random_next(state) % 16 == 0;
    row.start = random_next(state) % 2000 + (is_wild ? (int64_t)random_next(state) << 28 : 0);
    row.duration = random_next(state) % 1500;
    if (is_wild && random_next(state) % 2)
        row.duration = (int64_t)1 << 53;
    return row;
}

static void sums_check(const struct trace_tree *tree, unsigned seed)
{
    struct analysis analysis;
    int64_t sum = 0;
    int percent = 0;
    cr_assert_eq(analysis_make(tree, &analysis), 0);
    for (size_t i = 0; i < analysis.share_count; i++) {
        cr_assert_geq(analysis.shares[i].us, 0);
        sum += analysis.shares[i].us;
        percent += analysis.shares[i].percent;
    }
    cr_assert_eq(sum, analysis.total_us, "seed %u: %lld of %lld", seed, (long long)sum,
                 (long long)analysis.total_us);
    cr_assert_eq(percent, analysis.total_us ? 100 : 0, "seed %u: %d %%", seed, percent);
    analysis_free(&analysis);
}

Test(analysis, shares_sum_up_to_the_total_whatever_the_spans, .timeout = 120)
{
    for (unsigned seed = 1; seed <= 20000; seed++) {
        struct view_span spans[24];
        struct trace_tree tree;
        uint32_t state = seed;
        unsigned count = 1 + random_next(&state) % ARRAY_LEN(spans);
        for (unsigned i = 0; i < count; i++) {
            struct row row = row_random(&state, i + 1, count);
            spans[i] = span_of(&row);
        }
        count = (unsigned)view_spans_sort(spans, count);
        cr_assert_eq(trace_tree_build(spans, count, &tree), 0);
        for (size_t i = 0; i < count; i++)
            cr_assert(tree.nodes[i].start_us >= 0 && tree.nodes[i].end_us >= tree.nodes[i].start_us);
        sums_check(&tree, seed);
        trace_tree_free(&tree);
    }
    string_pool_free(&g_pool);
}

Test(analysis, looks_at_each_span_a_few_times_however_many, .timeout = 120)
{
    enum { SPANS = 200000 };
    struct view_span *spans = calloc(SPANS, sizeof *spans);
    for (int shape = 0; shape < 3; shape++) {
        for (unsigned i = 0; i < SPANS; i++) {
            unsigned parents[] = {i, i ? 1 : 0, i ? (i - 1) / 2 + 1 : 0};
            struct row row = {i + 1, parents[shape], i % 2 ? C : S, i % 2 ? "a" : "b", i,
                              shape == 1 && i ? 2 : 2 * SPANS - 2 * (int64_t)i};
            spans[i] = span_of(&row);
        }
        struct trace_tree tree;
        struct critical_path path;
        view_spans_sort(spans, SPANS);
        cr_assert_eq(trace_tree_build(spans, SPANS, &tree), 0);
        cr_assert_eq(critical_path_find(&tree, &path), 0);
        cr_expect_lt(path.step_count, 3u * SPANS + 3, "shape %d: %zu", shape, path.step_count);
        sums_check(&tree, 0);
        critical_path_free(&path);
        trace_tree_free(&tree);
    }
    free(spans);
    string_pool_free(&g_pool);
}

Test(share_percent, sums_up_to_a_hundred)
{
    static const struct {
        int64_t us[4];
        int percent[4];
    } tables[] = {
        {{1, 1, 1, 0}, {34, 33, 33, 0}},       {{999, 1, 0, 0}, {100, 0, 0, 0}},
        {{1, 1, 1, 1}, {25, 25, 25, 25}},      {{5, 3, 3, 1}, {42, 25, 25, 8}},
        {{996, 2, 1, 1}, {100, 0, 0, 0}},      {{1, 0, 0, 0}, {100, 0, 0, 0}},
        {{0, 0, 0, 0}, {0, 0, 0, 0}},          {{(int64_t)1 << 54, 0, 0, 0}, {100, 0, 0, 0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct share shares[4] = {{0}};
        int64_t total = 0;
        for (size_t j = 0; j < 4; j++)
            total += shares[j].us = tables[i].us[j];
        share_percent(shares, 4, total);
        for (size_t j = 0; j < 4; j++)
            cr_expect_eq(shares[j].percent, tables[i].percent[j], "row %zu.%zu: %d", i, j,
                         shares[j].percent);
    }
}

Test(share_sum, keeps_the_largest_and_sums_up_the_rest)
{
    static const char names[][3] = {"s0", "s1", "s2", "s3", "s4", "s5"};
    struct share shares[6];
    size_t idle_count;
    for (int i = 0; i < 6; i++)
        shares[i] = (struct share){.kind = SHARE_SERVICE, .label = names[i], .us = 10 * i};
    cr_assert_eq(share_sum(shares, 6, 3, &idle_count), 4);
    cr_expect_eq(idle_count, 1);
    cr_expect_str_eq(shares[0].label, "s5");
    cr_expect_str_eq(shares[1].label, "s4");
    cr_expect_eq(shares[2].kind, SHARE_REST);
    cr_expect_eq(shares[2].us, 60);
    cr_expect_eq(shares[2].caller_count, 3);
    cr_expect_str_eq(shares[3].label, "s0");
}
