#include "export/socket_sink.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "base/raw.h"
#include "export/run_stats.h"

#include <errno.h>

static const uint64_t RECONNECT_NS = 100 * NANOS_PER_MILLI;
enum { ACCEPT_POLL_MS = 5 };

/* Returns a socket that is connected or about to be, or a negative errno. */
static int connect_as(const struct exporter *exporter, int type)
{
    struct sockaddr_storage address;
    socklen_t len;
    int error = exporter_address(exporter, &address, &len);
    if (error)
        return error;
    int fd = raw_socket(address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    error = raw_connect(fd, (struct sockaddr *)&address, len);
    if (error == 0 || error == -EINPROGRESS)
        return fd;
    raw_close(fd);
    return error;
}

static int connect_and_adopt(struct socket_sink *sink)
{
    int fd = connect_as(sink->exporter, sink->is_datagram ? SOCK_DGRAM : SOCK_STREAM);
    if (fd == -EPROTOTYPE) {
        sink->is_datagram = !sink->is_datagram;
        fd = connect_as(sink->exporter, sink->is_datagram ? SOCK_DGRAM : SOCK_STREAM);
    }
    return fd < 0 ? fd : own_fd_adopt(&sink->fd, fd);
}

static COLD int reconnect(struct socket_sink *sink)
{
    /* The descriptors of a vfork child are its own, but what we would note of them is its parent's,
     * who can send the lines later. */
    if (process_is_vfork_child())
        return -EAGAIN;
    line_buffer_rewind(&sink->pending);
    uint64_t now_ns = clock_monotonic_ns();
    if (now_ns < sink->next_connect_ns)
        return sink->connect_error;
    sink->next_connect_ns = now_ns + RECONNECT_NS;
    int error = connect_and_adopt(sink);
    sink->connect_error = error ? error : -ENOTCONN;
    return error;
}

/* As own_fd_use(), connecting first where need be. */
static int connection_use(struct socket_sink *sink)
{
    struct stat st;
    int fd = own_fd_use(&sink->fd, &st);
    if (LIKELY(fd >= 0))
        return fd;
    int error = reconnect(sink);
    return error ? error : own_fd_use(&sink->fd, &st);
}

static void disconnect(struct socket_sink *sink, int error)
{
    own_fd_close(&sink->fd);
    line_buffer_rewind(&sink->pending);
    sink->connect_error = error;
}

/* A message that the socket can never take must not hold up those behind it. */
static COLD int drop_message(struct socket_sink *sink, size_t len)
{
    line_buffer_advance(&sink->pending, len);
    run_stats_count_drop(DROP_SOCKET_FULL, EMSGSIZE);
    return 0;
}

/* Sends a piece of what is pending. Returns 0, -EAGAIN where the peer takes nothing now, or the
 * error that ended the connection. */
static int send_some(struct socket_sink *sink, int fd)
{
    const char *bytes;
    size_t len = line_buffer_unsent(&sink->pending, &bytes);
    if (sink->is_datagram)
        len = line_buffer_first_len(&sink->pending);
    ssize_t sent = raw_send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (LIKELY(sent > 0)) {
        sink->was_connected = true;
        line_buffer_advance(&sink->pending, (size_t)sent);
        return 0;
    }
    if (sent == -EINTR)
        return 0;
    if (sent == -EMSGSIZE && sink->is_datagram)
        return drop_message(sink, len);
    /* ENOBUFS is not the peer's fault; a connection in progress says EAGAIN too. */
    return sent == -ENOBUFS || sent == 0 ? -EAGAIN : (int)sent;
}

/* Sends what is pending. Returns 0 when nothing is any more, -EAGAIN while the peer is there but
 * takes no more for now, or another negative errno where there is no connection. Ends, because
 * it connects only once in RECONNECT_NS. */
static int drain(struct socket_sink *sink)
{
    const char *bytes;
    while (line_buffer_unsent(&sink->pending, &bytes)) {
        int fd = connection_use(sink);
        if (fd < 0)
            return fd;
        int error = send_some(sink, fd);
        own_fd_done(&sink->fd);
        if (error == -EAGAIN)
            return error;
        if (error)
            disconnect(sink, error);
    }
    return 0;
}

static void drop_pending(struct socket_sink *sink, int error)
{
    enum drop_reason reason = error == -EAGAIN ? DROP_SOCKET_FULL : DROP_SOCKET_GONE;
    for (unsigned count = line_buffer_clear(&sink->pending); count > 0; count--)
        run_stats_count_drop(reason, -error);
}

/* In a fork child, the pending lines are a copy of the parent's, and the stream is the parent's:
 * two writers would mix their lines on it. Whatever state the lock's holder left behind goes
 * too. */
static void follow_fork(struct socket_sink *sink)
{
    int pid = process_pid();
    if (LIKELY(sink->pid == pid))
        return;
    if (sink->pid != 0)
        own_fd_close(&sink->fd);
    line_buffer_clear(&sink->pending);
    sink->was_connected = false;
    sink->next_connect_ns = 0;
    sink->pid = pid;
}

static bool acquire(struct socket_sink *sink)
{
    if (UNLIKELY(!lock_acquire(&sink->lock)))
        return false;
    follow_fork(sink);
    return true;
}

int socket_sink_prepare(struct socket_sink *sink)
{
    if (!acquire(sink))
        return -EBUSY;
    int fd = connection_use(sink);
    if (fd >= 0)
        own_fd_done(&sink->fd);
    lock_release(&sink->lock);
    return fd < 0 ? fd : 0;
}

static int keep_line(struct socket_sink *sink, const char *line, size_t len)
{
    int error = line_buffer_append(&sink->pending, line, len);
    if (LIKELY(error != -EAGAIN))
        return error;
    int drained = drain(sink);
    error = line_buffer_append(&sink->pending, line, len);
    return error && drained ? drained : error;
}

static int write_locked(struct socket_sink *sink, const char *line, size_t len)
{
    int error = keep_line(sink, line, len);
    if (error) {
        enum drop_reason reason = error == -EAGAIN   ? DROP_SOCKET_FULL
                                  : error == -ENOMEM ? DROP_NO_MEMORY
                                                     : DROP_SOCKET_GONE;
        run_stats_count_drop(reason, -error);
        return error;
    }
    error = drain(sink);
    if (error == 0 || error == -EAGAIN || sink->was_connected)
        return 0;
    drop_pending(sink, error);
    return error;
}

int socket_sink_write(struct socket_sink *sink, const char *line, size_t len)
{
    if (!acquire(sink)) {
        run_stats_count_drop(DROP_BUSY, EBUSY);
        return -EBUSY;
    }
    int error = write_locked(sink, line, len);
    lock_release(&sink->lock);
    return error;
}

bool socket_sink_push(struct socket_sink *sink)
{
    if (!acquire(sink))
        return true;
    bool is_pending = drain(sink) != 0;
    lock_release(&sink->lock);
    return is_pending;
}

/* Waits until the peer may take more, @left_ms at most. */
static void wait_for_peer(struct socket_sink *sink, int left_ms)
{
    struct stat st;
    int fd = own_fd_use(&sink->fd, &st);
    if (fd >= 0) {
        raw_poll_one(fd, POLLOUT, left_ms);
        own_fd_done(&sink->fd);
        return;
    }
    /* Not connected, but EAGAIN: the queue of a unix listener is full. */
    raw_poll_one(-1, 0, MIN(left_ms, ACCEPT_POLL_MS));
    sink->next_connect_ns = 0;
}

void socket_sink_flush(struct socket_sink *sink, uint64_t deadline_ns)
{
    if (!acquire(sink))
        return;
    sink->next_connect_ns = 0;
    int error;
    while ((error = drain(sink)) == -EAGAIN) {
        uint64_t now_ns = clock_monotonic_ns();
        if (now_ns >= deadline_ns)
            break;
        wait_for_peer(sink, (int)MIN((deadline_ns - now_ns) / NANOS_PER_MILLI + 1, 60000));
    }
    drop_pending(sink, error);
    lock_release(&sink->lock);
}
