/* stream.h - a buffered socket. Two services that do the same need not use the same calls, so the
 * family of calls is chosen where the stream is made. */
#ifndef SHOP_STREAM_H
#define SHOP_STREAM_H

#include <stddef.h>
#include <sys/types.h>

enum stream_calls {
    STREAM_SEND_RECV,   /* send(2) for the head, send(2) for the body, recv(2) */
    STREAM_WRITEV_READ, /* one writev(2) for both, read(2) */
};

enum { STREAM_BUFFER_LEN = 16384 };

struct stream {
    int fd;
    enum stream_calls calls;
    size_t start, end; /* what was received and not yet consumed: buffer[start..end) */
    char buffer[STREAM_BUFFER_LEN];
};

/* stream_open - a stream over connected socket @fd that gives up on a silent peer after
 * @timeout_ms. */
void stream_open(struct stream *stream, int fd, enum stream_calls calls, int timeout_ms);

/* stream_fill - waits for more bytes and adds them to the buffer. Returns how many came, 0 at the
 * end of the stream, -ENOBUFS when the buffer is full, or another negative errno (-EAGAIN: timed
 * out). */
ssize_t stream_fill(struct stream *stream);

/* stream_write - sends @head, then @body. Returns 0 or a negative errno. */
int stream_write(struct stream *stream, const char *head, size_t head_len, const char *body,
                 size_t body_len);

#endif
