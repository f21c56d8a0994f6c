#include "export/line_buffer.h"

#include "base/raw.h"

#include <errno.h>
#include <string.h>

static void compact(struct line_buffer *buffer)
{
    memmove(buffer->bytes, buffer->bytes + buffer->begin, buffer->end - buffer->begin);
    buffer->sent -= buffer->begin;
    buffer->end -= buffer->begin;
    buffer->begin = 0;
}

int line_buffer_append(struct line_buffer *buffer, const char *line, size_t len)
{
    if (len > LINE_BUFFER_LEN - (buffer->end - buffer->begin))
        return -EAGAIN;
    if (!buffer->bytes)
        buffer->bytes = raw_map_anonymous(LINE_BUFFER_LEN);
    if (!buffer->bytes)
        return -ENOMEM;
    if (len > LINE_BUFFER_LEN - buffer->end)
        compact(buffer);
    memcpy(buffer->bytes + buffer->end, line, len);
    buffer->end += (uint32_t)len;
    return 0;
}

size_t line_buffer_unsent(const struct line_buffer *buffer, const char **bytes)
{
    *bytes = buffer->bytes + buffer->sent;
    return buffer->end - buffer->sent;
}

size_t line_buffer_first_len(const struct line_buffer *buffer)
{
    const char *bytes = buffer->bytes + buffer->sent;
    const char *newline = memchr(bytes, '\n', buffer->end - buffer->sent);
    return newline ? (size_t)(newline - bytes) + 1 : 0;
}

void line_buffer_advance(struct line_buffer *buffer, size_t len)
{
    buffer->sent += (uint32_t)len;
    if (buffer->sent == buffer->end) {
        buffer->begin = buffer->sent = buffer->end = 0;
        return;
    }
    const char *begin = buffer->bytes + buffer->begin;
    const char *newline = memrchr(begin, '\n', buffer->sent - buffer->begin);
    if (newline)
        buffer->begin += (uint32_t)(newline - begin) + 1;
}

void line_buffer_rewind(struct line_buffer *buffer)
{
    buffer->sent = buffer->begin;
}

unsigned line_buffer_clear(struct line_buffer *buffer)
{
    unsigned count = 0;
    for (uint32_t i = buffer->begin; i < buffer->end; i++)
        count += buffer->bytes[i] == '\n';
    buffer->begin = buffer->sent = buffer->end = 0;
    return count;
}
