/* span_runs.h - spans beyond what memory should hold, sorted by way of a temporary file. */
#ifndef RUN_TRACED_VIEW_SPAN_RUNS_H
#define RUN_TRACED_VIEW_SPAN_RUNS_H

#include "view/span_decode.h"

struct span_run {
    size_t first; /* span in the file */
    size_t count;
};

/* All zero: none yet. The file has no name, is its owner's only, and in TMPDIR, else in /tmp. It holds addresses of
 * interned strings: it means something to this process alone. */
struct span_runs {
    int file; /* descriptor + 1; 0: none yet */
    struct span_run *runs;
    size_t run_count;
    size_t span_count;
};

/* span_runs_add - writes @count spans, sorted as by view_spans_sort, behind those before. Those of a later run come
 * from later lines. Returns 0, or a negative errno if there is no room in the file or memory; the runs before are as
 * they were. */
int span_runs_add(struct span_runs *runs, const struct view_span *spans, size_t count);

/* span_runs_merge - all spans in one order, but the first only of those with equal ids, in a mapping of a file:
 * *@spans, *@count. To be given back with munmap of @mapped_len bytes. Gives back the runs. Returns 0 or a negative
 * errno. */
int span_runs_merge(struct span_runs *runs, struct view_span **spans, size_t *count, size_t *mapped_len);

/* span_runs_free - gives back memory and file. */
void span_runs_free(struct span_runs *runs);

#endif
