#include "view/critical_path.h"

#include "base/compiler.h"

#include <errno.h>
#include <stdlib.h>

/* One span being walked, from its end to its start: one a node, and one above the roots. */
struct step {
    const struct trace_node *node; /* NULL: above the roots */
    struct step *up;               /* went on from here */
    struct step *last_child;       /* the next one to look at: the latest-finishing of the rest */
    struct step *previous_sibling; /* finished earlier */
    int64_t start_us;              /* the span's own time */
    int64_t end_us;
    int64_t low_us; /* only what lies within these counts */
    int64_t high_us;
    int64_t cursor_us; /* what lies after it is accounted for */
    int64_t self_us;
    int64_t waited_us; /* from low_us to high_us, once it was walked */
};

static int end_compare(const void *left, const void *right)
{
    const struct step *a = *(struct step *const *)left;
    const struct step *b = *(struct step *const *)right;
    if (a->end_us != b->end_us)
        return a->end_us < b->end_us ? -1 : 1;
    /* Of two that end together, the one that started last is looked at first: both fit then. */
    if (a->start_us != b->start_us)
        return a->start_us < b->start_us ? -1 : 1;
    return (a > b) - (a < b);
}

static void self_add(struct step *step, int64_t from_us, int64_t to_us)
{
    int64_t from = MAX(from_us, step->low_us), to = MIN(to_us, step->high_us);
    if (to > from)
        step->self_us += to - from;
}

/* Ends are a clock reading plus a duration, each rounded: two that follow each other can seem to
 * overlap by a little, the more the longer the span (a clock being slewed: 500 ppm). */
static int64_t tolerance_us(const struct step *step)
{
    return 10 + (step->end_us - step->start_us) / 500;
}

static bool is_waited_for(const struct step *parent, const struct step *child)
{
    if (child->end_us <= parent->cursor_us + tolerance_us(child))
        return true;
    /* A call is over when its client says so, whatever the server does after it. */
    return parent->node && parent->node->span->kind == VIEW_KIND_CLIENT &&
           child->node->span->kind == VIEW_KIND_SERVER && parent->cursor_us == parent->end_us;
}

/* Accounts for the time up to the child's start. Returns the step to go on with. */
static struct step *child_take(struct step *parent, struct step *child)
{
    int64_t end = MIN(child->end_us, parent->cursor_us);
    int64_t start = MAX(child->start_us, parent->start_us);
    if (start >= end)
        return parent;
    self_add(parent, end, parent->cursor_us);
    parent->cursor_us = start;
    child->low_us = MAX(start, parent->low_us);
    child->high_us = MIN(end, parent->high_us);
    if (child->low_us >= child->high_us)
        return parent;
    child->waited_us = child->high_us - child->low_us;
    child->cursor_us = child->end_us;
    child->up = parent;
    return child;
}

static struct step *step_next(struct step *step)
{
    struct step *child = step->last_child;
    if (child && step->cursor_us > step->low_us) {
        step->last_child = child->previous_sibling;
        return is_waited_for(step, child) ? child_take(step, child) : step;
    }
    self_add(step, step->start_us, step->cursor_us);
    return step->up;
}

/* By exec: it went on as another program, whose span begins where its own ends. */
static bool is_replaced_by(const struct trace_node *program, const struct trace_node *next)
{
    return program->span->is_program && next->span->is_program && next->span->pid && program->span->pid == next->span->pid;
}

/* Who waited for @node: what a program did that is aside counts for the one that started it, and so does what a program
 * went on as. NULL: a root. */
static const struct trace_node *waiting_of(const struct trace_node *node)
{
    const struct trace_node *waiting = node->parent;
    while (waiting && waiting->parent && (waiting->is_aside || is_replaced_by(waiting, node)))
        waiting = waiting->parent;
    return waiting;
}

/* From the earliest end to the latest, each put in front: lists begin with the latest. */
static void steps_link(const struct trace_tree *tree, struct step *steps, struct step **by_end,
                       struct step *top)
{
    for (size_t i = 0; i < tree->count; i++) {
        const struct trace_node *node = &tree->nodes[i];
        steps[i].node = node;
        steps[i].start_us = node->start_us;
        steps[i].end_us = node->end_us;
        by_end[i] = &steps[i];
    }
    qsort(by_end, tree->count, sizeof *by_end, end_compare);
    for (size_t i = 0; i < tree->count; i++) {
        const struct trace_node *node = by_end[i]->node;
        if (!node->parent && !node->is_total)
            continue;
        if (node->is_aside && node->parent)
            continue;
        const struct trace_node *waiting = waiting_of(node);
        struct step *parent = waiting ? &steps[waiting - tree->nodes] : top;
        by_end[i]->previous_sibling = parent->last_child;
        parent->last_child = by_end[i];
    }
}

static void steps_walk(const struct trace_tree *tree, struct step *steps, struct step **by_end,
                       struct critical_path *path)
{
    struct step top = {.start_us = tree->total_start_us, .end_us = tree->total_end_us};
    top.low_us = top.start_us;
    top.high_us = top.cursor_us = top.end_us;
    steps_link(tree, steps, by_end, &top);
    for (struct step *step = &top; step; step = step_next(step))
        path->step_count++;
    path->outside_us = top.self_us;
    for (size_t i = 0; i < tree->count; i++) {
        path->self_us[i] = steps[i].self_us;
        path->waited_us[i] = steps[i].waited_us;
        if (!tree->nodes[i].is_aside)
            continue;
        path->outside_us += path->self_us[i]; /* a root */
        path->self_us[i] = path->waited_us[i] = 0;
    }
}

int critical_path_find(const struct trace_tree *tree, struct critical_path *path)
{
    struct step *steps = calloc(tree->count, sizeof *steps);
    struct step **by_end = malloc(tree->count * sizeof *by_end);
    *path = (struct critical_path){
        .self_us = calloc(tree->count, sizeof *path->self_us),
        .waited_us = calloc(tree->count, sizeof *path->waited_us),
    };
    int result = steps && by_end && path->self_us && path->waited_us ? 0 : -ENOMEM;
    if (result == 0)
        steps_walk(tree, steps, by_end, path);
    else
        critical_path_free(path);
    free(steps);
    free(by_end);
    return result;
}

void critical_path_free(struct critical_path *path)
{
    free(path->self_us);
    free(path->waited_us);
    *path = (struct critical_path){0};
}
