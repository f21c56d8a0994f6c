/* trace_tree.h - the spans of a file sorted into traces, and one trace assembled to a tree. */
#ifndef RUN_TRACED_VIEW_TRACE_TREE_H
#define RUN_TRACED_VIEW_TRACE_TREE_H

#include "view/span_decode.h"
#include "view/span_sort.h"

struct trace_node {
    const struct view_span *span;
    struct trace_node *parent; /* NULL: a root */
    struct trace_node *first_child;
    struct trace_node *next_sibling; /* by start; of a root: the next root */
    const char *caller;              /* service that called this one; NULL: not in this file */
    int64_t start_us;                /* with the clock's difference taken out; never negative */
    int64_t end_us;                  /* start_us or later */
    int64_t skew_us;                 /* was added to the span's own start */
    uint32_t depth;                  /* 0: a root */
    bool is_parent_missing;          /* names a parent that is not in this file */
    bool is_cycle_cut;               /* is its own ancestor; taken for a root */
    bool is_total;                   /* a root that the trace's total spans */
    bool is_aside;                   /* a program that nobody waited for (server_programs.h) */
    bool is_walked;                  /* assembly's own mark */
    bool is_folded;                  /* the waterfall's own marks: it has no line, ... */
    bool has_tail;                   /* ... there are lines below its last child that are no span's */
};

struct trace_tree {
    struct trace_node *nodes;  /* by span id */
    struct trace_node **order; /* as shown: depth first, siblings by start */
    size_t count;
    struct trace_node *first_root;
    struct trace_node *main_root; /* the only root with is_total; NULL: several */
    int64_t start_us;             /* of the earliest span */
    int64_t end_us;               /* of the latest span */
    int64_t total_start_us;       /* of the earliest root with is_total */
    int64_t total_end_us;         /* of the latest root with is_total */
    bool is_skewed;               /* some span has a skew_us */
    size_t root_count;
    size_t error_count; /* spans */
    size_t service_count; /* of spans that are no program's own, if there are such */
    size_t step_count; /* links followed while assembling: grows linearly with count */
};

/* trace_len - how many of @count sorted spans, from the first, belong to the first one's trace. */
size_t trace_len(const struct view_span *spans, size_t count);

/* trace_tree_build - assembles the spans of one trace, sorted by span id, ids unique, @count > 0.
 * A span whose parent is missing is a root; of spans that are each other's ancestors the earliest
 * becomes one. Where a SERVER span cannot lie within the CLIENT span that called it unless the two
 * hosts' clocks differ, it and what is below it are moved (skew_us).
 * Returns 0 or -ENOMEM. O(n log n), without recursion. */
int trace_tree_build(const struct view_span *spans, size_t count, struct trace_tree *tree);

/* trace_tree_free - gives back all memory but the spans. */
void trace_tree_free(struct trace_tree *tree);

/* trace_tree_head - the root that stands for the trace: the earliest of those that count. */
const struct trace_node *trace_tree_head(const struct trace_tree *tree);

#endif
