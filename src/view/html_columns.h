/* html_columns.h - whole spans, as a page holds them: one array for each field, equal values once. */
#ifndef RUN_TRACED_VIEW_HTML_COLUMNS_H
#define RUN_TRACED_VIEW_HTML_COLUMNS_H

#include "view/html_values.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum html_column {
    COLUMN_TRACE, /* value: the id */
    COLUMN_ID,    /* hex of all spans in one string */
    COLUMN_PARENT, /* the same; blanks: none */
    COLUMN_NAME,  /* value */
    COLUMN_KIND,  /* value */
    COLUMN_STATUS, /* value: the code */
    COLUMN_MESSAGE, /* value */
    COLUMN_START,   /* microseconds after html_columns.origin_us */
    COLUMN_DURATION, /* microseconds */
    COLUMN_RESOURCE, /* value: an object */
    COLUMN_DETAILS, /* of each span: tracestate (value), attributes; how many events, then of each name (value), microseconds
                     * after the span's start, attributes; how many links, then of each trace and span id (values), attributes.
                     * Attributes: value (an array of keys), and for each key 2 * n: the integer n; or 2 * value + 1 */
    COLUMN_COUNT,
};

struct html_columns {
    struct html_values values;
    int64_t origin_us;
    size_t count; /* spans */
    FILE *out[COLUMN_COUNT];
    char *bytes[COLUMN_COUNT]; /* what was written, after fclose */
    size_t len[COLUMN_COUNT];
};

/* html_columns_begin - @origin_us: no span starts before. Returns 0 or -ENOMEM; html_columns_free is to follow even so. */
int html_columns_begin(struct html_columns *columns, int64_t origin_us);

/* html_columns_add - adds the span of a line that span_decode has accepted. @line: @len bytes and a NUL. Returns 0, -ENOMEM, or
 * -EINVAL if it is none after all. */
int html_columns_add(struct html_columns *columns, const char *line, size_t len);

/* html_columns_print - writes the members of a JSON object: "values" and one a column. Nothing can be added any more. Returns 0
 * or -ENOMEM. */
int html_columns_print(struct html_columns *columns, FILE *out);

/* html_columns_free - gives back all memory. */
void html_columns_free(struct html_columns *columns);

#endif
