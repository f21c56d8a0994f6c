#include "emit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* No errno has this value: it is there before each call, and still there after one that succeeded.
 */
enum { ERRNO_UNTOUCHED = 31415 };

static const char *const call_names[] = {"write",   "send",     "sendto",
                                         "sendmsg", "sendmmsg", "writev"};

int emit_call_find(const char *name)
{
    for (size_t i = 0; i < sizeof call_names / sizeof call_names[0]; i++)
        if (strcmp(call_names[i], name) == 0)
            return (int)i;
    return -1;
}

/* The bytes in two halves, the first of which may be empty: calls that gather have something to. */
static void halve(const char *bytes, size_t len, struct iovec halves[2])
{
    halves[0] = (struct iovec){.iov_base = (char *)bytes, .iov_len = len / 2};
    halves[1] = (struct iovec){.iov_base = (char *)bytes + len / 2, .iov_len = len - len / 2};
}

/* The two halves as a message each, or the whole as one where it is a single byte. Returns the
 * bytes taken altogether, and -1 (with errno 0) where the messages' counts do not fit together. */
static ssize_t emit_sendmmsg(int fd, const char *bytes, size_t len)
{
    struct iovec halves[2];
    struct mmsghdr messages[2] = {0};
    unsigned first = len == 1 ? 1 : 0;
    ssize_t sum = 0;
    halve(bytes, len, halves);
    for (int i = 0; i < 2; i++)
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &halves[i], .msg_iovlen = 1};
    int n = sendmmsg(fd, messages + first, 2 - first, MSG_NOSIGNAL);
    if (n < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        size_t taken = messages[(int)first + i].msg_len, whole = halves[(int)first + i].iov_len;
        if (taken == 0 || taken > whole || (i + 1 < n && taken < whole)) {
            errno = 0; /* a message was sent behind one that was not complete */
            return -1;
        }
        sum += (ssize_t)taken;
    }
    return sum;
}

static ssize_t call_make(enum emit_call call, int fd, const char *bytes, size_t len)
{
    struct iovec halves[2];
    struct msghdr message = {.msg_iov = halves, .msg_iovlen = 2};
    halve(bytes, len, halves);
    switch (call) {
    case EMIT_WRITE:
        return write(fd, bytes, len);
    case EMIT_SEND:
        return send(fd, bytes, len, MSG_NOSIGNAL);
    case EMIT_SENDTO:
        return sendto(fd, bytes, len, MSG_NOSIGNAL, NULL, 0);
    case EMIT_SENDMSG:
        return sendmsg(fd, &message, MSG_NOSIGNAL);
    case EMIT_SENDMMSG:
        return emit_sendmmsg(fd, bytes, len);
    default:
        return writev(fd, halves, 2);
    }
}

static ssize_t complain(enum emit_call call, size_t len, ssize_t result, const char *what)
{
    fprintf(stderr, "drip: %s of %zu bytes returned %zd: %s\n", call_names[call], len, result,
            what);
    return -1;
}

ssize_t emit(enum emit_call call, int fd, bool is_blocking, const char *bytes, size_t len)
{
    errno = ERRNO_UNTOUCHED;
    ssize_t n = call_make(call, fd, bytes, len);
    int error = errno;
    if (n < 0 && error == EAGAIN && !is_blocking)
        return 0;
    if (n < 0)
        return complain(call, len, n, strerror(error));
    if (error != ERRNO_UNTOUCHED)
        return complain(call, len, n, "a success changed errno");
    if (n == 0 || (size_t)n > len)
        return complain(call, len, n, "not from 1 to what was asked for");
    if (is_blocking && (size_t)n < len)
        return complain(call, len, n, "a blocking call must take everything");
    return n;
}
