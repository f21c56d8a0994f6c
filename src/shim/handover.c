/* What threads hand each other work by: pipes, eventfds, timers. */
#include "shim/handover.h"

#include "base/memory.h"
#include "base/process.h"
#include "shim/real.h"
#include "wire/table.h"

#include <string.h>

bool handover_is_watched(void)
{
    return !silence_is_on() && shim_is_tracing() && !process_is_vfork_child();
}

void handover_pair_add(enum handover_kind kind, unsigned way_count, const int fds[2])
{
    struct handover *handover = handover_new(kind, way_count, 2);
    for (unsigned i = 0; i < 2; i++)
        if (handover || way_count == 1)
            table_add_handover(fds[i], handover, i & (way_count - 1));
        else
            table_ignore(fds[i]);
}

static int pipe_made(int result, const int fds[2])
{
    int saved = errno;
    if (result == 0 && handover_is_watched())
        handover_pair_add(HANDOVER_BYTES, 1, fds);
    errno = saved;
    return result;
}

EXPORT int pipe(int fds[2])
{
    return pipe_made(REAL(pipe)(fds), fds);
}

/* O_NOTIFICATION_PIPE is the kernel's to write. */
EXPORT int pipe2(int fds[2], int flags)
{
    int result = REAL(pipe2)(fds, flags);
    return flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT) ? result : pipe_made(result, fds);
}

void handover_add(int fd, struct handover *handover)
{
    if (fd >= 0 && (handover || table_word(fd) != TABLE_UNKNOWN) && !process_is_vfork_child())
        table_add_handover(fd, handover, 0);
}

static struct handover *one_add(int fd, enum handover_kind kind)
{
    int saved = errno;
    struct handover *handover = fd >= 0 && handover_is_watched() ? handover_new(kind, 1, 1) : NULL;
    handover_add(fd, handover);
    errno = saved;
    return handover;
}

EXPORT int eventfd(unsigned count, int flags)
{
    int fd = REAL(eventfd)(count, flags);
    struct handover *handover = one_add(fd, flags & EFD_SEMAPHORE ? HANDOVER_SEMAPHORE : HANDOVER_COUNTER);
    if (handover)
        handover_count_initially(handover, count);
    return fd;
}

EXPORT int timerfd_create(clockid_t clock, int flags)
{
    int fd = REAL(timerfd_create)(clock, flags);
    one_add(fd, HANDOVER_TIMER);
    return fd;
}

static bool is_armed(const struct itimerspec *value)
{
    return memory_is_readable(value, sizeof *value) && (value->it_value.tv_sec || value->it_value.tv_nsec);
}

EXPORT int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
    struct handover *handover = table_handover(fd);
    if (!handover)
        return REAL(timerfd_settime)(fd, flags, value, old);
    int saved = errno;
    handover_timer_set_begin(handover, is_armed(value));
    errno = saved;
    int result = REAL(timerfd_settime)(fd, flags, value, old);
    if (result < 0)
        handover_timer_set_failed(handover);
    return result;
}

EXPORT int eventfd_read(int fd, eventfd_t *value)
{
    struct handover *handover = table_handover(fd);
    if (!handover)
        return REAL(eventfd_read)(fd, value);
    struct handover_read reading;
    handover_begin_to_read(&reading, table_word(fd));
    int result = REAL(eventfd_read)(fd, value);
    handover_have_read(&reading, value, result == 0 ? (ssize_t)sizeof *value : -1);
    return result;
}

EXPORT int eventfd_write(int fd, eventfd_t value)
{
    struct handover_write writing;
    uintptr_t word = table_word(fd);
    if (!table_word_handover(word))
        return REAL(eventfd_write)(fd, value);
    handover_begin_to_write(&writing, word, &value, sizeof value);
    int result = REAL(eventfd_write)(fd, value);
    handover_have_written(&writing, result == 0 ? (ssize_t)sizeof value : -1);
    return result;
}

void handover_begin_to_write_at(struct handover_write *writing, struct handover *handover, unsigned end,
                                const void *buf, size_t len)
{
    int saved = errno;
    handover_write_begin(writing, handover, end, buf, len);
    errno = saved;
}

void handover_begin_to_write(struct handover_write *writing, uintptr_t word, const void *buf, size_t len)
{
    handover_begin_to_write_at(writing, table_word_handover(word), table_word_end(word), buf, len);
}

ssize_t handover_have_written(const struct handover_write *writing, ssize_t result)
{
    int saved = errno;
    handover_write_end(writing, result);
    errno = saved;
    return result;
}

void handover_begin_to_read_at(struct handover_read *reading, struct handover *handover, unsigned end)
{
    int saved = errno;
    handover_read_begin(reading, handover, end);
    errno = saved;
}

void handover_begin_to_read(struct handover_read *reading, uintptr_t word)
{
    handover_begin_to_read_at(reading, table_word_handover(word), table_word_end(word));
}

ssize_t handover_have_read(const struct handover_read *reading, const void *buf, ssize_t result)
{
    int saved = errno;
    handover_read_end(reading, buf, result);
    errno = saved;
    return result;
}

void handover_received(struct handover *handover, unsigned end, const void *buf, ssize_t result)
{
    struct handover_read reading;
    handover_begin_to_read_at(&reading, handover, end);
    handover_have_read(&reading, buf, result);
}
