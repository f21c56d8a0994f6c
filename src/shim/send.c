/* Bytes on their way out. */
#include "base/memory.h"
#include "base/process.h"
#include "shim/callsite_record.h"
#include "shim/handover.h"
#include "shim/real.h"
#include "shim/send.h"
#include "shim/test_output.h"
#include "wire/table.h"
#include "wire/transfer.h"

#include <limits.h>
#include <string.h>

/* Prepares a call that sends @iov; true if it must be made by send_edited. */
static bool send_begin(struct send_plan *plan, struct connection *connection, int fd, const struct iovec *iov,
                       size_t count, int flags)
{
    int saved = errno;
    transfer_send_begin(plan, connection, fd, iov, count, flags);
    errno = saved;
    return plan->is_edited;
}

/* Accounts for a call that sent the application's bytes as they are. */
static ssize_t send_end(struct send_plan *plan, ssize_t result)
{
    int saved = errno;
    struct send_outcome outcome = transfer_send_end(plan, result, result < 0 ? saved : 0);
    errno = saved;
    return outcome.result;
}

/* Our bytes have gone out in part, the application's not at all: it cannot be told 0. Another try
 * that does not wait shows whether there is room; if there is none, the application learns what its
 * own call would have told it. */
static int no_room_errno(int fd, int flags)
{
    int file_flags = REAL(fcntl)(fd, F_GETFL);
    bool is_nonblocking = (flags & MSG_DONTWAIT) || (file_flags >= 0 && file_flags & O_NONBLOCK);
    return is_nonblocking ? EAGAIN : EINTR; /* a blocking call comes back short on a signal only */
}

enum { COPY_LEN_MAX = 2048, COPY_PIECES_MAX = 8 };

/* The usual edited message, a head and its header, costs the kernel less in one piece than in three (0.15
 * us of 0.18): copied, since it is small. */
static NOINLINE ssize_t send_copied(const struct send_plan *plan, int fd, int flags)
{
    char copy[COPY_LEN_MAX], *end = copy;
    for (const struct iovec *iov = plan->iov, *iov_end = iov + plan->iov_count; iov < iov_end; iov++)
        end = mempcpy(end, iov->iov_base, iov->iov_len);
    return REAL(send)(fd, copy, plan->len, flags);
}

/* The kernel may read a MSG_ZEROCOPY buffer after the call. */
static bool is_copied(const struct send_plan *plan, const struct msghdr *message, int flags)
{
    return plan->len <= COPY_LEN_MAX && plan->iov_count <= COPY_PIECES_MAX &&
           !message->msg_control && !message->msg_name && !(flags & MSG_ZEROCOPY);
}

/* @is_first: nothing of it has gone out yet. */
static ssize_t send_planned(const struct send_plan *plan, int fd, const struct msghdr *original, int flags,
                            bool is_first)
{
    if (LIKELY(is_copied(plan, original, flags)))
        return send_copied(plan, fd, flags);
    struct msghdr message = *original;
    message.msg_iov = plan->iov;
    message.msg_iovlen = plan->iov_count;
    if (!is_first) { /* it went out with the first byte */
        message.msg_control = NULL;
        message.msg_controllen = 0;
    }
    return REAL(sendmsg)(fd, &message, flags);
}

/* Sends what the plan says, and accounts for it. @is_any_file: by write(2) or writev(2), which work on
 * any file: if the descriptor is no socket any more, the bytes go out as they are. */
static ssize_t send_edited(struct send_plan *plan, int fd, const struct msghdr *original, int flags,
                           bool is_any_file)
{
    int extra_flags = 0;
    int entry_errno = errno;
    for (;;) {
        ssize_t result = send_planned(plan, fd, original, flags | extra_flags, !extra_flags);
        int saved = result < 0 ? errno : entry_errno;
        if (result < 0 && saved == ENOTSOCK && is_any_file) {
            transfer_send_cancel(plan);
            errno = entry_errno;
            return REAL(writev)(fd, original->msg_iov, (int)original->msg_iovlen);
        }
        struct send_outcome outcome = transfer_send_end(plan, result, saved);
        if (!outcome.is_again) {
            bool has_no_room = result < 0 && extra_flags && saved == EAGAIN;
            errno = has_no_room ? no_room_errno(fd, flags) : saved;
            return outcome.result;
        }
        transfer_send_resume(plan);
        extra_flags = MSG_DONTWAIT;
    }
}

/* A socket that we do not look at may be what threads hand each other work by. */
static void socket_begin_to_write(struct handover_write *writing, int fd, const void *buf, size_t len, int flags)
{
    uintptr_t word = table_word(fd);
    writing->handover = NULL;
    if (LIKELY(!(word & TABLE_HANDOVER)))
        return;
    if (flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR))
        handover_give_up(table_word_handover(word));
    handover_begin_to_write(writing, word, buf, len);
}

static ssize_t socket_have_written(const struct handover_write *writing, ssize_t result)
{
    return writing->handover ? handover_have_written(writing, result) : result;
}

EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
    struct connection *connection = table_find_socket(fd);
    if (!connection) {
        struct handover_write writing;
        socket_begin_to_write(&writing, fd, buf, len, flags);
        return socket_have_written(&writing, REAL(send)(fd, buf, len, flags));
    }
    struct iovec iov = {.iov_base = (void *)buf, .iov_len = len};
    struct send_plan plan;
    CALLSITE_ENTER();
    if (send_begin(&plan, connection, fd, &iov, 1, flags))
        return send_edited(&plan, fd, &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, flags, false);
    struct handover_write writing;
    handover_begin_to_send(&writing, connection, buf, len);
    return send_end(&plan, handover_have_sent(&writing, REAL(send)(fd, buf, len, flags)));
}

EXPORT ssize_t sendto(int fd, const void *buf, size_t len, int flags,
                      const struct sockaddr *address, socklen_t address_len)
{
    struct connection *connection = table_find_socket(fd);
    if (!connection) {
        struct handover_write writing;
        socket_begin_to_write(&writing, fd, buf, len, flags);
        return socket_have_written(&writing, REAL(sendto)(fd, buf, len, flags, address, address_len));
    }
    struct iovec iov = {.iov_base = (void *)buf, .iov_len = len};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_name = (void *)address,
                             .msg_namelen = address_len};
    struct send_plan plan;
    CALLSITE_ENTER();
    if (address && (flags & MSG_FASTOPEN))
        connection_connect_begin(connection, address, address_len);
    if (send_begin(&plan, connection, fd, &iov, 1, flags))
        return send_edited(&plan, fd, &message, flags, false);
    struct handover_write writing;
    handover_begin_to_send(&writing, connection, buf, len);
    return send_end(&plan, handover_have_sent(&writing, REAL(sendto)(fd, buf, len, flags, address, address_len)));
}

/* A list that the kernel will refuse is not looked at. */
static bool list_is_sendable(const struct iovec *iov, size_t count)
{
    return count <= IOV_MAX && memory_is_readable(iov, count * sizeof *iov);
}

static ssize_t message_send(struct connection *connection, int fd, const struct msghdr *message, int flags)
{
    struct send_plan plan;
    if (!list_is_sendable(message->msg_iov, message->msg_iovlen))
        return REAL(sendmsg)(fd, message, flags);
    if (send_begin(&plan, connection, fd, message->msg_iov, message->msg_iovlen, flags))
        return send_edited(&plan, fd, message, flags, false);
    return send_end(&plan, REAL(sendmsg)(fd, message, flags));
}

/* Is a connection among the descriptors that go along? Another process will have it, too. */
static NOINLINE bool hands_on(const struct msghdr *message)
{
    if (!memory_is_readable(message->msg_control, message->msg_controllen))
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR((struct msghdr *)message, c)) {
        bool is_rights = c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS;
        for (size_t at = CMSG_LEN(0); is_rights && at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
            int fd;
            memcpy(&fd, (const char *)c + at, sizeof fd);
            if (table_word(fd) > TABLE_IGNORED)
                return true;
        }
    }
    return false;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct connection *connection = table_find_socket(fd);
    handover_pass_by(fd);
    if (!memory_is_readable(message, sizeof *message))
        return REAL(sendmsg)(fd, message, flags);
    if (UNLIKELY(message->msg_controllen) && hands_on(message))
        process_note_fork();
    if (!connection)
        return REAL(sendmsg)(fd, message, flags);
    CALLSITE_ENTER();
    return message_send(connection, fd, message, flags);
}

/* As the kernel does it: one message after the other, until one fails or is taken in part. */
static int sendmmsg_each(struct connection *connection, int fd, struct mmsghdr *messages,
                         unsigned count, int flags)
{
    unsigned done = 0;
    int entry_errno = errno;
    while (done < count) {
        struct msghdr *message = &messages[done].msg_hdr;
        if (message->msg_controllen && hands_on(message))
            process_note_fork();
        bool has_list = list_is_sendable(message->msg_iov, message->msg_iovlen);
        size_t len = 0;
        for (size_t i = 0; has_list && i < message->msg_iovlen; i++)
            len += message->msg_iov[i].iov_len;
        ssize_t sent = message_send(connection, fd, message, flags);
        if (sent < 0 && done == 0)
            return -1;
        if (sent < 0)
            break;
        messages[done++].msg_len = (unsigned)sent;
        if ((size_t)sent < len)
            break;
    }
    errno = entry_errno;
    return (int)done;
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    struct connection *connection = table_find_socket(fd);
    if (!connection) {
        handover_pass_by(fd);
        return REAL(sendmmsg)(fd, messages, count, flags);
    }
    count = MIN(count, IOV_MAX);
    if (!memory_is_writable(messages, count * sizeof *messages)) { /* we would have to say how much was sent there */
        transfer_give_up(connection);
        return REAL(sendmmsg)(fd, messages, count, flags);
    }
    CALLSITE_ENTER();
    return sendmmsg_each(connection, fd, messages, count, flags);
}

static NOINLINE ssize_t connection_write(struct connection *connection, int fd, const void *buf,
                                         size_t len)
{
    struct iovec iov = {.iov_base = (void *)buf, .iov_len = len};
    struct send_plan plan;
    if (send_begin(&plan, connection, fd, &iov, 1, 0))
        return send_edited(&plan, fd, &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, 0, true);
    struct handover_write writing;
    handover_begin_to_send(&writing, connection, buf, len);
    return send_end(&plan, handover_have_sent(&writing, REAL(write)(fd, buf, len)));
}

static NOINLINE ssize_t handover_write(uintptr_t word, int fd, const void *buf, size_t len)
{
    struct handover_write writing;
    handover_begin_to_write(&writing, word, buf, len);
    return handover_have_written(&writing, REAL(write)(fd, buf, len));
}

EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
    uintptr_t word = table_word(fd);
    test_output_note(fd, buf, len);
    if (LIKELY(word <= TABLE_IGNORED))
        return REAL(write)(fd, buf, len);
    if (word & TABLE_HANDOVER)
        return handover_write(word, fd, buf, len);
    CALLSITE_ENTER();
    return connection_write((struct connection *)word, fd, buf, len);
}

ssize_t send_written(int fd, const void *buf, size_t len)
{
    struct connection *connection = table_find(fd);
    return connection ? connection_write(connection, fd, buf, len) : REAL(write)(fd, buf, len);
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
    struct connection *connection = table_find(fd);
    handover_pass_by(fd);
    if (LIKELY(!connection) || count <= 0 || !list_is_sendable(iov, (size_t)count))
        return REAL(writev)(fd, iov, count);
    struct send_plan plan;
    CALLSITE_ENTER();
    if (send_begin(&plan, connection, fd, iov, (size_t)count, 0)) {
        const struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
        return send_edited(&plan, fd, &message, 0, true);
    }
    return send_end(&plan, REAL(writev)(fd, iov, count));
}

/* Before bytes that we do not see can go out, what is owed must. 0, or -1 with errno. */
static int owed_send(struct connection *connection, int fd)
{
    const char *bytes;
    size_t len;
    while ((bytes = transfer_owed_begin(connection, &len))) {
        ssize_t sent = REAL(send)(fd, bytes, len, MSG_MORE);
        transfer_owed_end(connection, (size_t)MAX(sent, 0));
        if (sent < 0)
            return -1;
    }
    return 0;
}

/* The ends of a call whose bytes we do not see. */
struct unseen {
    struct connection *in, *out; /* NULL: no connection of ours */
    uint32_t generation;         /* of @in */
};

static struct unseen unseen_of(int in_fd, int out_fd)
{
    struct unseen unseen = {.in = table_find(in_fd), .out = table_find(out_fd)};
    handover_pass_by(in_fd);
    handover_pass_by(out_fd);
    unseen.generation = unseen.in ? connection_generation(unseen.in) : 0;
    return unseen;
}

static ssize_t unseen_end(const struct unseen *unseen, ssize_t result)
{
    int saved = errno;
    if (unseen->in && result > 0)
        transfer_received_unseen(unseen->in, unseen->generation, (size_t)result);
    if (unseen->out && result > 0)
        transfer_sent_unseen(unseen->out, (size_t)result);
    errno = saved;
    return result;
}

EXPORT ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
    struct unseen unseen = unseen_of(in_fd, out_fd);
    if (LIKELY(!unseen.in && !unseen.out))
        return REAL(sendfile)(out_fd, in_fd, offset, count);
    if (unseen.out && owed_send(unseen.out, out_fd) < 0)
        return -1;
    return unseen_end(&unseen, REAL(sendfile)(out_fd, in_fd, offset, count));
}

EXPORT ssize_t sendfile64(int out_fd, int in_fd, off64_t *offset, size_t count)
{
    struct unseen unseen = unseen_of(in_fd, out_fd);
    if (LIKELY(!unseen.in && !unseen.out))
        return REAL(sendfile64)(out_fd, in_fd, offset, count);
    if (unseen.out && owed_send(unseen.out, out_fd) < 0)
        return -1;
    return unseen_end(&unseen, REAL(sendfile64)(out_fd, in_fd, offset, count));
}

EXPORT ssize_t splice(int in_fd, off64_t *in_offset, int out_fd, off64_t *out_offset, size_t len,
                      unsigned flags)
{
    struct unseen unseen = unseen_of(in_fd, out_fd);
    if (unseen.out && owed_send(unseen.out, out_fd) < 0)
        return -1;
    return unseen_end(&unseen, REAL(splice)(in_fd, in_offset, out_fd, out_offset, len, flags));
}
