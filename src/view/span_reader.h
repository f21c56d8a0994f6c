/* span_reader.h - a file of native span lines read into memory. */
#ifndef RUN_TRACED_VIEW_SPAN_READER_H
#define RUN_TRACED_VIEW_SPAN_READER_H

#include "view/line_reader.h"
#include "view/span_decode.h"

struct skip_count {
    uint64_t count;
    uint64_t first_line; /* from 1; 0: none */
};

/* Told of each line that is a span, and of its number from 1. Its error ends the reading. */
struct span_observer {
    int (*note)(void *context, const char *line, size_t line_number); /* NULL: nobody */
    void *context;
};

/* All zero: empty. */
struct span_set {
    struct view_span *spans;
    size_t count;
    size_t capacity;
    struct string_pool strings;
    struct skip_count skipped[SKIP_REASON_COUNT];
    uint64_t line_count;
    struct span_observer observer;
};

/* span_reader_read - adds every span of the file to @set, in the order of the file. Lines that are none
 * are counted; blank lines are not. Time and memory grow linearly with the file. Returns 0, or a
 * negative errno if reading failed or memory ran out; @set then holds what came before. */
int span_reader_read(int fd, struct span_set *set);

/* span_reader_take - the same, of what @reader has; with @is_live up to the last newline so far. */
int span_reader_take(struct line_reader *reader, bool is_live, struct span_set *set);

/* span_set_free - gives back all memory. */
void span_set_free(struct span_set *set);

#endif
