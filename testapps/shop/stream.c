#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

void stream_open(struct stream *stream, int fd, enum stream_calls calls, int timeout_ms)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    /* Head and body may leave in two segments: the second must not wait for the first one's ACK. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    stream->fd = fd;
    stream->calls = calls;
    stream->start = stream->end = 0;
}

ssize_t stream_fill(struct stream *stream)
{
    if (stream->start > 0) {
        stream->end -= stream->start;
        memmove(stream->buffer, stream->buffer + stream->start, stream->end);
        stream->start = 0;
    }
    char *at = stream->buffer + stream->end;
    size_t room = sizeof stream->buffer - stream->end;
    if (room == 0)
        return -ENOBUFS;
    ssize_t n;
    do {
        n = stream->calls == STREAM_SEND_RECV ? recv(stream->fd, at, room, 0)
                                              : read(stream->fd, at, room);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    stream->end += (size_t)n;
    return n;
}

static int send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static int writev_all(int fd, struct iovec *part, int count)
{
    while (count > 0) {
        ssize_t n = writev(fd, part, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        for (; count > 0 && (size_t)n >= part->iov_len; part++, count--)
            n -= (ssize_t)part->iov_len;
        if (count > 0) {
            part->iov_base = (char *)part->iov_base + n;
            part->iov_len -= (size_t)n;
        }
    }
    return 0;
}

int stream_write(struct stream *stream, const char *head, size_t head_len, const char *body,
                 size_t body_len)
{
    if (stream->calls == STREAM_WRITEV_READ) {
        struct iovec parts[2] = {{.iov_base = (char *)head, .iov_len = head_len},
                                 {.iov_base = (char *)body, .iov_len = body_len}};
        return writev_all(stream->fd, parts, body_len ? 2 : 1);
    }
    int error = send_all(stream->fd, head, head_len);
    return error ? error : send_all(stream->fd, body, body_len);
}
