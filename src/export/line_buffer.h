/* line_buffer.h - lines that wait to be sent: bounded, in memory of our own, always whole lines. */
#ifndef RUN_TRACED_EXPORT_LINE_BUFFER_H
#define RUN_TRACED_EXPORT_LINE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

enum { LINE_BUFFER_LEN = 65536 };

/* All zero: empty, no memory mapped yet. The caller excludes other threads. */
struct line_buffer {
    char *bytes;
    uint32_t begin; /* of the first line that is not wholly sent: it stays until it is */
    uint32_t sent;  /* begin <= sent < end, or all three 0 */
    uint32_t end;
};

/* line_buffer_append - keeps @line, which ends in '\n'. Returns 0, -EAGAIN where it does not fit
 * for now, or -ENOMEM. Signal-safe. */
int line_buffer_append(struct line_buffer *buffer, const char *line, size_t len);

/* line_buffer_unsent - the bytes to be sent next. Returns their number, 0 for none. */
size_t line_buffer_unsent(const struct line_buffer *buffer, const char **bytes);

/* line_buffer_first_len - of these, how many belong to the first line. */
size_t line_buffer_first_len(const struct line_buffer *buffer);

/* line_buffer_advance - @len more bytes have been sent. */
void line_buffer_advance(struct line_buffer *buffer, size_t len);

/* line_buffer_rewind - the connection is another one: a line of which a part was sent is to be sent
 * again from its beginning. */
void line_buffer_rewind(struct line_buffer *buffer);

/* line_buffer_clear - forgets all lines. Returns how many there were. */
unsigned line_buffer_clear(struct line_buffer *buffer);

#endif
