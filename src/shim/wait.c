/* Where an event loop waits, a turn ends: what its thread does next may be for anyone. */
#include "shim/real.h"
#include "trace/active.h"

EXPORT int epoll_wait(int fd, struct epoll_event *events, int count, int timeout_ms)
{
    active_next_turn();
    return REAL(epoll_wait)(fd, events, count, timeout_ms);
}

EXPORT int epoll_pwait(int fd, struct epoll_event *events, int count, int timeout_ms,
                       const sigset_t *mask)
{
    active_next_turn();
    return REAL(epoll_pwait)(fd, events, count, timeout_ms, mask);
}

EXPORT int epoll_pwait2(int fd, struct epoll_event *events, int count,
                        const struct timespec *timeout, const sigset_t *mask)
{
    active_next_turn();
    return REAL(epoll_pwait2)(fd, events, count, timeout, mask);
}

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    active_next_turn();
    return REAL(poll)(fds, count, timeout_ms);
}

EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t fds_len)
{
    active_next_turn();
    return REAL(__poll_chk)(fds, count, timeout_ms, fds_len);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask)
{
    active_next_turn();
    return REAL(ppoll)(fds, count, timeout, mask);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                       const sigset_t *mask, size_t fds_len)
{
    active_next_turn();
    return REAL(__ppoll_chk)(fds, count, timeout, mask, fds_len);
}

EXPORT int select(int count, fd_set *restrict readable, fd_set *restrict writable,
                  fd_set *restrict exceptional, struct timeval *restrict timeout)
{
    active_next_turn();
    return REAL(select)(count, readable, writable, exceptional, timeout);
}

EXPORT int pselect(int count, fd_set *restrict readable, fd_set *restrict writable,
                   fd_set *restrict exceptional, const struct timespec *restrict timeout,
                   const sigset_t *restrict mask)
{
    active_next_turn();
    return REAL(pselect)(count, readable, writable, exceptional, timeout, mask);
}
