#include "view/profile.h"

#include "base/compiler.h"
#include "view/critical_path.h"
#include "view/findings.h"
#include "view/source_line.h"

#include <errno.h>

static int note(struct stats_table *table, const struct stats_key *key, const struct view_span *span, int64_t path_us)
{
    struct stats *stats = stats_table_find(table, key);
    if (!stats)
        return -ENOMEM;
    stats->path_us += path_us;
    return stats_note(stats, span->duration_us, span->is_error, span->trace_id);
}

static int operation_note(struct profile *profile, const struct trace_node *node, int64_t self_us)
{
    const struct view_span *span = node->span;
    if (span->is_program) {
        profile->programs_us += self_us;
        return 0;
    }
    const struct stats_key key = {
        .service = span->service,
        .what = operation_name(&profile->names, span),
        .other = profile->by_caller ? node->caller : NULL,
        .kind = span->kind,
    };
    return note(&profile->operations, &key, span, self_us);
}

static bool is_caller(const struct view_span *span)
{
    return span->kind == VIEW_KIND_CLIENT || span->kind == VIEW_KIND_PRODUCER;
}

static bool is_callee(const struct view_span *span)
{
    return span->kind == VIEW_KIND_SERVER || span->kind == VIEW_KIND_CONSUMER;
}

static const struct trace_node *callee_of(const struct trace_node *node)
{
    const struct trace_node *child = node->first_child;
    while (child && !is_callee(child->span))
        child = child->next_sibling;
    return child;
}

/* A call is timed by who makes it; where that left no span, by who serves it. */
static int call_note(struct profile *profile, const struct trace_node *node, int64_t waited_us)
{
    const struct view_span *span = node->span;
    const struct trace_node *parent = node->parent;
    struct stats_key key = {.service = span->service};
    if (is_caller(span)) {
        const struct trace_node *callee = callee_of(node);
        key.what = callee ? callee->span->service : operation_callee(&profile->names, span);
        key.kind = callee ? CALLEE_SERVICE : CALLEE_ADDRESS;
    } else if (is_callee(span) && parent && !is_caller(parent->span) && !parent->span->is_program &&
               parent->span->service != span->service) {
        key.service = parent->span->service;
        key.what = span->service;
    } else {
        return 0;
    }
    return note(&profile->calls, &key, span, waited_us);
}

static int site_note(struct profile *profile, const struct trace_node *node, int64_t waited_us)
{
    const struct view_span *span = node->span;
    if (!is_caller(span) || !span->code_file)
        return 0;
    const struct stats_key key = {
        .service = span->service,
        .what = operation_name(&profile->names, span),
        .place = source_line(&profile->names.strings, span),
    };
    return note(&profile->sites, &key, span, waited_us);
}

static int nodes_note(struct profile *profile, const struct trace_tree *tree, const struct critical_path *path)
{
    int result = 0;
    for (size_t i = 0; i < tree->count && result == 0; i++) {
        result = operation_note(profile, &tree->nodes[i], path->self_us[i]);
        if (result == 0)
            result = call_note(profile, &tree->nodes[i], path->waited_us[i]);
        if (result == 0)
            result = site_note(profile, &tree->nodes[i], path->waited_us[i]);
    }
    return result;
}

static void counts_note(struct profile *profile, const struct trace_tree *tree, const struct critical_path *path)
{
    profile->start_us = profile->trace_count ? MIN(profile->start_us, tree->start_us) : tree->start_us;
    profile->end_us = MAX(profile->end_us, tree->end_us);
    profile->trace_count++;
    profile->span_count += tree->count;
    profile->error_count += tree->error_count;
    profile->failed_count += tree->error_count > 0;
    profile->total_us += tree->total_end_us - tree->total_start_us;
    profile->outside_us += path->outside_us;
}

int profile_add(struct profile *profile, const struct view_span *spans, size_t count)
{
    struct trace_tree tree;
    struct critical_path path;
    int result = trace_tree_build(spans, count, &tree);
    if (result < 0)
        return result;
    result = critical_path_find(&tree, &path);
    if (result == 0) {
        counts_note(profile, &tree, &path);
        result = nodes_note(profile, &tree, &path);
        if (result == 0 && findings_are_safe(&tree))
            result = findings_find(&tree, &path, &profile->names, &profile->findings);
        else
            profile->unjudged_count++;
        critical_path_free(&path);
    }
    trace_tree_free(&tree);
    return result == 0 && profile->names.strings.is_out_of_memory ? -ENOMEM : result;
}

void profile_sort(struct profile *profile)
{
    stats_table_sort(&profile->operations);
    stats_table_sort(&profile->calls);
    stats_table_sort(&profile->sites);
    stats_table_sort(&profile->findings);
}

void profile_free(struct profile *profile)
{
    stats_table_free(&profile->operations);
    stats_table_free(&profile->calls);
    stats_table_free(&profile->sites);
    stats_table_free(&profile->findings);
    operation_names_free(&profile->names);
}
