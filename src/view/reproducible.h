/* reproducible.h - the spans of a run written so that another run that does the same gives the same bytes
 * (REPRODUCIBLE.md). */
#ifndef RUN_TRACED_VIEW_REPRODUCIBLE_H
#define RUN_TRACED_VIEW_REPRODUCIBLE_H

#include "view/span_reader.h"

#include <stdio.h>

struct reproducible_counts {
    size_t span_count; /* written */
    char skipped[512]; /* lines that are no spans, as skip_text says it; "" */
};

/* reproducible_write - reads the spans of an open file, and writes them to @out. Returns 0 or a negative errno. Memory:
 * all spans. */
int reproducible_write(int fd, FILE *out, struct reproducible_counts *counts);

/* reproducible_print - the same of the file @path ("-": standard input), to standard output. Returns an exit status: 0,
 * or 2 after a message on stderr. */
int reproducible_print(const char *path);

#endif
