/* line_reader.h - the lines of a file, where they lie in one buffer. */
#ifndef RUN_TRACED_VIEW_LINE_READER_H
#define RUN_TRACED_VIEW_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>

/* @fd: the rest is zero at first. */
struct line_reader {
    int fd;
    char *bytes;
    size_t capacity;
    size_t used;  /* bytes read */
    size_t begin; /* of what was not given out */
    size_t seen;  /* up to here there is no newline behind begin */
    char hidden;  /* what the NUL behind the last line covers */
    bool is_hiding;
    bool has_ended;
};

/* line_reader_next - the next line with its newline, if it has one, and a NUL behind it; until the next call. What comes last
 * without a newline is a line if the file has ended, and is not given with @is_live, where it may go on. Returns its length, 0 at
 * the end, or a negative errno; with @is_live -EAGAIN where reading would wait. Memory: the longest line, 256 KiB at least. */
long line_reader_next(struct line_reader *reader, bool is_live, char **line);

/* line_reader_free - gives back all memory; the descriptor stays open. */
void line_reader_free(struct line_reader *reader);

#endif
