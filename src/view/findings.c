#include "view/findings.h"

#include "base/compiler.h"
#include "base/text.h"
#include "view/analysis.h"
#include "view/retries.h"
#include "view/source_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct finder {
    const struct trace_tree *tree;
    const struct critical_path *path;
    struct operation_names *names;
    struct stats_table *findings;
    struct retry *retries;
};

/* Calls under one parent, each after the end of the one before. */
struct row {
    const struct trace_node *parent;
    const struct trace_node *calls[SEQUENTIAL_MAX]; /* the first ones */
    const struct trace_node *last;
    size_t count;
    int64_t sum_us, longest_us; /* of what the trace waited for them */
};

bool findings_are_safe(const struct trace_tree *tree)
{
    for (const struct trace_node *root = tree->first_root; root; root = root->next_sibling)
        if (root->is_parent_missing || root->is_cycle_cut)
            return false;
    return !tree->is_skewed;
}

static size_t index_of(const struct finder *finder, const struct trace_node *node)
{
    return (size_t)(node - finder->tree->nodes);
}

static const char *operation_of(const struct finder *finder, const struct trace_node *node)
{
    return operation_name(finder->names, node->span);
}

static int found(const struct finder *finder, const struct stats_key *key, size_t calls, int64_t us)
{
    struct stats *stats = stats_table_find(finder->findings, key);
    if (!stats)
        return -ENOMEM;
    stats->path_us += us;
    stats->calls_max = MAX(stats->calls_max, (uint64_t)calls);
    return stats_note(stats, us, false, finder->tree->nodes[0].span->trace_id);
}

static bool is_worth(const struct finder *finder, int64_t us)
{
    int64_t total_us = finder->tree->total_end_us - finder->tree->total_start_us;
    return us >= FINDING_MIN_US && us >= total_us / 100 * FINDING_PERCENT;
}

static void row_begin(const struct trace_node *parent, struct row *row)
{
    *row = (struct row){.parent = parent};
}

static void row_extend(const struct finder *finder, struct row *row, const struct trace_node *call)
{
    int64_t us = finder->path->waited_us[index_of(finder, call)];
    if (row->count < SEQUENTIAL_MAX)
        row->calls[row->count] = call;
    row->count++;
    row->last = call;
    row->sum_us += us;
    row->longest_us = MAX(row->longest_us, us);
}

/* ---- repeated ---- */

static bool is_repeated(const struct finder *finder, const struct trace_node *a, const struct trace_node *b)
{
    return a->end_us <= b->start_us && !a->span->is_error && a->span->service == b->span->service &&
           operation_of(finder, a) == operation_of(finder, b) && a->span->code_file == b->span->code_file &&
           a->span->code_line == b->span->code_line;
}

static int repeated_end(const struct finder *finder, const struct row *row)
{
    int64_t us = row->sum_us - row->longest_us;
    if (row->count < REPEATED_MIN || !is_worth(finder, us))
        return 0;
    const struct stats_key key = {
        .kind = FINDING_REPEATED,
        .service = row->last->span->service,
        .what = operation_of(finder, row->last),
        .other = operation_of(finder, row->parent),
        .place = source_line(&finder->names->strings, row->last->span),
    };
    return found(finder, &key, row->count, us);
}

/* ---- sequential ---- */

static bool is_safe_method(const struct trace_node *call)
{
    const char *name = call->span->name;
    size_t len = strcspn(name, " ");
    return (len == 3 && memcmp(name, "GET", 3) == 0) || (len == 4 && memcmp(name, "HEAD", 4) == 0);
}

static bool is_sequential(const struct finder *finder, const struct trace_node *a, const struct trace_node *b)
{
    return a->end_us <= b->start_us && is_safe_method(a) && is_safe_method(b) && !a->span->is_error &&
           !b->span->is_error && a->span->service == b->span->service &&
           operation_of(finder, a) != operation_of(finder, b);
}

static int sequential_end(const struct finder *finder, const struct row *row)
{
    char bytes[SEQUENTIAL_MAX * (4 * VIEW_STRING_LEN_MAX + 8)];
    struct text text = text_on(bytes, sizeof bytes);
    int64_t us = row->sum_us - row->longest_us;
    if (row->count < 2 || row->count > SEQUENTIAL_MAX || !is_worth(finder, us))
        return 0;
    for (size_t i = 0; i < row->count; i++) {
        text_append_string(&text, i == 0 ? "" : i + 1 == row->count ? " and " : ", ");
        text_append_string(&text, operation_of(finder, row->calls[i]));
    }
    const struct stats_key key = {
        .kind = FINDING_SEQUENTIAL,
        .service = row->last->span->service,
        .what = string_pool_intern(&finder->names->strings, text.bytes, text.len),
        .other = operation_of(finder, row->parent),
        .place = source_line(&finder->names->strings, row->calls[0]->span),
    };
    return found(finder, &key, row->count, us);
}

/* ---- both: rows among the calls under one parent ---- */

static const struct trace_node *call_from(const struct trace_node *node)
{
    while (node && node->span->kind != VIEW_KIND_CLIENT)
        node = node->next_sibling;
    return node;
}

static int rows_find(const struct finder *finder, const struct trace_node *parent,
                     bool (*goes_on)(const struct finder *, const struct trace_node *, const struct trace_node *),
                     int (*end)(const struct finder *, const struct row *))
{
    struct row row;
    int result = 0;
    row_begin(parent, &row);
    for (const struct trace_node *call = call_from(parent->first_child); call && result == 0;
         call = call_from(call->next_sibling)) {
        if (row.count && !goes_on(finder, row.last, call)) {
            result = end(finder, &row);
            row_begin(parent, &row);
        }
        row_extend(finder, &row, call);
    }
    return result == 0 && row.count ? end(finder, &row) : result;
}

/* ---- retried ---- */

static int retried_find(const struct finder *finder, const struct trace_node *first)
{
    struct retry retry = finder->retries[index_of(finder, first)];
    int64_t us = 0;
    if (retry.count == 0 || retry.number != 0)
        return 0;
    const struct trace_node *call = first;
    for (size_t i = 0; i <= retry.count; i++, call = call_from(call->next_sibling))
        us += call->span->is_error ? finder->path->waited_us[index_of(finder, call)] : 0;
    const struct stats_key key = {
        .kind = FINDING_RETRIED,
        .service = first->span->service,
        .what = operation_of(finder, first),
        .other = operation_of(finder, first->parent),
        .place = source_line(&finder->names->strings, first->span),
    };
    return found(finder, &key, retry.count, us);
}

/* ---- own, waited ---- */

static int own_find(const struct finder *finder, const struct trace_node *node)
{
    int64_t us = finder->path->self_us[index_of(finder, node)];
    int64_t total_us = finder->tree->total_end_us - finder->tree->total_start_us;
    bool is_call = node->span->kind == VIEW_KIND_CLIENT;
    if (node->span->is_program)
        return 0;
    if (us < OWN_MIN_US || us < total_us / 100 * OWN_PERCENT || (is_call && call_server(node)))
        return 0;
    const struct stats_key key = {
        .kind = is_call ? FINDING_WAITED : FINDING_OWN,
        .service = node->span->service,
        .what = operation_of(finder, node),
        .other = is_call ? operation_callee(finder->names, node->span) : NULL,
        .place = is_call ? source_line(&finder->names->strings, node->span) : NULL,
    };
    return found(finder, &key, 1, us);
}

static int node_look(const struct finder *finder, const struct trace_node *node)
{
    int result = rows_find(finder, node, is_repeated, repeated_end);
    if (result == 0)
        result = rows_find(finder, node, is_sequential, sequential_end);
    if (result == 0)
        result = retried_find(finder, node);
    return result < 0 ? result : own_find(finder, node);
}

int findings_find(const struct trace_tree *tree, const struct critical_path *path, struct operation_names *names,
                  struct stats_table *findings)
{
    struct finder finder = {.tree = tree, .path = path, .names = names, .findings = findings};
    int result = 0;
    finder.retries = malloc(tree->count * sizeof *finder.retries);
    if (!finder.retries)
        return -ENOMEM;
    retries_find(tree, finder.retries);
    for (size_t i = 0; i < tree->count && result == 0; i++)
        result = node_look(&finder, &tree->nodes[i]);
    free(finder.retries);
    return result;
}
