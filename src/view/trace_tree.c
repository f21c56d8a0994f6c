#include "view/trace_tree.h"

#include "base/compiler.h"
#include "view/clock_skew.h"
#include "view/server_programs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t trace_len(const struct view_span *spans, size_t count)
{
    size_t len = 1;
    while (len < count && memcmp(spans[len].trace_id, spans[0].trace_id, TRACE_ID_LEN) == 0)
        len++;
    return len;
}

static int span_id_compare(const void *key, const void *element)
{
    const struct trace_node *node = element;
    return memcmp(key, node->span->span_id, SPAN_ID_LEN);
}

static void nodes_fill(struct trace_tree *tree, const struct view_span *spans)
{
    for (size_t i = 0; i < tree->count; i++) {
        tree->nodes[i] = (struct trace_node){
            .span = &spans[i],
            .start_us = spans[i].start_us,
            .end_us = spans[i].start_us + spans[i].duration_us,
        };
        tree->order[i] = &tree->nodes[i];
        tree->error_count += spans[i].is_error;
    }
}

static void parents_find(struct trace_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        struct trace_node *node = &tree->nodes[i];
        if (!view_span_has_parent(node->span))
            continue;
        node->parent = bsearch(node->span->parent_span_id, tree->nodes, tree->count,
                               sizeof *tree->nodes, span_id_compare);
        node->is_parent_missing = !node->parent;
    }
}

/* Earlier first; of two that start together the longer one; then as in the file. */
static int start_compare(const void *left, const void *right)
{
    const struct trace_node *a = *(struct trace_node *const *)left;
    const struct trace_node *b = *(struct trace_node *const *)right;
    if (a->start_us != b->start_us)
        return a->start_us < b->start_us ? -1 : 1;
    if (a->end_us != b->end_us)
        return a->end_us > b->end_us ? -1 : 1;
    return (a->span->line > b->span->line) - (a->span->line < b->span->line);
}

/* @node is its own ancestor: the earliest of the circle becomes a root. */
static void cycle_cut(struct trace_tree *tree, struct trace_node *node)
{
    struct trace_node *first = node;
    for (struct trace_node *n = node->parent; n != node; n = n->parent) {
        tree->step_count++;
        if (start_compare(&n, &first) < 0)
            first = n;
    }
    first->parent = NULL;
    first->is_cycle_cut = true;
}

/* Walks up from each node until a root or a node walked before. If that was in this same walk, it
 * is a circle. Every node is walked once: the second pass up only marks what the first one saw. */
static void cycles_cut(struct trace_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        struct trace_node *node = &tree->nodes[i];
        size_t len = 0;
        while (node && !node->is_walked) {
            node->is_walked = true;
            node->depth = (uint32_t)i; /* which walk it was; the true depth comes later */
            node = node->parent;
            len++;
        }
        tree->step_count += len;
        if (len && node && node->depth == (uint32_t)i)
            cycle_cut(tree, node);
    }
}

/* From the latest to the earliest, each put in front: every list ends up sorted by start. */
static void children_link(struct trace_tree *tree)
{
    qsort(tree->order, tree->count, sizeof *tree->order, start_compare);
    for (size_t i = tree->count; i-- > 0;) {
        struct trace_node *node = tree->order[i];
        struct trace_node **list = node->parent ? &node->parent->first_child : &tree->first_root;
        node->next_sibling = *list;
        *list = node;
        tree->root_count += !node->parent;
    }
}

static struct trace_node *order_next(struct trace_tree *tree, struct trace_node *node)
{
    if (node->first_child)
        return node->first_child;
    while (node && !node->next_sibling) {
        node = node->parent;
        tree->step_count++;
    }
    return node ? node->next_sibling : NULL;
}

/* Parents come before their children here, so what a child inherits is known. */
static void node_inherit(struct trace_node *node)
{
    const struct trace_node *parent = node->parent;
    node->depth = parent ? parent->depth + 1 : 0;
    if (!parent)
        return;
    bool is_called =
        node->span->kind == VIEW_KIND_SERVER || parent->span->service != node->span->service;
    if (parent->span->is_program)
        is_called = false; /* who starts a program calls none of its services */
    node->caller = is_called ? parent->span->service : parent->caller;
    clock_skew_correct(node);
}

static void order_fill(struct trace_tree *tree)
{
    size_t i = 0;
    for (struct trace_node *node = tree->first_root; node; node = order_next(tree, node)) {
        node_inherit(node);
        tree->is_skewed = tree->is_skewed || node->skew_us != 0;
        tree->order[i++] = node;
        tree->step_count++;
    }
}

/* Spans that were moved can stand before or after others of their siblings now. */
static void siblings_reorder(struct trace_tree *tree)
{
    tree->first_root = NULL;
    tree->root_count = 0;
    for (size_t i = 0; i < tree->count; i++)
        tree->nodes[i].first_child = NULL;
    children_link(tree);
    size_t i = 0;
    for (struct trace_node *node = tree->first_root; node; node = order_next(tree, node))
        tree->order[i++] = node;
}

static void extent_find(struct trace_tree *tree)
{
    tree->start_us = tree->first_root->start_us;
    tree->end_us = tree->first_root->end_us;
    for (size_t i = 0; i < tree->count; i++) {
        tree->start_us = MIN(tree->start_us, tree->nodes[i].start_us);
        tree->end_us = MAX(tree->end_us, tree->nodes[i].end_us);
    }
}

/* Roots whose parent is elsewhere count only where there is none without a parent. */
static void total_find(struct trace_tree *tree)
{
    struct trace_node *first = NULL, *end = NULL;
    bool has_true_root = false;
    size_t total_root_count = 0;
    for (struct trace_node *root = tree->first_root; root; root = root->next_sibling)
        has_true_root = has_true_root || !root->is_parent_missing;
    for (struct trace_node *root = tree->first_root; root; root = root->next_sibling) {
        if (has_true_root && root->is_parent_missing)
            continue;
        root->is_total = true;
        total_root_count++;
        first = first ? first : root;
        end = end && end->end_us >= root->end_us ? end : root;
    }
    tree->main_root = total_root_count == 1 ? first : NULL;
    tree->total_start_us = first->start_us;
    tree->total_end_us = end->end_us;
}

static int service_compare(const void *left, const void *right)
{
    const char *a = *(const char *const *)left, *b = *(const char *const *)right;
    return (a > b) - (a < b);
}

/* One of each span that is no program's own: a program is what a service runs in. Where there are only programs, theirs. */
static size_t services_list(const struct trace_tree *tree, const char **services)
{
    size_t count = 0;
    for (size_t i = 0; i < tree->count; i++)
        if (!tree->nodes[i].span->is_program)
            services[count++] = tree->nodes[i].span->service;
    for (size_t i = 0; count == 0 && i < tree->count; i++)
        services[i] = tree->nodes[i].span->service;
    return count ? count : tree->count;
}

/* Interned strings: equal services are equal pointers. */
static int services_count(struct trace_tree *tree)
{
    const char **services = malloc(tree->count * sizeof *services);
    if (!services)
        return -ENOMEM;
    size_t count = services_list(tree, services);
    qsort(services, count, sizeof *services, service_compare);
    for (size_t i = 0; i < count; i++)
        tree->service_count += i == 0 || services[i] != services[i - 1];
    free(services);
    return 0;
}

int trace_tree_build(const struct view_span *spans, size_t count, struct trace_tree *tree)
{
    *tree = (struct trace_tree){
        .nodes = calloc(count, sizeof *tree->nodes),
        .order = calloc(count, sizeof *tree->order),
        .count = count,
    };
    if (!tree->nodes || !tree->order) {
        trace_tree_free(tree);
        return -ENOMEM;
    }
    nodes_fill(tree, spans);
    parents_find(tree);
    cycles_cut(tree);
    children_link(tree);
    order_fill(tree);
    if (tree->is_skewed)
        siblings_reorder(tree);
    extent_find(tree);
    total_find(tree);
    int result = services_count(tree);
    if (result == 0)
        result = server_programs_mark(tree);
    if (result < 0)
        trace_tree_free(tree);
    return result;
}

void trace_tree_free(struct trace_tree *tree)
{
    free(tree->nodes);
    free(tree->order);
    *tree = (struct trace_tree){0};
}

const struct trace_node *trace_tree_head(const struct trace_tree *tree)
{
    const struct trace_node *root = tree->first_root;
    while (!root->is_total)
        root = root->next_sibling;
    return root;
}
