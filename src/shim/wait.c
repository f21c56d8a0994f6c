/* Where an event loop waits, a turn ends: what its thread does next may be for anyone. Who waits for one descriptor alone
 * is no event loop, but a thread that does one thing after the other. Who waits for other threads may be a pool's, and be
 * given work. */
#include "base/memory.h"
#include "shim/real.h"
#include "shim/ruby.h"
#include "trace/active.h"

/* Ruby's own does not count. */
static bool is_one_at_most(int count, const fd_set *set)
{
    size_t words = ((size_t)count + 63) / 64;
    int own = ruby_signal_fd();
    int found = own >= 0 && own < count && FD_ISSET(own, set) ? -1 : 0;
    for (size_t i = 0; i < words && found <= 1; i++)
        found += __builtin_popcountl(((const unsigned long *)set->fds_bits)[i]);
    return found <= 1;
}

/* A set that is not there to be read, the kernel will say. */
static void select_begin(int count, const fd_set *readable, const fd_set *writable)
{
    const fd_set *sets[] = {readable, writable};
    size_t len = ((size_t)MAX(count, 0) + 63) / 64 * 8;
    int used = 0;
    for (int i = 0; i < 2 && count > 0; i++) {
        if (!sets[i])
            continue;
        if (count > FD_SETSIZE || !memory_is_readable(sets[i], len) || !is_one_at_most(count, sets[i]) || used++) {
            active_next_turn();
            return;
        }
    }
}

static void poll_begin(const struct pollfd *fds, nfds_t count)
{
    if (UNLIKELY(g_ruby_is_here) && (count == 1 || count == 2) && (count = ruby_poll_begin(fds, count)) == 0)
        active_note_wait();
    if (count > 1)
        active_next_turn();
}

/* glibc's header says that polls only write to what they are given. */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

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
    poll_begin(fds, count);
    return REAL(poll)(fds, count, timeout_ms);
}

EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t fds_len)
{
    poll_begin(fds, count);
    return REAL(__poll_chk)(fds, count, timeout_ms, fds_len);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask)
{
    poll_begin(fds, count);
    return REAL(ppoll)(fds, count, timeout, mask);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                       const sigset_t *mask, size_t fds_len)
{
    poll_begin(fds, count);
    return REAL(__ppoll_chk)(fds, count, timeout, mask, fds_len);
}

EXPORT int select(int count, fd_set *restrict readable, fd_set *restrict writable,
                  fd_set *restrict exceptional, struct timeval *restrict timeout)
{
    select_begin(count, readable, writable);
    return REAL(select)(count, readable, writable, exceptional, timeout);
}

EXPORT int pselect(int count, fd_set *restrict readable, fd_set *restrict writable,
                   fd_set *restrict exceptional, const struct timespec *restrict timeout,
                   const sigset_t *restrict mask)
{
    select_begin(count, readable, writable);
    return REAL(pselect)(count, readable, writable, exceptional, timeout, mask);
}

EXPORT int sem_wait(sem_t *semaphore)
{
    active_note_wait();
    return REAL(sem_wait)(semaphore);
}

EXPORT int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict end)
{
    active_note_wait();
    return REAL(sem_timedwait)(semaphore, end);
}

EXPORT int sem_clockwait(sem_t *restrict semaphore, clockid_t clock, const struct timespec *restrict end)
{
    active_note_wait();
    return REAL(sem_clockwait)(semaphore, clock, end);
}
