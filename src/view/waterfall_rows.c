#include "view/waterfall_rows.h"

#include "base/compiler.h"
#include "view/sibling_groups.h"
#include "view/span_gaps.h"

#include <errno.h>
#include <stdlib.h>

/* Of a node, and of what is above the roots. */
struct place {
    int64_t gap_before_us; /* the time before it, where that is worth a line; else 0 */
    int64_t gap_behind_us; /* the time behind its last child, likewise */
    size_t first_fold;     /* what of its children is folded */
    size_t fold_count;
    bool is_open;
};

struct maker {
    struct trace_tree *tree;
    struct operation_names *names;
    struct waterfall_rows *rows;
    struct retry *retries; /* these two: as the tree's nodes */
    struct place *places;
    struct waterfall_row *folds;
    size_t fold_count;
    struct sibling_groups groups;
};

static struct waterfall_row *row_append(struct waterfall_row **rows, size_t *count, const struct waterfall_row *row)
{
    /* Grown at each power of two. */
    if ((*count & (*count - 1)) == 0) {
        struct waterfall_row *grown = reallocarray(*rows, *count ? *count * 2 : 1, sizeof *grown);
        if (!grown)
            return NULL;
        *rows = grown;
    }
    (*rows)[*count] = *row;
    return &(*rows)[(*count)++];
}

static int row_add(struct maker *maker, const struct waterfall_row *row)
{
    return row_append(&maker->rows->rows, &maker->rows->count, row) ? 0 : -ENOMEM;
}

static struct place *place_of(const struct maker *maker, const struct trace_node *node)
{
    return &maker->places[node ? (size_t)(node - maker->tree->nodes) : maker->tree->count];
}

/* Of the first ones, and of the first that failed, there is a line. */
static bool is_line_due(struct sibling_group *group, const struct trace_node *node)
{
    if (group->count <= FOLD_MIN || group->shown_count++ < FOLD_SHOWN)
        return true;
    return node->span->is_error && group->failed_shown_count++ < FOLD_SHOWN;
}

static int fold_add(struct maker *maker, struct sibling_group *group, struct trace_node *node)
{
    if (!group->has_fold) {
        const struct waterfall_row row = {.kind = ROW_FOLD, .node = node};
        if (!row_append(&maker->folds, &maker->fold_count, &row))
            return -ENOMEM;
        group->has_fold = true;
        group->fold = maker->fold_count - 1;
    }
    struct waterfall_row *fold = &maker->folds[group->fold];
    fold->folded_count++;
    fold->error_count += node->span->is_error;
    fold->sum_us += node->span->duration_us;
    fold->longest_us = MAX(fold->longest_us, node->span->duration_us);
    node->is_folded = true;
    return 0;
}

static int siblings_fold(struct maker *maker, struct trace_node *first, struct place *place)
{
    int result = 0;
    place->first_fold = maker->fold_count;
    sibling_groups_count(first, maker->names, &maker->groups);
    for (struct trace_node *node = first; node && result == 0; node = node->next_sibling) {
        struct sibling_group *group = sibling_group_of(&maker->groups, maker->names, node);
        if (group && !is_line_due(group, node))
            result = fold_add(maker, group, node);
    }
    place->fold_count = maker->fold_count - place->first_fold;
    return result;
}

static void gaps_note(struct maker *maker, const struct trace_node *node, struct place *place)
{
    struct span_gaps gaps = span_gaps_of(node);
    struct span_gap gap;
    int64_t least_us = MAX((maker->tree->end_us - maker->tree->start_us) / GAP_PART, (int64_t)GAP_MIN_US);
    /* Programs are there for what they do, not for what lies between. */
    while (node->first_child && !node->span->is_program && span_gaps_next(&gaps, &gap)) {
        if (gap.end_us - gap.start_us < least_us)
            continue;
        if (gap.next)
            place_of(maker, gap.next)->gap_before_us = gap.end_us - gap.start_us;
        else
            place->gap_behind_us = gap.end_us - gap.start_us;
    }
}

/* Looks at what is below @node, NULL: at the roots. */
static int place_open(struct maker *maker, struct trace_node *node)
{
    struct place *place = place_of(maker, node);
    place->is_open = true;
    if (node)
        gaps_note(maker, node, place);
    int result = siblings_fold(maker, node ? node->first_child : maker->tree->first_root, place);
    if (node)
        node->has_tail = place->fold_count > 0 || place->gap_behind_us > 0;
    return result;
}

static int gap_add(struct maker *maker, const struct trace_node *node, int64_t end_us, int64_t us, bool is_last)
{
    const struct waterfall_row row = {
        .kind = ROW_GAP, .node = node, .start_us = end_us - us, .end_us = end_us, .is_last = is_last};
    return us > 0 ? row_add(maker, &row) : 0;
}

/* The lines below the last child. */
static int place_close(struct maker *maker, const struct trace_node *node)
{
    struct place *place = place_of(maker, node);
    int result = 0;
    if (!place->is_open)
        return 0;
    if (node)
        result = gap_add(maker, node, node->end_us, place->gap_behind_us, place->fold_count == 0);
    for (size_t i = 0; i < place->fold_count && result == 0; i++) {
        struct waterfall_row row = maker->folds[place->first_fold + i];
        row.is_last = i + 1 == place->fold_count;
        result = row_add(maker, &row);
    }
    return result;
}

static int span_add(struct maker *maker, struct trace_node *node)
{
    const struct trace_node *parent = node->parent;
    const struct waterfall_row row = {
        .kind = ROW_SPAN,
        .node = node,
        .retry = maker->retries[node - maker->tree->nodes],
        .is_last = !node->next_sibling && !(parent && parent->has_tail),
    };
    int result = 0;
    if (parent)
        result =
            gap_add(maker, parent, MIN(node->start_us, parent->end_us), place_of(maker, node)->gap_before_us, false);
    if (result == 0)
        result = row_add(maker, &row);
    maker->rows->span_count++;
    return result < 0 ? result : place_open(maker, node);
}

/* Behind @i in the tree's order, and behind what is below it. */
static size_t subtree_end(const struct trace_tree *tree, size_t i)
{
    uint32_t depth = tree->order[i++]->depth;
    while (i < tree->count && tree->order[i]->depth > depth)
        i++;
    return i;
}

static int rows_fill(struct maker *maker)
{
    struct trace_tree *tree = maker->tree;
    int result = place_open(maker, NULL);
    for (size_t i = 0, next; i < tree->count && result == 0; i = next) {
        struct trace_node *node = tree->order[i];
        next = node->is_folded ? subtree_end(tree, i) : i + 1;
        if (!node->is_folded && maker->rows->span_count == WATERFALL_SPANS_MAX)
            maker->rows->left_out_count++;
        else if (!node->is_folded)
            result = span_add(maker, node);
        uint32_t depth = next < tree->count ? tree->order[next]->depth : 0;
        for (; node && node->depth >= depth && result == 0; node = node->parent)
            result = place_close(maker, node);
    }
    return result < 0 ? result : place_close(maker, NULL);
}

int waterfall_rows_make(struct trace_tree *tree, struct operation_names *names, struct waterfall_rows *rows)
{
    *rows = (struct waterfall_rows){0};
    struct maker maker = {
        .tree = tree,
        .names = names,
        .rows = rows,
        .retries = malloc(tree->count * sizeof *maker.retries),
        .places = calloc(tree->count + 1, sizeof *maker.places),
    };
    int result = maker.retries && maker.places ? 0 : -ENOMEM;
    if (result == 0) {
        retries_find(tree, maker.retries);
        result = rows_fill(&maker);
    }
    free(maker.retries);
    free(maker.places);
    free(maker.folds);
    if (result < 0)
        waterfall_rows_free(rows);
    return result;
}

void waterfall_rows_free(struct waterfall_rows *rows)
{
    free(rows->rows);
    *rows = (struct waterfall_rows){0};
}
