/* span_reader.h - a file of native span lines read into memory. */
#ifndef RUN_TRACED_VIEW_SPAN_READER_H
#define RUN_TRACED_VIEW_SPAN_READER_H

#include "view/line_reader.h"
#include "view/span_decode.h"
#include "view/span_runs.h"

struct skip_count {
    uint64_t count;
    uint64_t first_line; /* from 1; 0: none */
};

/* Told of each line that is a span, and of its number from 1. Its error ends the reading. */
struct span_observer {
    int (*note)(void *context, const char *line, size_t line_number); /* NULL: nobody */
    void *context;
};

/* More spans than that (30 MB) are written to a temporary file; where that cannot be, they stay. */
enum { SPAN_SET_MEMORY_MAX = 262144 };

/* All zero: empty. */
struct span_set {
    struct view_span *spans;
    size_t count;
    size_t capacity;
    struct span_runs runs; /* what was written out, sorted; spans are those behind it */
    bool is_unbounded;     /* nothing is written out: all of it stays in memory */
    size_t mapped_len;     /* bytes of @spans if that is a mapping; else 0 */
    uint64_t duplicate_count;
    struct string_pool strings;
    struct skip_count skipped[SKIP_REASON_COUNT];
    uint64_t line_count;
    struct span_observer observer;
    uint64_t byte_count; /* read */
};

/* span_reader_read - adds every span of the file to @set, in the order of the file. Lines that are none
 * are counted; blank lines are not. Time grows linearly with the file, memory with its distinct strings. Returns 0, or a
 * negative errno if reading failed or memory ran out; @set then holds what came before. */
int span_reader_read(int fd, struct span_set *set);

/* span_reader_take - the same, of what @reader has; with @is_live up to the last newline so far. */
int span_reader_take(struct line_reader *reader, bool is_live, struct span_set *set);

/* span_set_sort - sorts what was read (span_sort.h) and drops, and counts, all but the first of spans with equal ids.
 * Nothing can be read any more. Returns 0 or a negative errno. */
int span_set_sort(struct span_set *set);

/* span_set_relax - says that the spans are not needed for now: those in a file need not stay in memory. */
void span_set_relax(const struct span_set *set);

/* span_set_relax_at - the same, for the @number-th of many traces in no order: at each that is due. */
static inline void span_set_relax_at(const struct span_set *set, size_t number)
{
    if (number % 1024 == 0)
        span_set_relax(set);
}

/* span_set_free - gives back all memory. */
void span_set_free(struct span_set *set);

#endif
