/* check_spans.h - the spans of a file as checks look at them: what they ask for of each, and how they hang together. */
#ifndef RUN_TRACED_VIEW_CHECK_SPANS_H
#define RUN_TRACED_VIEW_CHECK_SPANS_H

#include "view/check.h"
#include "view/span_reader.h"

/* Spans are known by their places in @set.spans, by trace and span id. */
struct check_spans {
    struct check_set *checks;
    struct span_set set;
    struct check_value *values; /* of a span: set.spans[i].line - 1, times the columns */
    size_t value_lines;
    uint32_t *relatives[CHECK_TEST + 1]; /* by scope; of SELF none */
    uint32_t *trace;                     /* its number */
    size_t trace_count;
};

#define CHECK_NO_SPAN UINT32_MAX

/* check_spans_read - the spans of an open file, and what @checks ask of them. Returns 0 or a negative errno;
 * check_spans_free is due in any case. */
int check_spans_read(struct check_set *checks, int fd, struct check_spans *spans);

/* check_spans_value - what a span, or the one that is meant, has of a field. */
struct check_value check_spans_value(const struct check_spans *spans, size_t span, const struct check_field *field);

/* check_spans_free - gives back all memory but the checks'. */
void check_spans_free(struct check_spans *spans);

#endif
