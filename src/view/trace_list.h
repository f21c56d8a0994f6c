/* trace_list.h - all traces of a file, and which of them are worth a waterfall. */
#ifndef RUN_TRACED_VIEW_TRACE_LIST_H
#define RUN_TRACED_VIEW_TRACE_LIST_H

#include "view/span_decode.h"

#include <stdbool.h>

/* More spans than that of one trace (600 MB once assembled) are counted, but not assembled. */
enum { TRACE_SPANS_MAX = 2000000 };

struct trace_entry {
    const struct view_span *spans; /* of this trace only, as trace_tree_build takes them */
    size_t span_count;
    uint8_t trace_id[TRACE_ID_LEN]; /* theirs */
    const char *root_service;
    const char *root_name;
    int64_t start_us;
    int64_t total_us;
    size_t error_count; /* spans */
    bool is_too_large; /* TRACE_SPANS_MAX: it is not assembled; total_us: from its first start to its last end */
    bool is_shown;
};

struct trace_list {
    struct trace_entry *entries; /* by start */
    size_t count;
    size_t capacity;
    size_t shown_count;
};

/* trace_list_make - finds the traces among @count sorted spans (view_spans_sort). One trace at a
 * time is assembled: memory does not grow with the trees. Returns 0 or -ENOMEM. */
int trace_list_make(const struct view_span *spans, size_t count, struct trace_list *list);

/* trace_list_extend - adds the traces among @count sorted spans, all of whose spans are there, to @list, all zero at
 * first. Returns 0 or -ENOMEM. */
int trace_list_extend(const struct view_span *spans, size_t count, struct trace_list *list);

/* trace_list_sort - by start, once all are there. */
void trace_list_sort(struct trace_list *list);

/* trace_list_select - marks the traces to show: all if they are at most @max; else the slowest
 * three, then those with errors, the slowest first, up to @max; then, with @is_filled, the next
 * slowest. Returns 0 or -ENOMEM. */
int trace_list_select(struct trace_list *list, size_t max, bool is_filled);

/* trace_list_select_first - marks the first @max traces to show, as the list is sorted. */
void trace_list_select_first(struct trace_list *list, size_t max);

/* trace_list_select_spans - marks traces to show that have up to @max spans together: those with errors, then the others, the
 * slowest of each first. The first of all is shown however many it has. Returns 0 or -ENOMEM. */
int trace_list_select_spans(struct trace_list *list, size_t max);

/* trace_list_free - gives back all memory but the spans. */
void trace_list_free(struct trace_list *list);

#endif
