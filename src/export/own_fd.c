#include "export/own_fd.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "base/raw.h"

#include <errno.h>

enum { NUMBER_MAX = 1024, NUMBERS_ABOVE = 64 };

/* Above the program's own numbers, yet below 1024: a descriptor table that reached to a million
 * would cost each fork of the program 8 MB. At most 64 below the limit, fewer where the limit is
 * low; where all those are taken, further down. Never 0 to 2, which programs expect to be what
 * they are. Only a program that has opened everything below 1024 sees us above. */
static int duplicate_high(int fd)
{
    struct rlimit limit;
    int top = NUMBER_MAX;
    if (raw_getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < NUMBER_MAX)
        top = (int)limit.rlim_cur;
    int step = MAX(1, MIN(NUMBERS_ABOVE, top / 4));
    for (int least = top - step; least > 2; least -= step) {
        int copy = raw_fcntl(fd, F_DUPFD_CLOEXEC, least);
        if (copy >= 0 && copy < NUMBER_MAX)
            return copy;
        if (copy >= 0)
            raw_close(copy);
    }
    return raw_fcntl(fd, F_DUPFD_CLOEXEC, NUMBER_MAX);
}

int own_fd_adopt(struct own_fd *own, int fd)
{
    struct stat st;
    int copy = raw_fstat(fd, &st);
    if (copy == 0)
        copy = duplicate_high(fd);
    raw_close(fd);
    if (copy < 0)
        return copy;
    /* Before the number: who sees that checks it against these. */
    atomic_store_explicit(&own->device, st.st_dev, memory_order_relaxed);
    atomic_store_explicit(&own->inode, st.st_ino, memory_order_relaxed);
    int none = 0;
    if (!atomic_compare_exchange_strong(&own->number, &none, copy + 1))
        raw_close(copy);
    return 0;
}

static bool is_still_ours(struct own_fd *own, int fd, struct stat *st)
{
    return raw_fstat(fd, st) == 0 &&
           st->st_ino == atomic_load_explicit(&own->inode, memory_order_relaxed) &&
           st->st_dev == atomic_load_explicit(&own->device, memory_order_relaxed);
}

/* Closed by means that we do not see, and maybe the program's by now: never to be closed by us.
 * What a vfork child closed is still open in its parent, whose memory this is. */
static COLD void forget(struct own_fd *own, int number)
{
    if (!process_is_vfork_child())
        atomic_compare_exchange_strong(&own->number, &number, 0);
}

int own_fd_use(struct own_fd *own, struct stat *st)
{
    /* Sequentially consistent against own_fd_move(): it sees this user, or this user its number. */
    atomic_fetch_add(&own->user_count, 1);
    int number = atomic_load(&own->number);
    if (LIKELY(number && is_still_ours(own, number - 1, st)))
        return number - 1;
    if (number)
        forget(own, number);
    own_fd_done(own);
    return -EBADF;
}

void own_fd_done(struct own_fd *own)
{
    atomic_fetch_sub_explicit(&own->user_count, 1, memory_order_release);
}

bool own_fd_is(struct own_fd *own, int fd)
{
    int number = atomic_load_explicit(&own->number, memory_order_relaxed);
    if (LIKELY(number == 0 || number != fd + 1))
        return false;
    struct stat st;
    if (is_still_ours(own, fd, &st))
        return true;
    forget(own, number);
    return false;
}

void own_fd_close(struct own_fd *own)
{
    int number = atomic_exchange(&own->number, 0);
    struct stat st;
    if (number && is_still_ours(own, number - 1, &st))
        raw_close(number - 1);
}

/* A signal handler may have interrupted the very user it waits for, and a fork may have left one
 * behind: hence the bound. */
static void wait_for_users(struct own_fd *own)
{
    uint64_t deadline_ns = clock_monotonic_ns() + OWN_FD_MOVE_WAIT_NS;
    while (atomic_load(&own->user_count) && clock_monotonic_ns() < deadline_ns)
        raw_sched_yield();
}

void own_fd_move(struct own_fd *own)
{
    int number = atomic_load(&own->number);
    if (number == 0)
        return;
    int copy = duplicate_high(number - 1);
    if (!atomic_compare_exchange_strong(&own->number, &number, copy < 0 ? 0 : copy + 1) &&
        copy >= 0)
        raw_close(copy);
    wait_for_users(own);
}
