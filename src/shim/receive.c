/* Bytes that came in. */
#include "base/memory.h"
#include "shim/handover.h"
#include "shim/python.h"
#include "shim/real.h"
#include "wire/table.h"
#include "wire/transfer.h"

#include <limits.h>
#include <string.h>

/* Of a call that took nothing: is it the end, or was nothing asked for? */
static bool wants_bytes(const struct iovec *iov, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (iov[i].iov_len)
            return true;
    return false;
}

static bool overlap(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return (uintptr_t)a < (uintptr_t)b + b_len && (uintptr_t)b < (uintptr_t)a + a_len;
}

/* We look at the list when the call is back: what came in must not have overwritten it. */
static bool list_stays(const struct iovec *iov, size_t count)
{
    if (count > IOV_MAX || !memory_is_readable(iov, count * sizeof *iov))
        return false;
    for (size_t i = 0; i < count; i++)
        if (overlap(iov, count * sizeof *iov, iov[i].iov_base, iov[i].iov_len))
            return false;
    return true;
}

/* The same of a message and its list. */
static bool message_stays(const struct msghdr *message)
{
    if (!memory_is_readable(message, sizeof *message) || !list_stays(message->msg_iov, message->msg_iovlen))
        return false;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        if (overlap(message, sizeof *message, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len))
            return false;
    return true;
}

/* What recv and its kin have in common once the real call is back. @result and errno pass through. */
static ssize_t receive_end(struct connection *connection, uint32_t generation, int fd,
                           const struct iovec *iov, size_t count, ssize_t result, int flags)
{
    int saved = errno;
    uint32_t set_count = active_set_count();
    if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
        return result; /* nothing was taken from the stream */
    if (result > 0 && (flags & MSG_TRUNC))
        transfer_received_unseen(connection, generation, (size_t)result);
    else if (result > 0)
        transfer_received(connection, generation, fd, iov, count, (size_t)result);
    else if (result < 0)
        transfer_receive_ended(connection, generation, saved);
    else if (wants_bytes(iov, count))
        transfer_receive_ended(connection, generation, 0);
    if (result > 0 && count == 1 && connection_generation(connection) == generation)
        handover_have_received(connection, iov->iov_base, flags & MSG_TRUNC ? 0 : result);
    python_has_received(set_count);
    errno = saved;
    return result;
}

/* A socket that we do not look at may be what threads hand each other work by. */
static void socket_begin_to_read(struct handover_read *reading, int fd, int flags)
{
    uintptr_t word = table_word(fd);
    reading->handover = NULL;
    if (LIKELY(!(word & TABLE_HANDOVER)) || flags & MSG_PEEK)
        return;
    if (flags & ~(MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL))
        handover_give_up(table_word_handover(word));
    handover_begin_to_read(reading, word);
}

static ssize_t socket_have_read(const struct handover_read *reading, const void *buf, ssize_t result)
{
    return reading->handover ? handover_have_read(reading, buf, result) : result;
}

EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    struct connection *connection = table_find_socket(fd);
    if (!connection) {
        struct handover_read reading;
        socket_begin_to_read(&reading, fd, flags);
        return socket_have_read(&reading, buf, REAL(recv)(fd, buf, len, flags));
    }
    struct iovec iov = {.iov_base = buf, .iov_len = len};
    uint32_t generation = connection_generation(connection);
    return receive_end(connection, generation, fd, &iov, 1, REAL(recv)(fd, buf, len, flags), flags);
}

EXPORT ssize_t __recv_chk(int fd, void *buf, size_t len, size_t buf_len, int flags)
{
    struct connection *connection = table_find_socket(fd);
    if (!connection) {
        struct handover_read reading;
        socket_begin_to_read(&reading, fd, flags);
        return socket_have_read(&reading, buf, REAL(__recv_chk)(fd, buf, len, buf_len, flags));
    }
    struct iovec iov = {.iov_base = buf, .iov_len = len};
    uint32_t generation = connection_generation(connection);
    return receive_end(connection, generation, fd, &iov, 1,
                       REAL(__recv_chk)(fd, buf, len, buf_len, flags), flags);
}

EXPORT ssize_t recvfrom(int fd, void *restrict buf, size_t len, int flags,
                        struct sockaddr *restrict address, socklen_t *restrict address_len)
{
    struct connection *connection = table_find_socket(fd);
    if (!connection) {
        struct handover_read reading;
        socket_begin_to_read(&reading, fd, flags);
        return socket_have_read(&reading, buf, REAL(recvfrom)(fd, buf, len, flags, address, address_len));
    }
    struct iovec iov = {.iov_base = buf, .iov_len = len};
    uint32_t generation = connection_generation(connection);
    return receive_end(connection, generation, fd, &iov, 1,
                       REAL(recvfrom)(fd, buf, len, flags, address, address_len), flags);
}

EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t buf_len, int flags,
                              struct sockaddr *address, socklen_t *address_len)
{
    struct connection *connection = table_find_socket(fd);
    if (!connection) {
        struct handover_read reading;
        socket_begin_to_read(&reading, fd, flags);
        return socket_have_read(&reading, buf, REAL(__recvfrom_chk)(fd, buf, len, buf_len, flags, address, address_len));
    }
    struct iovec iov = {.iov_base = buf, .iov_len = len};
    uint32_t generation = connection_generation(connection);
    return receive_end(connection, generation, fd, &iov, 1,
                       REAL(__recvfrom_chk)(fd, buf, len, buf_len, flags, address, address_len),
                       flags);
}

/* Descriptors that came along: what had their numbers was closed behind our back. */
static NOINLINE void descriptors_came(struct msghdr *message)
{
    int saved = errno;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t len = c->cmsg_len - CMSG_LEN(0);
        for (size_t at = 0; at + sizeof(int) <= len; at += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
            table_remove(fd);
        }
    }
    errno = saved;
}

/* The same after a call that filled in @message. */
static void message_came(struct msghdr *message)
{
    if (UNLIKELY(message->msg_controllen > 0))
        descriptors_came(message);
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    struct connection *connection = table_find_socket(fd);
    uint32_t generation = connection ? connection_generation(connection) : 0;
    if (connection && !message_stays(message)) {
        transfer_give_up(connection);
        connection = NULL;
    }
    handover_pass_by(fd);
    ssize_t result = REAL(recvmsg)(fd, message, flags);
    if (result >= 0)
        message_came(message);
    if (!connection)
        return result;
    if (result < 0) /* @message may be no address at all */
        return receive_end(connection, generation, fd, NULL, 0, result, flags);
    return receive_end(connection, generation, fd, message->msg_iov, message->msg_iovlen, result,
                       flags);
}

EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout)
{
    struct connection *connection = table_find_socket(fd);
    uint32_t generation = connection ? connection_generation(connection) : 0;
    bool stays = connection && memory_is_readable(messages, sizeof *messages);
    for (unsigned i = 0; stays && i < MIN(count, IOV_MAX); i++)
        stays = message_stays(&messages[i].msg_hdr);
    if (connection && !stays) {
        transfer_give_up(connection);
        connection = NULL;
    }
    handover_pass_by(fd);
    int received = REAL(recvmmsg)(fd, messages, count, flags, timeout);
    for (int i = 0; i < received; i++)
        message_came(&messages[i].msg_hdr);
    for (int i = 0; connection && i < received; i++)
        receive_end(connection, generation, fd, messages[i].msg_hdr.msg_iov,
                    messages[i].msg_hdr.msg_iovlen, (ssize_t)messages[i].msg_len, flags);
    return received;
}

static NOINLINE ssize_t handover_read(uintptr_t word, int fd, void *buf, size_t len)
{
    struct handover_read reading;
    handover_begin_to_read(&reading, word);
    return handover_have_read(&reading, buf, REAL(read)(fd, buf, len));
}

EXPORT ssize_t read(int fd, void *buf, size_t len)
{
    uintptr_t word = table_word(fd);
    python_has_read();
    if (LIKELY(word <= TABLE_IGNORED))
        return REAL(read)(fd, buf, len);
    if (word & TABLE_HANDOVER)
        return handover_read(word, fd, buf, len);
    struct connection *connection = (struct connection *)word;
    struct iovec iov = {.iov_base = buf, .iov_len = len};
    uint32_t generation = connection_generation(connection);
    return receive_end(connection, generation, fd, &iov, 1, REAL(read)(fd, buf, len), 0);
}

static NOINLINE ssize_t handover_read_chk(uintptr_t word, int fd, void *buf, size_t len, size_t buf_len)
{
    struct handover_read reading;
    handover_begin_to_read(&reading, word);
    return handover_have_read(&reading, buf, REAL(__read_chk)(fd, buf, len, buf_len));
}

EXPORT ssize_t __read_chk(int fd, void *buf, size_t len, size_t buf_len)
{
    uintptr_t word = table_word(fd);
    if (LIKELY(word <= TABLE_IGNORED))
        return REAL(__read_chk)(fd, buf, len, buf_len);
    if (word & TABLE_HANDOVER)
        return handover_read_chk(word, fd, buf, len, buf_len);
    struct connection *connection = (struct connection *)word;
    struct iovec iov = {.iov_base = buf, .iov_len = len};
    uint32_t generation = connection_generation(connection);
    return receive_end(connection, generation, fd, &iov, 1, REAL(__read_chk)(fd, buf, len, buf_len),
                       0);
}

EXPORT ssize_t readv(int fd, const struct iovec *iov, int count)
{
    struct connection *connection = table_find(fd);
    if (LIKELY(!connection)) {
        handover_pass_by(fd);
        return REAL(readv)(fd, iov, count);
    }
    if (count <= 0)
        return REAL(readv)(fd, iov, count);
    if (!list_stays(iov, (size_t)count)) {
        transfer_give_up(connection);
        return REAL(readv)(fd, iov, count);
    }
    uint32_t generation = connection_generation(connection);
    return receive_end(connection, generation, fd, iov, (size_t)count, REAL(readv)(fd, iov, count), 0);
}
