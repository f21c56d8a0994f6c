#include "view/line_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CAPACITY_MIN = 256 * 1024 };

/* Moves the rest to the front, and doubles the buffer if it is one line. One byte is kept for the NUL. */
static int room_make(struct line_reader *reader)
{
    size_t len = reader->used - reader->begin;
    if (reader->begin)
        memmove(reader->bytes, reader->bytes + reader->begin, len);
    reader->seen -= reader->begin;
    reader->used = len;
    reader->begin = 0;
    if (reader->bytes && reader->used + 1 < reader->capacity)
        return 0;
    size_t capacity = reader->capacity ? reader->capacity * 2 : CAPACITY_MIN;
    char *bytes = realloc(reader->bytes, capacity);
    if (!bytes)
        return -ENOMEM;
    reader->bytes = bytes;
    reader->capacity = capacity;
    return 0;
}

/* Returns 0, also at the end, or a negative errno. */
static int more_read(struct line_reader *reader)
{
    ssize_t len;
    if (room_make(reader) < 0)
        return -ENOMEM;
    do
        len = read(reader->fd, reader->bytes + reader->used, reader->capacity - 1 - reader->used);
    while (len < 0 && errno == EINTR);
    if (len < 0)
        return -errno;
    reader->has_ended = len == 0;
    reader->used += (size_t)len;
    return 0;
}

static long line_take(struct line_reader *reader, size_t end, char **line)
{
    size_t len = end - reader->begin;
    *line = reader->bytes + reader->begin;
    reader->hidden = reader->bytes[end];
    reader->bytes[end] = '\0';
    reader->is_hiding = true;
    reader->begin = reader->seen = end;
    return (long)len;
}

long line_reader_next(struct line_reader *reader, bool is_live, char **line)
{
    if (reader->is_hiding)
        reader->bytes[reader->begin] = reader->hidden;
    reader->is_hiding = false;
    for (;;) {
        size_t rest = reader->used - reader->seen;
        char *newline = rest ? memchr(reader->bytes + reader->seen, '\n', rest) : NULL;
        if (newline)
            return line_take(reader, (size_t)(newline + 1 - reader->bytes), line);
        reader->seen = reader->used;
        struct pollfd wanted = {.fd = reader->fd, .events = POLLIN};
        if (is_live && poll(&wanted, 1, 0) == 0)
            return -EAGAIN;
        int result = more_read(reader);
        if (result < 0)
            return result;
        if (!reader->has_ended)
            continue;
        return is_live || reader->begin == reader->used ? 0 : line_take(reader, reader->used, line);
    }
}

void line_reader_free(struct line_reader *reader)
{
    free(reader->bytes);
    *reader = (struct line_reader){.fd = reader->fd};
}
