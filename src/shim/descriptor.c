/* Descriptors that come and go. Our own, which the program cannot know of, look closed to it. */
#include "base/process.h"
#include "export/direct_sink.h"
#include "shim/callsite_record.h"
#include "shim/handover.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "shim/send.h"
#include "trace/active.h"
#include "wire/message_queue.h"
#include "wire/table.h"
#include "wire/transfer.h"

#include <linux/close_range.h>
#include <stdarg.h>
#include <sys/syscall.h>

/* Our own descriptors have numbers below this (own_fd.c). */
enum { OWN_FD_END = 1024 };

/* True if the call on @fd must fail as if nothing were open there. */
static bool is_hidden(int fd)
{
    if (LIKELY(!direct_sink_owns(fd)))
        return false;
    errno = EBADF;
    return true;
}

EXPORT int close(int fd)
{
    if (is_hidden(fd))
        return -1;
    table_remove(fd);
    return REAL(close)(fd);
}

EXPORT int mq_close(mqd_t queue)
{
    if (is_hidden(queue))
        return -1;
    table_remove(queue);
    return REAL(mq_close)(queue);
}

/* Closes a range around our own descriptors. */
static int close_around_own(unsigned first, unsigned last, int flags)
{
    for (unsigned fd = first; fd <= MIN(last, (unsigned)OWN_FD_END); fd++) {
        if (!direct_sink_owns((int)fd))
            continue;
        if (fd > first && REAL(close_range)(first, fd - 1, flags) < 0)
            return -1;
        first = fd + 1;
    }
    return first <= last ? REAL(close_range)(first, last, flags) : 0;
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    if (first > last || (flags & ~(int)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)))
        return REAL(close_range)(first, last, flags);
    if (!(flags & CLOSE_RANGE_CLOEXEC))
        table_remove_range(first, last);
    return close_around_own(first, last, flags);
}

EXPORT void closefrom(int first)
{
    unsigned from = (unsigned)MAX(first, 0);
    int saved = errno;
    table_remove_range(from, ~0U);
    if (close_around_own(from, ~0U, 0) < 0) /* a kernel without close_range: libc knows another way */
        REAL(closefrom)(first);
    errno = saved;
}

static void give_up(int fd)
{
    struct connection *connection = table_find(fd);
    int saved = errno;
    if (connection)
        transfer_give_up(connection);
    handover_pass_by(fd);
    errno = saved;
}

/* What is to be the standard input, output or error is read and written by stdio, past us. */
static int duplicated(int from, int to)
{
    if (to >= 0) {
        int saved = errno;
        if (UNLIKELY(to <= STDERR_FILENO) && from != to && !process_is_vfork_child())
            give_up(from);
        table_duplicate(from, to);
        errno = saved;
    }
    return to;
}

EXPORT int dup(int fd)
{
    return is_hidden(fd) ? -1 : duplicated(fd, REAL(dup)(fd));
}

EXPORT int dup2(int fd, int to)
{
    if (is_hidden(fd))
        return -1;
    if (UNLIKELY(direct_sink_owns(to)))
        direct_sink_move(to);
    return duplicated(fd, REAL(dup2)(fd, to));
}

EXPORT int dup3(int fd, int to, int flags)
{
    if (is_hidden(fd))
        return -1;
    if (UNLIKELY(direct_sink_owns(to)))
        direct_sink_move(to);
    return duplicated(fd, REAL(dup3)(fd, to, flags));
}

/* A third argument that is not there is a register's rest, which nobody will look at. */
static long third_argument(va_list arguments)
{
    return va_arg(arguments, long);
}

static int fcntl_end(int fd, int command, int result)
{
    bool is_duplicate = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    return is_duplicate ? duplicated(fd, result) : result;
}

EXPORT int fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    long argument = third_argument(arguments);
    va_end(arguments);
    return is_hidden(fd) ? -1 : fcntl_end(fd, command, REAL(fcntl)(fd, command, argument));
}

EXPORT int fcntl64(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    long argument = third_argument(arguments);
    va_end(arguments);
    return is_hidden(fd) ? -1 : fcntl_end(fd, command, REAL(fcntl64)(fd, command, argument));
}

/* stdio reads, writes and closes past us: what goes through it cannot be seen, and what is sent by another
 * name of the same socket may be anywhere in a message. */
EXPORT FILE *fdopen(int fd, const char *mode)
{
    FILE *file = REAL(fdopen)(fd, mode);
    if (file && table_word(fd) > TABLE_IGNORED) {
        int saved = errno;
        give_up(fd);
        table_ignore(fd);
        errno = saved;
    }
    return file;
}

int __vsnprintf_chk(char *text, size_t len, int flag, size_t room, const char *format,
                    va_list arguments);

/* All of it, as stdio writes it. Returns -1 where a part of it could not be written. */
static int text_write(int fd, const char *text, int len)
{
    for (int done = 0; done < len;) {
        ssize_t written = send_written(fd, text + done, (size_t)(len - done));
        if (written < 0)
            return -1;
        done += (int)written;
    }
    return len;
}

static int stdio_print(int fd, int flag, const char *format, va_list arguments)
{
    return flag ? REAL(__vdprintf_chk)(fd, flag, format, arguments)
                : REAL(vdprintf)(fd, format, arguments);
}

/* On a connection that is looked at, what is short enough is written where we see it; the rest by stdio,
 * past us. */
static NOINLINE int connection_print(int fd, int flag, const char *format, va_list arguments)
{
    enum { TEXT_LEN_MAX = 4096 };
    char text[TEXT_LEN_MAX];
    va_list again;
    va_copy(again, arguments);
    int len = __vsnprintf_chk(text, sizeof text, flag, sizeof text, format, again);
    va_end(again);
    if (len >= 0 && len < TEXT_LEN_MAX)
        return text_write(fd, text, len);
    give_up(fd);
    return stdio_print(fd, flag, format, arguments);
}

/* @flag: of the fortified calls; 0 for the others. */
static int text_print(int fd, int flag, const char *format, va_list arguments)
{
    return table_find(fd) ? connection_print(fd, flag, format, arguments)
                          : (handover_pass_by(fd), stdio_print(fd, flag, format, arguments));
}

EXPORT int vdprintf(int fd, const char *format, va_list arguments)
{
    CALLSITE_ENTER();
    return text_print(fd, 0, format, arguments);
}

EXPORT int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments)
{
    CALLSITE_ENTER();
    return text_print(fd, flag, format, arguments);
}

EXPORT int dprintf(int fd, const char *format, ...)
{
    va_list arguments;
    CALLSITE_ENTER();
    va_start(arguments, format);
    int len = text_print(fd, 0, format, arguments);
    va_end(arguments);
    return len;
}

EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...)
{
    va_list arguments;
    CALLSITE_ENTER();
    va_start(arguments, format);
    int len = text_print(fd, flag, format, arguments);
    va_end(arguments);
    return len;
}

/* ---- at offset -1 these are writev and readv, which hardly anybody calls by these names on a socket ---- */

static void stream_give_up(int fd, off64_t offset)
{
    if (offset == -1)
        give_up(fd);
}

EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    stream_give_up(fd, offset);
    return REAL(pwritev2)(fd, iov, count, offset, flags);
}

EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off64_t offset, int flags)
{
    stream_give_up(fd, offset);
    return REAL(pwritev64v2)(fd, iov, count, offset, flags);
}

EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    stream_give_up(fd, offset);
    return REAL(preadv2)(fd, iov, count, offset, flags);
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int count, off64_t offset, int flags)
{
    stream_give_up(fd, offset);
    return REAL(preadv64v2)(fd, iov, count, offset, flags);
}

/* ---- asynchronous I/O: by threads of libc's, past us ---- */

EXPORT int aio_read(struct aiocb *request)
{
    give_up(request->aio_fildes);
    return REAL(aio_read)(request);
}

EXPORT int aio_read64(struct aiocb64 *request)
{
    give_up(request->aio_fildes);
    return REAL(aio_read64)(request);
}

EXPORT int aio_write(struct aiocb *request)
{
    give_up(request->aio_fildes);
    return REAL(aio_write)(request);
}

EXPORT int aio_write64(struct aiocb64 *request)
{
    give_up(request->aio_fildes);
    return REAL(aio_write64)(request);
}

EXPORT int lio_listio(int mode, struct aiocb *const requests[], int count, struct sigevent *event)
{
    for (int i = 0; i < count; i++)
        if (requests[i])
            give_up(requests[i]->aio_fildes);
    return REAL(lio_listio)(mode, requests, count, event);
}

EXPORT int lio_listio64(int mode, struct aiocb64 *const requests[], int count, struct sigevent *event)
{
    for (int i = 0; i < count; i++)
        if (requests[i])
            give_up(requests[i]->aio_fildes);
    return REAL(lio_listio64)(mode, requests, count, event);
}

/* The descriptor whose bytes a system call takes or gives past us; -1: none. Of two it is the one written to. */
static int bytes_fd(long number, const long *a)
{
    switch (number) {
    case SYS_read:
    case SYS_write:
    case SYS_readv:
    case SYS_writev:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
    case SYS_sendfile:
    case SYS_timerfd_settime:
    case SYS_mq_timedsend:
    case SYS_mq_timedreceive:
        return (int)a[0];
    case SYS_preadv2:
    case SYS_pwritev2:
        return (int)a[0];
    case SYS_splice:
        return (int)a[2];
    default:
        return -1;
    }
}

/* The other one. */
static int source_fd(long number, const long *a)
{
    return number == SYS_sendfile ? (int)a[1] : number == SYS_splice ? (int)a[0] : -1;
}

static bool closes_hidden(long number, long a)
{
    return number == SYS_close && is_hidden((int)a);
}

EXPORT long syscall(long number, ...)
{
    long a[6];
    va_list arguments;
    va_start(arguments, number);
    for (size_t i = 0; i < ARRAY_LEN(a); i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    if (number == SYS_close_range)
        return close_range((unsigned)a[0], (unsigned)a[1], (int)a[2]);
    if (closes_hidden(number, a[0]))
        return -1;
    if (number == SYS_futex)
        active_note_wait();
    if (number == SYS_msgsnd || number == SYS_msgrcv)
        message_queue_pass_by((int)a[0]);
    if (number == SYS_close)
        table_remove((int)a[0]);
    enum sandbox sandbox = sandbox_of_syscall(number, a[0], a[1]);
    if (UNLIKELY(sandbox != SANDBOX_NONE) && !sandbox_prepare())
        sandbox = SANDBOX_NONE;
    if (g_table) {
        give_up(bytes_fd(number, a));
        give_up(source_fd(number, a));
    }
    long result = REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (UNLIKELY(sandbox != SANDBOX_NONE) && result == 0)
        sandbox_enter(sandbox);
    if (number == SYS_dup || number == SYS_dup3)
        return duplicated((int)a[0], (int)result);
#ifdef SYS_dup2
    if (number == SYS_dup2)
        return duplicated((int)a[0], (int)result);
#endif
    return result;
}
