#include "export/file_sink.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "base/raw.h"
#include "export/run_stats.h"

#include <errno.h>
#include <string.h>

static const uint64_t RETRY_NS = 100 * NANOS_PER_MILLI;

/* Where a program has so few descriptors, one that is kept would be one too few for it. */
enum { KEPT_FROM = 64 };

static int type_check(int fd)
{
    struct stat st;
    int error = raw_fstat(fd, &st);
    if (error)
        return error;
    /* A FIFO or a socket would raise SIGPIPE. */
    return S_ISREG(st.st_mode) || S_ISCHR(st.st_mode) ? 0 : -EINVAL;
}

/* O_NONBLOCK: a FIFO without a reader, or a terminal that was stopped, must not hold the
 * program. */
static int open_and_adopt(struct file_sink *sink)
{
    int fd = raw_open(
        sink->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
        0600);
    if (fd < 0)
        return fd;
    int error = type_check(fd);
    if (error == 0)
        return own_fd_adopt(&sink->fd, fd);
    raw_close(fd);
    return error;
}

/* Without a lock: threads that come here at the same time each open the file, and one wins. */
static COLD int open_file(struct file_sink *sink)
{
    /* The descriptors of a vfork child are its own, but what we would note of them is its
     * parent's. */
    if (process_is_vfork_child())
        return -EBUSY;
    uint64_t now_ns = clock_monotonic_ns();
    if (now_ns < atomic_load_explicit(&sink->retry_after_ns, memory_order_acquire))
        return atomic_load_explicit(&sink->open_error, memory_order_relaxed);
    int error = open_and_adopt(sink);
    if (error) {
        atomic_store_explicit(&sink->open_error, error, memory_order_relaxed);
        atomic_store_explicit(&sink->retry_after_ns, now_ns + RETRY_NS, memory_order_release);
    }
    return error;
}

/* As own_fd_use(), opening first where need be. */
static int file_use(struct file_sink *sink, struct stat *st)
{
    int fd = own_fd_use(&sink->fd, st);
    if (LIKELY(fd >= 0))
        return fd;
    int error = open_file(sink);
    return error ? error : own_fd_use(&sink->fd, st);
}

int file_sink_prepare(struct file_sink *sink)
{
    struct stat st;
    int fd = file_use(sink, &st);
    if (fd < 0)
        return fd;
    own_fd_done(&sink->fd);
    return 0;
}

void file_sink_mend(struct file_sink *sink)
{
    struct stat st;
    char last = '\n';
    int fd = raw_open(sink->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return;
    if (raw_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        raw_syscall6(SYS_pread64, fd, (long)&last, 1, (long)st.st_size - 1, 0, 0);
    raw_close(fd);
    if (last != '\n')
        atomic_store_explicit(&sink->line_is_damaged, true, memory_order_relaxed);
}

/* Beyond RLIMIT_FSIZE the kernel would send SIGXFSZ, which ends the program. */
static bool exceeds_size_limit(const struct stat *st, size_t len)
{
    struct rlimit limit;
    return S_ISREG(st->st_mode) && raw_getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
           limit.rlim_cur != RLIM_INFINITY && (uint64_t)st->st_size + len + 1 > limit.rlim_cur;
}

static ssize_t append(int fd, const char *line, size_t len, bool with_newline_before)
{
    struct iovec parts[2] = {{(void *)"\n", 1}, {(void *)line, len}};
    ssize_t written;
    do {
        written = with_newline_before ? raw_writev(fd, parts, 2) : raw_write(fd, line, len);
    } while (written == -EINTR);
    return written;
}

/* Returns the bytes of @lines that were written, or a negative errno. On a full disk some process's
 * line ended early, ours or another's: whoever writes next starts anew. An empty line too many does no
 * harm. */
static ssize_t write_lines(struct file_sink *sink, int fd, const char *lines, size_t len)
{
    bool is_damaged = atomic_exchange_explicit(&sink->line_is_damaged, false, memory_order_relaxed);
    ssize_t written = append(fd, lines, len, is_damaged);
    if (LIKELY(written == (ssize_t)(len + is_damaged)))
        return (ssize_t)len;
    if (is_damaged || written > 0 || written == -ENOSPC || written == -EDQUOT)
        atomic_store_explicit(&sink->line_is_damaged, true, memory_order_relaxed);
    return written < 0 ? written : MAX(written - is_damaged, 0);
}

static ssize_t write_if_possible(struct file_sink *sink, const char *lines, size_t len)
{
    struct stat st;
    int fd = file_use(sink, &st);
    if (UNLIKELY(fd < 0))
        return fd;
    ssize_t written =
        exceeds_size_limit(&st, len) ? -EFBIG : write_lines(sink, fd, lines, len);
    own_fd_done(&sink->fd);
    if (UNLIKELY(sink->is_guest && fd < KEPT_FROM))
        own_fd_close(&sink->fd);
    return written;
}

static unsigned lines_count(const char *lines, size_t len)
{
    unsigned count = 0;
    for (const char *end; len && (end = memchr(lines, '\n', len)); lines = end + 1, count++)
        len -= (size_t)(end - lines) + 1;
    return count;
}

int file_sink_write(struct file_sink *sink, const char *lines, size_t len, unsigned *count)
{
    ssize_t written = write_if_possible(sink, lines, len);
    int error = written == (ssize_t)len ? 0 : written < 0 ? (int)written : -ENOSPC;
    if (LIKELY(!error && !count))
        return 0;
    unsigned whole = lines_count(lines, (size_t)MAX(written, 0));
    if (count)
        *count = whole;
    if (error)
        run_stats_count_drops(error == -EBUSY ? DROP_BUSY : DROP_WRITE_FAILED, -error,
                              lines_count(lines, len) - whole);
    return error;
}
