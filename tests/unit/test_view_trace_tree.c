/* Assembly of traces: parents, order, circles, duplicates, clocks that differ. */
#include "base/compiler.h"
#include "view/trace_list.h"
#include "view/trace_tree.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { I = VIEW_KIND_INTERNAL, S = VIEW_KIND_SERVER, C = VIEW_KIND_CLIENT };

/* A span in few words. id 0 ends a table; parent 0: none. */
struct row {
    unsigned id, parent;
    int kind;
    const char *service;
    int64_t start, duration;
    bool is_error;
};

static void id_set(uint8_t *out, size_t len, unsigned id)
{
    for (size_t i = 0; i < 4; i++)
        out[len - 1 - i] = (uint8_t)(id >> 8 * i);
}

static struct view_span span_of(const struct row *row, unsigned trace, uint64_t line)
{
    struct view_span span = {.start_us = row->start,
                             .duration_us = row->duration,
                             .service = row->service,
                             .name = "GET",
                             .line = line,
                             .kind = (uint8_t)row->kind,
                             .is_error = row->is_error};
    id_set(span.trace_id, TRACE_ID_LEN, trace);
    id_set(span.span_id, SPAN_ID_LEN, row->id);
    id_set(span.parent_span_id, SPAN_ID_LEN, row->parent);
    return span;
}

static unsigned id_of(const struct trace_node *node)
{
    return (unsigned)node->span->span_id[6] << 8 | node->span->span_id[7];
}

static size_t rows_build(const struct row *rows, struct view_span *spans, struct trace_tree *tree)
{
    size_t count = 0;
    for (; rows[count].id; count++)
        spans[count] = span_of(&rows[count], 1, count + 1);
    count = view_spans_sort(spans, count);
    cr_assert_eq(trace_tree_build(spans, count, tree), 0);
    return count;
}

/* "1 .2 ..3": ids in the order shown, a dot for each level; * a root cut from a circle, ? one whose
 * parent is missing. */
static void shape_text(const struct trace_tree *tree, char *out)
{
    *out = '\0';
    for (size_t i = 0; i < tree->count; i++) {
        const struct trace_node *node = tree->order[i];
        out += sprintf(out, "%s%.*s%u%s", i ? " " : "", (int)node->depth, "........", id_of(node),
                       node->is_cycle_cut ? "*" : node->is_parent_missing ? "?" : "");
    }
}

Test(trace_tree, has_the_shape_that_the_parents_give)
{
    static const struct {
        const char *name;
        struct row rows[8];
        const char *shape;
    } tables[] = {
        {"one span", {{1, 0, S, "a", 0, 9, 0}}, "1"},
        {"a chain, leaves first in the file",
         {{3, 2, S, "b", 2, 5, 0}, {2, 1, C, "a", 1, 7, 0}, {1, 0, S, "a", 0, 9, 0}},
         "1 .2 ..3"},
        {"siblings by start",
         {{1, 0, S, "a", 0, 9, 0}, {4, 1, C, "a", 6, 1, 0}, {2, 1, C, "a", 4, 1, 0},
          {3, 1, C, "a", 2, 1, 0}, {5, 3, S, "b", 2, 1, 0}},
         "1 .3 ..5 .2 .4"},
        {"started together: the longer one first",
         {{1, 0, S, "a", 0, 9, 0}, {2, 1, C, "a", 4, 1, 0}, {3, 1, C, "a", 4, 2, 0}},
         "1 .3 .2"},
        {"parent missing", {{2, 1, S, "a", 0, 9, 0}, {3, 2, C, "a", 1, 1, 0}}, "2? .3"},
        {"two roots, one orphan",
         {{1, 0, S, "a", 5, 9, 0}, {2, 0, S, "a", 1, 9, 0}, {3, 77, S, "a", 3, 9, 0}},
         "2 3? 1"},
        {"the same id again: the first counts",
         {{1, 0, S, "a", 0, 9, 0}, {2, 1, C, "a", 1, 1, 0}, {2, 0, C, "z", 1, 1, 0},
          {1, 2, S, "z", 0, 9, 0}},
         "1 .2"},
        {"its own parent", {{1, 1, S, "a", 0, 9, 0}, {2, 1, C, "a", 1, 1, 0}}, "1* .2"},
        {"a circle of three: the earliest is cut, the tail stays below",
         {{1, 2, S, "a", 5, 9, 0}, {2, 3, C, "a", 1, 1, 0}, {3, 1, C, "a", 2, 1, 0},
          {4, 3, C, "a", 2, 1, 0}},
         "2* .1 ..3 ...4"},
        {"two circles and a true root",
         {{1, 2, S, "a", 5, 9, 0}, {2, 1, C, "a", 1, 1, 0}, {3, 4, C, "a", 2, 1, 0},
          {4, 3, C, "a", 3, 1, 0}, {5, 0, S, "a", 0, 9, 0}},
         "5 2* .1 3* .4"},
    };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct view_span spans[8];
        struct trace_tree tree;
        char shape[128];
        rows_build(tables[i].rows, spans, &tree);
        shape_text(&tree, shape);
        cr_expect_str_eq(shape, tables[i].shape, "%s: got '%s'", tables[i].name, shape);
        trace_tree_free(&tree);
    }
}

Test(trace_tree, total_is_the_root_and_nothing_after_it)
{
    static const struct {
        const char *name;
        struct row rows[8];
        int64_t start, end, total_start, total_end;
        bool has_main_root;
    } tables[] = {
        {"an asynchronous child ends later",
         {{1, 0, S, "a", 100, 50, 0}, {2, 1, C, "a", 140, 100, 0}}, 100, 240, 100, 150, true},
        {"an orphan beside a root does not count",
         {{1, 0, S, "a", 100, 50, 0}, {2, 9, C, "a", 40, 500, 0}}, 40, 540, 100, 150, true},
        {"several roots", {{1, 0, S, "a", 100, 50, 0}, {2, 0, S, "a", 300, 10, 0}}, 100, 310, 100,
         310, false},
        {"one root within another",
         {{1, 0, S, "a", 100, 50, 0}, {2, 0, S, "a", 110, 10, 0}}, 100, 150, 100, 150, false},
        {"orphans only", {{1, 9, S, "a", 100, 50, 0}, {2, 8, S, "a", 300, 10, 0}}, 100, 310, 100,
         310, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct view_span spans[8];
        struct trace_tree tree;
        rows_build(tables[i].rows, spans, &tree);
        cr_expect_eq(tree.start_us, tables[i].start, "%s", tables[i].name);
        cr_expect_eq(tree.end_us, tables[i].end, "%s", tables[i].name);
        cr_expect_eq(tree.total_start_us, tables[i].total_start, "%s", tables[i].name);
        cr_expect_eq(tree.total_end_us, tables[i].total_end, "%s", tables[i].name);
        cr_expect_eq(tree.main_root != NULL, tables[i].has_main_root, "%s", tables[i].name);
        trace_tree_free(&tree);
    }
}

Test(trace_tree, moves_spans_of_another_clock_into_their_call)
{
    static const struct {
        const char *name;
        struct row rows[8];
        int64_t start_of_2, start_of_3;
    } tables[] = {
        {"within: left alone",
         {{1, 0, C, "a", 100000, 50000, 0}, {2, 1, S, "b", 110000, 20000, 0},
          {3, 2, I, "b", 111000, 10, 0}}, 110000, 111000},
        {"early by less than a rounding: left alone",
         {{1, 0, C, "a", 100000, 50000, 0}, {2, 1, S, "b", 99500, 20000, 0},
          {3, 2, I, "b", 99600, 10, 0}}, 99500, 99600},
        {"early: centred, and what is below it with it",
         {{1, 0, C, "a", 100000, 50000, 0}, {2, 1, S, "b", 10000, 20000, 0},
          {3, 2, I, "b", 12000, 10, 0}}, 115000, 117000},
        {"late: centred",
         {{1, 0, C, "a", 100000, 50000, 0}, {2, 1, S, "b", 900000, 20000, 0},
          {3, 2, I, "b", 912000, 10, 0}}, 115000, 127000},
        {"too long to fit: begins with its call",
         {{1, 0, C, "a", 100000, 50000, 0}, {2, 1, S, "b", 10000, 80000, 0},
          {3, 2, I, "b", 12000, 10, 0}}, 100000, 102000},
        {"late because the client had given up: left alone",
         {{1, 0, C, "a", 100000, 50000, 1}, {2, 1, S, "b", 900000, 20000, 0},
          {3, 2, I, "b", 912000, 10, 0}}, 900000, 912000},
        {"no call: left alone",
         {{1, 0, S, "a", 100000, 50000, 0}, {2, 1, S, "b", 10000, 20000, 0},
          {3, 2, I, "b", 12000, 10, 0}}, 10000, 12000},
    };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct view_span spans[8];
        struct trace_tree tree;
        rows_build(tables[i].rows, spans, &tree);
        cr_expect_eq(tree.nodes[1].start_us, tables[i].start_of_2, "%s: %lld", tables[i].name,
                     (long long)tree.nodes[1].start_us);
        cr_expect_eq(tree.nodes[2].start_us, tables[i].start_of_3, "%s: %lld", tables[i].name,
                     (long long)tree.nodes[2].start_us);
        trace_tree_free(&tree);
    }
}

Test(trace_tree, knows_who_called)
{
    static const struct row rows[] = {
        {1, 0, S, "a", 0, 90, 0}, {2, 1, I, "a", 1, 80, 0}, {3, 2, C, "a", 2, 70, 0},
        {4, 3, S, "b", 3, 60, 0}, {5, 4, I, "b", 4, 50, 0}, {6, 5, C, "b", 5, 40, 0},
        {7, 6, S, "b", 6, 30, 0}, {0},
    };
    static const char *const callers[] = {NULL, NULL, NULL, "a", "a", "a", "b"};
    struct view_span spans[8];
    struct trace_tree tree;
    rows_build(rows, spans, &tree);
    for (size_t i = 0; i < tree.count; i++) {
        const char *caller = tree.nodes[i].caller;
        cr_expect(caller == callers[i] || (caller && callers[i] && !strcmp(caller, callers[i])),
                  "span %zu: %s", i + 1, caller ? caller : "none");
    }
    cr_expect_eq(tree.service_count, 2);
    trace_tree_free(&tree);
}

/* 200,000 spans in each of the shapes that invite quadratic time. Operations are counted, not time. */
Test(trace_tree, follows_few_links_however_many_spans, .timeout = 120)
{
    enum { SPANS = 200000 };
    struct view_span *spans = calloc(SPANS, sizeof *spans);
    static const char *const shapes[] = {"chain", "flat", "circle", "forest", "tails on a circle"};
    for (size_t shape = 0; shape < ARRAY_LEN(shapes); shape++) {
        for (unsigned i = 0; i < SPANS; i++) {
            unsigned parents[] = {i, i ? 1 : 0, i ? i : SPANS, 0, i < 9 ? (i + 8) % 9 + 1 : i % 9 + 1};
            struct row row = {i + 1, parents[shape], i % 2 ? C : S, "a", i, 10, 0};
            spans[i] = span_of(&row, 1, i);
        }
        struct trace_tree tree;
        cr_assert_eq(view_spans_sort(spans, SPANS), SPANS);
        cr_assert_eq(trace_tree_build(spans, SPANS, &tree), 0);
        cr_expect_lt(tree.step_count, 5u * SPANS, "%s: %zu", shapes[shape], tree.step_count);
        trace_tree_free(&tree);
    }
    free(spans);
}

Test(trace_list, finds_and_picks_the_traces_worth_seeing)
{
    static const struct {
        const char *name;
        unsigned count, failed_every;
        size_t max;
        bool is_filled;
        size_t shown;
    } tables[] = {
        {"few: all", 10, 0, 10, false, 10},
        {"many without errors: the slowest three", 100, 0, 10, false, 3},
        {"many with some errors", 100, 30, 10, false, 7},
        {"many with many errors", 100, 2, 10, false, 10},
        {"asked for more", 100, 0, 20, true, 20},
        {"asked for one", 100, 2, 1, true, 1},
        {"asked for more than there are", 5, 0, 50, true, 5},
    };
    struct view_span spans[100];
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct trace_list list;
        unsigned every = tables[i].failed_every;
        for (unsigned t = 0; t < tables[i].count; t++) {
            /* The slowest are the last three; the failing ones are others. */
            struct row row = {1, 0, S, "a", 1000 - t, 10 + t, every && t % every == 1};
            spans[t] = span_of(&row, t + 1, t);
        }
        cr_assert_eq(trace_list_make(spans, tables[i].count, &list), 0);
        cr_assert_eq(trace_list_select(&list, tables[i].max, tables[i].is_filled), 0);
        cr_expect_eq(list.count, tables[i].count, "%s", tables[i].name);
        cr_expect_eq(list.shown_count, tables[i].shown, "%s: %zu", tables[i].name, list.shown_count);
        cr_expect(list.entries[0].is_shown, "%s: the slowest is not shown", tables[i].name);
        for (size_t t = 1; t < list.count; t++)
            cr_assert_leq(list.entries[t - 1].start_us, list.entries[t].start_us);
        trace_list_free(&list);
    }
}
