/* The life of a connection: made, accepted, half closed. */
#include "base/memory.h"
#include "base/process.h"
#include "base/raw.h"
#include "shim/callsite_record.h"
#include "shim/handover.h"
#include "shim/real.h"
#include "shim/ruby.h"
#include "wire/table.h"

#include <netinet/tcp.h>

static bool is_watched(int domain, int type)
{
    bool is_stream = (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM;
    bool is_family = domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX;
    return is_stream && is_family && !silence_is_on() && shim_is_tracing();
}

EXPORT int socket(int domain, int type, int protocol)
{
    int fd = REAL(socket)(domain, type, protocol);
    if (fd < 0 || process_is_vfork_child())
        return fd;
    if (is_watched(domain, type))
        table_add(fd);
    else
        table_ignore(fd);
    return fd;
}

/* Threads hand each other work by such a pair as well: asyncio's loop is woken by one. */
static void handover_attach(struct connection *const connections[2])
{
    struct handover *handover = handover_new(HANDOVER_BYTES, 2, 2);
    for (uint8_t i = 0; handover && i < 2; i++) {
        connections[i]->handover = handover;
        connections[i]->handover_end = i;
    }
}

static bool is_packets(int domain, int type)
{
    type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    return domain == AF_UNIX && (type == SOCK_DGRAM || type == SOCK_SEQPACKET) && !silence_is_on() &&
           shim_is_tracing();
}

/* Known from the first byte on: a descriptor that is adopted later may be in the middle of a body. */
EXPORT int socketpair(int domain, int type, int protocol, int pair[2])
{
    static const struct sockaddr unnamed = {.sa_family = AF_UNIX};
    int result = REAL(socketpair)(domain, type, protocol, pair);
    if (result == 0 && is_packets(domain, type) && !process_is_vfork_child()) {
        int saved = errno;
        handover_pair_add(HANDOVER_PACKETS, 2, pair);
        errno = saved;
        return 0;
    }
    if (result != 0 || process_is_vfork_child())
        return result;
    struct connection *connections[2];
    for (int i = 0; i < 2; i++) {
        connections[i] = is_watched(domain, type) ? table_add(pair[i]) : NULL;
        if (connections[i])
            endpoint_set(&connections[i]->peer, &unnamed, sizeof unnamed.sa_family);
        else
            table_ignore(pair[i]);
    }
    if (connections[0] && connections[1])
        handover_attach(connections);
    return 0;
}

/* connect(2): "address family AF_UNSPEC" takes the socket back to its beginning. */
static bool is_disconnect(const struct sockaddr *address, socklen_t len)
{
    return len >= sizeof address->sa_family && memory_is_readable(address, sizeof address->sa_family) &&
           address->sa_family == AF_UNSPEC;
}

static int disconnect(int fd, const struct sockaddr *address, socklen_t len)
{
    int result = REAL(connect)(fd, address, len);
    int saved = errno;
    if (result == 0)
        table_add(fd);
    errno = saved;
    return result;
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    struct connection *connection = table_find(fd);
    if (!connection)
        return REAL(connect)(fd, address, len);
    CALLSITE_ENTER();
    if (is_disconnect(address, len))
        return disconnect(fd, address, len);
    connection_connect_begin(connection, address, len);
    int result = REAL(connect)(fd, address, len);
    int saved = errno;
    connection_connect_end(connection, result < 0 ? saved : 0);
    errno = saved;
    return result;
}

/* Unix sockets that are accepted may be of packets as well. */
static bool is_stream(int fd, const struct sockaddr *peer, socklen_t len)
{
    int type = 0;
    socklen_t type_len = sizeof type;
    bool is_inet = len >= sizeof peer->sa_family && (peer->sa_family == AF_INET || peer->sa_family == AF_INET6);
    return is_inet || (raw_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 && type == SOCK_STREAM);
}

/* The peer's address costs nothing extra: accept tells it if it is asked. */
static int accept_through(int listener, struct sockaddr *address, socklen_t *len, int flags,
                          bool has_flags)
{
    union endpoint peer;
    socklen_t peer_len = sizeof peer;
    struct sockaddr *out = address ? address : &peer.any;
    socklen_t *out_len = address ? len : &peer_len;
    socklen_t room = address && memory_is_readable(len, sizeof *len) ? *len : sizeof peer;
    int fd = has_flags ? REAL(accept4)(listener, out, out_len, flags)
                       : REAL(accept)(listener, out, out_len);
    if (fd < 0)
        return fd;
    int saved = errno;
    socklen_t len_known = MIN(*out_len, room); /* cut short: unknown */
    struct connection *connection =
        !silence_is_on() && shim_is_tracing() && is_stream(fd, out, len_known) ? table_add(fd) : NULL;
    if (connection)
        endpoint_set(&connection->peer, out, len_known);
    else
        table_ignore(fd);
    errno = saved;
    return fd;
}

EXPORT int accept(int listener, struct sockaddr *restrict address, socklen_t *restrict len)
{
    return accept_through(listener, address, len, 0, false);
}

EXPORT int accept4(int listener, struct sockaddr *restrict address, socklen_t *restrict len, int flags)
{
    return accept_through(listener, address, len, flags, true);
}

EXPORT int shutdown(int fd, int how)
{
    struct connection *connection = table_find(fd);
    int result = REAL(shutdown)(fd, how);
    if (connection && result == 0 && how != SHUT_RD) {
        int saved = errno;
        connection_shutdown_write(connection);
        errno = saved;
    }
    return result;
}

/* How a program learns what became of its non-blocking connect. */
static void connect_outcome(int fd, int error)
{
    struct connection *connection = table_find(fd);
    union endpoint peer;
    socklen_t peer_len = sizeof peer;
    if (!connection || !connection->is_connecting)
        return;
    /* No error yet is no connection yet. */
    if (error || raw_getpeername(fd, &peer, &peer_len) == 0)
        connection_connect_end(connection, error);
}

/* Puma's threads ask so whether the client is there still, when they begin to serve the request that its reactor has
 * read. */
static void client_state(int fd)
{
    struct connection *connection = g_ruby_is_here ? table_find(fd) : NULL;
    if (connection)
        connection_take_up(connection);
}

EXPORT int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict len)
{
    int result = REAL(getsockopt)(fd, level, option, value, len);
    if (result < 0)
        return result;
    int saved = errno;
    if (level == SOL_SOCKET && option == SO_ERROR && *len >= sizeof(int)) {
        CALLSITE_ENTER();
        connect_outcome(fd, *(int *)value);
    } else if (level == IPPROTO_TCP && option == TCP_INFO) {
        client_state(fd);
    }
    errno = saved;
    return result;
}
