#include "view/analysis.h"

#include "base/compiler.h"
#include "view/share_sum.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct trace_node *call_server(const struct trace_node *client)
{
    const struct trace_node *child = client->first_child;
    while (child && child->span->kind != VIEW_KIND_SERVER)
        child = child->next_sibling;
    return child;
}

/* The call that brought a request to the service of @node; NULL: not known. */
static const struct view_span *call_of(const struct trace_node *node)
{
    while (node && node->span->kind != VIEW_KIND_SERVER)
        node = node->parent;
    return node && node->parent && node->parent->span->kind == VIEW_KIND_CLIENT ? node->parent->span : NULL;
}

/* What the time that is a span's own counts for. */
static struct share share_of(const struct trace_node *node, int64_t us)
{
    const char *service = node->span->service;
    const struct trace_node *server;
    if (node->span->is_program)
        return (struct share){.kind = SHARE_PROGRAM, .label = node->span->name, .us = us};
    if (node->span->kind != VIEW_KIND_CLIENT || us == 0)
        return (struct share){
            .kind = SHARE_SERVICE, .label = service, .us = us, .caller = node->caller, .call = call_of(node)};
    server = call_server(node);
    if (!server)
        return (struct share){
            .kind = SHARE_CALLEE, .label = node->span->callee, .us = us, .caller = service, .call = node->span};
    return (struct share){
        .kind = SHARE_NETWORK, .us = us, .caller = service, .callee = server->span->service};
}

/* A client's own time is not its service's: the service has a share even so, if only of 0. A program has none then. */
static size_t shares_collect(const struct trace_tree *tree, const struct critical_path *path,
                             struct share *shares)
{
    size_t count = 0;
    for (size_t i = 0; i < tree->count; i++) {
        const struct trace_node *node = &tree->nodes[i];
        if (node->span->is_program && path->self_us[i] == 0)
            continue;
        shares[count++] = share_of(node, path->self_us[i]);
        if (shares[count - 1].kind != SHARE_SERVICE && !node->span->is_program)
            shares[count++] = share_of(node, 0);
    }
    if (path->outside_us > 0)
        shares[count++] = (struct share){.kind = SHARE_OUTSIDE, .us = path->outside_us};
    return count;
}

static int shares_find(const struct trace_tree *tree, struct analysis *analysis)
{
    analysis->shares = calloc(2 * tree->count + 1, sizeof *analysis->shares);
    if (!analysis->shares)
        return -ENOMEM;
    int result = critical_path_find(tree, &analysis->path);
    if (result < 0)
        return result;
    size_t count = shares_collect(tree, &analysis->path, analysis->shares);
    analysis->share_count = share_sum(analysis->shares, count, SHARES_MAX, &analysis->idle_count);
    share_percent(analysis->shares, analysis->share_count, analysis->total_us);
    return 0;
}

/* A request tells more of a failure than the program it was made by; else the deeper one; of several the first. */
static bool is_rather(const struct trace_node *node, const struct trace_node *failed)
{
    if (failed && (node->span->is_program || failed->span->is_program))
        return failed->span->is_program;
    return !failed || node->depth >= failed->depth;
}

/* @tree's order has parents before children, so backwards every child is seen before its parent. */
static int failures_find(const struct trace_tree *tree, struct analysis *analysis)
{
    bool *has_failed_below = calloc(tree->count, sizeof *has_failed_below);
    if (!has_failed_below)
        return -ENOMEM;
    for (size_t i = tree->count; i-- > 0;) {
        const struct trace_node *node = tree->order[i];
        bool is_failed_below = has_failed_below[node - tree->nodes];
        if (node->span->is_error && is_rather(node, analysis->failed))
            analysis->failed = node;
        analysis->failed_count += node->span->is_error && !is_failed_below;
        if (node->parent && (node->span->is_error || is_failed_below))
            has_failed_below[node->parent - tree->nodes] = true;
    }
    free(has_failed_below);
    return 0;
}

int analysis_make(const struct trace_tree *tree, struct analysis *analysis)
{
    *analysis = (struct analysis){.total_us = tree->total_end_us - tree->total_start_us};
    int result = shares_find(tree, analysis);
    if (result == 0)
        result = failures_find(tree, analysis);
    if (result < 0)
        analysis_free(analysis);
    return result;
}

void analysis_free(struct analysis *analysis)
{
    critical_path_free(&analysis->path);
    free(analysis->shares);
    *analysis = (struct analysis){0};
}
