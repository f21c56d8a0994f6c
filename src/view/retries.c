#include "view/retries.h"

#include "base/compiler.h"

static bool is_same_line(const struct view_span *a, const struct view_span *b)
{
    return !a->code_file || !b->code_file || (a->code_file == b->code_file && a->code_line == b->code_line);
}

/* Strings are interned. */
static bool is_retry(const struct trace_node *before, const struct trace_node *node)
{
    const struct view_span *a = before->span, *b = node->span;
    return a->is_error && before->end_us <= node->start_us && a->service == b->service && a->name == b->name &&
           a->path == b->path && a->callee == b->callee && is_same_line(a, b);
}

static const struct trace_node *call_from(const struct trace_node *node)
{
    while (node && node->span->kind != VIEW_KIND_CLIENT)
        node = node->next_sibling;
    return node;
}

static void row_note(const struct trace_tree *tree, const struct trace_node *first, size_t count, struct retry *retries)
{
    if (count == 0 || count > RETRIES_MAX)
        return;
    for (size_t i = 0; i <= count; i++, first = call_from(first->next_sibling))
        retries[first - tree->nodes] = (struct retry){(uint16_t)i, (uint16_t)count};
}

static void calls_compare(const struct trace_tree *tree, const struct trace_node *parent, struct retry *retries)
{
    const struct trace_node *first = call_from(parent->first_child), *before = first;
    size_t count = 0;
    while (before) {
        const struct trace_node *node = call_from(before->next_sibling);
        if (node && is_retry(before, node)) {
            count++;
        } else {
            row_note(tree, first, count, retries);
            first = node;
            count = 0;
        }
        before = node;
    }
}

void retries_find(const struct trace_tree *tree, struct retry *retries)
{
    for (size_t i = 0; i < tree->count; i++)
        retries[i] = (struct retry){0, 0};
    for (size_t i = 0; i < tree->count; i++)
        calls_compare(tree, &tree->nodes[i], retries);
}
