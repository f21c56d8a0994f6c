#include "view/reproducible_order.h"

#include "base/compiler.h"
#include "view/string_pool.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Scatters what FNV leaves alike. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return x ^ x >> 33;
}

static int span_compare(const struct ordered_span *a, const struct ordered_span *b)
{
    int order = strcmp(a->step, b->step);
    if (order == 0)
        order = strcmp(a->stable->body, b->stable->body);
    if (order == 0)
        order = (a->digest > b->digest) - (a->digest < b->digest);
    if (order == 0)
        order = (int)view_span_has_parent(a->span) - (int)view_span_has_parent(b->span);
    return order ? order : (a->trace_digest > b->trace_digest) - (a->trace_digest < b->trace_digest);
}

/* Siblings next to each other, in their order; roots first. */
static int place_compare(const void *left, const void *right, void *context)
{
    const struct ordered_span *spans = context, *a = &spans[*(const uint32_t *)left],
                              *b = &spans[*(const uint32_t *)right];
    uint32_t above_a = a->parent + 1, above_b = b->parent + 1; /* none: 0 */
    return above_a != above_b ? (above_a < above_b ? -1 : 1) : span_compare(a, b);
}

/* Adds those below, in whatever order: children before their parents. @pending: how many children each still waits for.
 */
static void digests_make(struct ordered_span *spans, size_t count, uint32_t *pending, uint32_t *ready)
{
    size_t ready_count = 0;
    memset(pending, 0, count * sizeof *pending);
    for (size_t i = 0; i < count; i++)
        if (spans[i].parent != ORDER_NO_SPAN)
            pending[spans[i].parent]++;
    for (size_t i = 0; i < count; i++) {
        spans[i].digest = string_hash(spans[i].stable->body, strlen(spans[i].stable->body));
        if (pending[i] == 0)
            ready[ready_count++] = (uint32_t)i;
    }
    while (ready_count) {
        struct ordered_span *span = &spans[ready[--ready_count]];
        if (span->parent == ORDER_NO_SPAN)
            continue;
        spans[span->parent].digest += mix(span->digest);
        if (--pending[span->parent] == 0)
            ready[ready_count++] = span->parent;
    }
}

/* @sums: room for one of each trace. */
static void trace_digests_make(struct ordered_span *spans, size_t count, uint32_t trace_count, uint64_t *sums)
{
    memset(sums, 0, trace_count * sizeof *sums);
    for (size_t i = 0; i < count; i++)
        if (spans[i].parent == ORDER_NO_SPAN)
            sums[spans[i].trace] += mix(spans[i].digest);
    for (size_t i = 0; i < count; i++)
        spans[i].trace_digest = spans[i].parent == ORDER_NO_SPAN ? sums[spans[i].trace] : 0;
}

/* Never all zero. */
static void id_put(uint8_t *id, uint64_t hash)
{
    hash = htobe64(mix(hash) | 1);
    memcpy(id, &hash, sizeof hash);
}

static uint64_t id_hash(const uint8_t *id, size_t len, const char *step, uint64_t number)
{
    return string_hash((const char *)id, len) * 31 + string_hash(step, strlen(step)) + mix(number + 1);
}

/* @number: among its siblings that did the same. */
static void span_id_make(struct ordered_span *span, const struct ordered_span *parent, uint64_t number)
{
    if (parent) {
        memcpy(span->trace_id, parent->trace_id, TRACE_ID_LEN);
        memcpy(span->parent_span_id, parent->span_id, SPAN_ID_LEN);
        id_put(span->span_id, id_hash(parent->span_id, SPAN_ID_LEN, span->step, number));
        return;
    }
    id_put(span->span_id, id_hash(span->trace_id, TRACE_ID_LEN, span->step, number));
}

static void trace_id_make(uint8_t *trace_id, const char *step, uint64_t number)
{
    id_put(trace_id, id_hash(NULL, 0, step, number));
    id_put(trace_id + sizeof(uint64_t), id_hash(trace_id, sizeof(uint64_t), step, number));
}

/* What the ways through the spans share: @places sorted, and where each span's children begin in it. */
struct ordering {
    struct ordered_span *spans;
    size_t count;
    uint32_t *places;
    uint32_t *begins; /* by parent + 1 */
    uint32_t *order;
    size_t order_count;
    uint32_t *stack;
};

static void begins_make(struct ordering *ordering)
{
    size_t at = 0;
    for (size_t above = 0; above <= ordering->count; above++) {
        while (at < ordering->count && (size_t)(uint32_t)(ordering->spans[ordering->places[at]].parent + 1) < above)
            at++;
        ordering->begins[above] = (uint32_t)at;
    }
    ordering->begins[ordering->count + 1] = (uint32_t)ordering->count;
}

/* A root and all below it, each before its children. */
static void tree_emit(struct ordering *ordering, uint32_t root)
{
    size_t depth = 0;
    ordering->stack[depth++] = root;
    while (depth) {
        uint32_t parent = ordering->stack[--depth];
        uint32_t begin = ordering->begins[parent + 1], end = ordering->begins[parent + 2];
        uint64_t number = 0;
        ordering->order[ordering->order_count++] = parent;
        for (uint32_t i = begin; i < end; i++) {
            struct ordered_span *span = &ordering->spans[ordering->places[i]];
            bool is_alike = i > begin && span->step == ordering->spans[ordering->places[i - 1]].step;
            number = is_alike ? number + 1 : 0;
            span_id_make(span, &ordering->spans[parent], number);
        }
        for (uint32_t i = end; i > begin; i--)
            ordering->stack[depth++] = ordering->places[i - 1];
    }
}

/* The roots of a trace that come behind its first one, @from: linked by @next. */
static void trace_emit(struct ordering *ordering, uint32_t from, const uint32_t *next)
{
    uint64_t number = 0;
    const struct ordered_span *before = NULL;
    const uint8_t *trace_id = ordering->spans[from].trace_id;
    for (uint32_t root = from; root != ORDER_NO_SPAN; root = next[root]) {
        struct ordered_span *span = &ordering->spans[root];
        number = before && before->step == span->step ? number + 1 : 0;
        before = span;
        if (root != from)
            memcpy(span->trace_id, trace_id, TRACE_ID_LEN);
        span_id_make(span, NULL, number);
        tree_emit(ordering, root);
    }
}

/* Traces by their first roots. @first, @last: of each trace; @next: of each root. */
static void traces_emit(struct ordering *ordering, uint32_t trace_count, uint32_t *first, uint32_t *last,
                        uint32_t *next)
{
    memset(first, 0xff, trace_count * sizeof *first);
    memset(next, 0xff, ordering->count * sizeof *next);
    for (uint32_t i = 0; i < ordering->begins[1]; i++) {
        uint32_t root = ordering->places[i], trace = ordering->spans[root].trace;
        if (first[trace] == ORDER_NO_SPAN)
            first[trace] = root;
        else
            next[last[trace]] = root;
        last[trace] = root;
    }
    const char *step = NULL;
    uint64_t number = 0;
    for (uint32_t i = 0; i < ordering->begins[1]; i++) {
        struct ordered_span *root = &ordering->spans[ordering->places[i]];
        if (first[root->trace] != ordering->places[i])
            continue;
        number = root->step == step ? number + 1 : 0;
        step = root->step;
        trace_id_make(root->trace_id, step, number);
        trace_emit(ordering, ordering->places[i], next);
    }
}

struct orphans {
    const struct ordered_span *spans;
    const uint32_t *positions; /* in the new order */
};

/* By the parent that is not in the file. */
static int orphan_parent_compare(const struct ordered_span *a, const struct ordered_span *b)
{
    int order = (a->trace > b->trace) - (a->trace < b->trace);
    return order ? order : memcmp(a->span->parent_span_id, b->span->parent_span_id, SPAN_ID_LEN);
}

static int orphan_compare(const void *left, const void *right, void *context)
{
    const struct orphans *orphans = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    int order = orphan_parent_compare(&orphans->spans[a], &orphans->spans[b]);
    return order ? order
                 : (orphans->positions[a] > orphans->positions[b]) - (orphans->positions[a] < orphans->positions[b]);
}

/* A parent that is not in the file is named after the first of its children: those of one parent stay that. */
static void missing_parents_name(struct ordering *ordering, uint32_t *positions)
{
    struct orphans orphans = {.spans = ordering->spans, .positions = positions};
    uint32_t *places = ordering->places;
    size_t count = 0;
    for (size_t i = 0; i < ordering->count; i++) {
        const struct ordered_span *span = &ordering->spans[ordering->order[i]];
        positions[ordering->order[i]] = (uint32_t)i;
        if (span->parent == ORDER_NO_SPAN && view_span_has_parent(span->span))
            places[count++] = ordering->order[i];
    }
    qsort_r(places, count, sizeof *places, orphan_compare, &orphans);
    for (size_t i = 0; i < count; i++) {
        struct ordered_span *span = &ordering->spans[places[i]], *before = i ? &ordering->spans[places[i - 1]] : NULL;
        if (before && orphan_parent_compare(before, span) == 0)
            memcpy(span->parent_span_id, before->parent_span_id, SPAN_ID_LEN);
        else
            id_put(span->parent_span_id, id_hash(span->span_id, SPAN_ID_LEN, "parent", 0));
    }
}

int reproducible_order(struct ordered_span *spans, size_t count, uint32_t trace_count, uint32_t *order)
{
    size_t room = (MAX(count, (size_t)trace_count) + 3) & ~(size_t)1; /* even: two are as long as one of 64 bits */
    uint32_t *rooms = calloc(room, 6 * sizeof *rooms);
    if (!rooms)
        return -ENOMEM;
    struct ordering ordering = {.spans = spans,
                                .count = count,
                                .places = rooms,
                                .begins = rooms + room,
                                .order = order,
                                .stack = rooms + 2 * room};
    digests_make(spans, count, rooms + 3 * room, rooms + 4 * room);
    trace_digests_make(spans, count, trace_count, (uint64_t *)(void *)(rooms + 4 * room));
    for (size_t i = 0; i < count; i++)
        ordering.places[i] = (uint32_t)i;
    qsort_r(ordering.places, count, sizeof *ordering.places, place_compare, spans);
    begins_make(&ordering);
    traces_emit(&ordering, trace_count, rooms + 3 * room, rooms + 4 * room, rooms + 5 * room);
    missing_parents_name(&ordering, rooms + 3 * room);
    free(rooms);
    return 0;
}
