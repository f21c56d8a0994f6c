/* waterfall_rows.h - which lines a waterfall has: spans, stretches without any call, and many alike as one. */
#ifndef RUN_TRACED_VIEW_WATERFALL_ROWS_H
#define RUN_TRACED_VIEW_WATERFALL_ROWS_H

#include "view/operation.h"
#include "view/retries.h"
#include "view/trace_tree.h"

/* Of siblings that are alike (service, kind, operation), more than FOLD_MIN: the first FOLD_SHOWN have a line, and as
 * many that failed. A gap has a line if it is this part of the trace, and not shorter. */
enum { WATERFALL_SPANS_MAX = 500, FOLD_MIN = 8, FOLD_SHOWN = 3, GAP_PART = 10, GAP_MIN_US = 1000 };

enum waterfall_row_kind { ROW_SPAN, ROW_GAP, ROW_FOLD };

struct waterfall_row {
    enum waterfall_row_kind kind;
    bool is_last;                     /* of the lines below its parent */
    const struct trace_node *node;    /* GAP: whose time it is; FOLD: the first that is folded */
    struct retry retry;               /* SPAN */
    int64_t start_us;                 /* GAP: from here ... */
    int64_t end_us;                   /* ... to here */
    size_t folded_count, error_count; /* FOLD: siblings, and those that failed */
    int64_t sum_us, longest_us;       /* FOLD: of their durations */
};

struct waterfall_rows {
    struct waterfall_row *rows;
    size_t count;
    size_t span_count;     /* rows that are spans: WATERFALL_SPANS_MAX at most */
    size_t left_out_count; /* spans that have no row, nor are folded, nor below a folded one */
};

/* waterfall_rows_make - finds the lines of a tree, in their order, and marks its nodes (is_folded, has_tail). What is
 * below a folded span is folded with it. Returns 0 or -ENOMEM. O(n), without recursion. */
int waterfall_rows_make(struct trace_tree *tree, struct operation_names *names, struct waterfall_rows *rows);

/* waterfall_rows_free - gives back all memory. */
void waterfall_rows_free(struct waterfall_rows *rows);

#endif
