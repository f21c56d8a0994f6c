#include "view/server_programs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One process that served a request. Services are interned. */
struct server {
    const char *service;
    uint32_t pid;
};

static int server_compare(const void *left, const void *right)
{
    const struct server *a = left, *b = right;
    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    return (a->service > b->service) - (a->service < b->service);
}

static bool has_programs(const struct trace_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        if (tree->nodes[i].span->is_program)
            return true;
    return false;
}

static size_t servers_collect(const struct trace_tree *tree, struct server *servers)
{
    size_t count = 0;
    for (size_t i = 0; i < tree->count; i++) {
        const struct view_span *span = tree->nodes[i].span;
        bool is_served = span->kind == VIEW_KIND_SERVER || span->kind == VIEW_KIND_CONSUMER;
        if (is_served && span->pid)
            servers[count++] = (struct server){span->service, span->pid};
    }
    qsort(servers, count, sizeof *servers, server_compare);
    return count;
}

static bool is_killed(const struct view_span *span)
{
    return span->is_error && span->error_type && strncmp(span->error_type, "SIG", 3) == 0;
}

/* It ran tests; or it is what was asked to run, and made calls that belong to no request: it serves itself. */
static bool has_own_work(const struct trace_tree *tree, const struct trace_node *node)
{
    const struct trace_node *root = tree->main_root;
    bool is_command = !node->parent || (root && root->span->pid && root->span->pid == node->span->pid);
    for (const struct trace_node *child = node->first_child; child; child = child->next_sibling) {
        const struct view_span *span = child->span;
        bool is_serving = span->kind == VIEW_KIND_SERVER || span->kind == VIEW_KIND_CONSUMER;
        if (span->test_result != VIEW_TEST_NONE || (is_command && !span->is_program && !is_serving))
            return true;
    }
    return false;
}

static bool is_master(const struct trace_node *node)
{
    for (const struct trace_node *child = node->first_child; child; child = child->next_sibling)
        if (!child->is_aside || child->span->name != node->span->name)
            return false;
    return node->first_child != NULL;
}

static bool is_server(const struct trace_node *node, const struct server *servers, size_t count)
{
    const struct server self = {node->span->service, node->span->pid};
    return node->span->pid && bsearch(&self, servers, count, sizeof *servers, server_compare) != NULL;
}

static void nodes_mark(struct trace_tree *tree, const struct server *servers, size_t count)
{
    /* Parents come before their children in the order, so backwards the children are known. */
    for (size_t i = tree->count; i-- > 0;) {
        struct trace_node *node = tree->order[i];
        if (!node->span->is_program)
            continue;
        bool is_aside = is_server(node, servers, count) || is_master(node) || (node->parent && is_killed(node->span));
        node->is_aside = is_aside && !has_own_work(tree, node);
    }
}

int server_programs_mark(struct trace_tree *tree)
{
    if (!has_programs(tree))
        return 0;
    struct server *servers = malloc(tree->count * sizeof *servers);
    if (!servers)
        return -ENOMEM;
    nodes_mark(tree, servers, servers_collect(tree, servers));
    free(servers);
    return 0;
}
