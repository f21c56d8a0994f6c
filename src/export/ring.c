#include "export/ring.h"

#include "base/compiler.h"
#include "base/raw.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { RING_MAGIC = 0x47525452 /* "RTRG" */, RING_VERSION = 10 };

uint64_t ring_pid_namespace(void)
{
    struct stat st;
    long error = raw_syscall6(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/ns/pid", (long)&st, 0, 0, 0);
    return error ? 0 : st.st_ino;
}

/* From @begin to @end of the file there is memory, or an error. */
static int reserve(int fd, size_t begin, size_t end)
{
    return (int)raw_syscall6(SYS_fallocate, fd, 0, (long)begin, (long)(end - begin), 0, 0);
}

static int reserve_usable(int fd, uint32_t records, uint32_t processes)
{
    size_t process_begin = offsetof(struct ring, processes);
    size_t record_begin = offsetof(struct ring, records);
    int error =
        reserve(fd, process_begin, process_begin + processes * sizeof(struct ring_process));
    return error ? error : reserve(fd, record_begin, record_begin + records * sizeof(struct span));
}

int ring_reserve(const char *path, uint32_t records, uint32_t processes)
{
    int fd = raw_open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    int error = reserve_usable(fd, records, processes);
    raw_close(fd);
    return error;
}

static int file_prepare(int fd)
{
    int error = (int)raw_syscall3(SYS_ftruncate, fd, sizeof(struct ring), 0);
    if (!error)
        error = reserve(fd, 0, offsetof(struct ring, processes));
    return error ? error : reserve_usable(fd, RING_RECORDS_FIRST, RING_PROCESSES_FIRST);
}

static struct ring *map(int fd)
{
    return raw_mmap(sizeof(struct ring), PROT_READ | PROT_WRITE, MAP_SHARED, fd);
}

static int ring_make(int fd, struct ring **out)
{
    int error = file_prepare(fd);
    struct ring *ring = error ? NULL : map(fd);
    if (!ring)
        return error ? error : -ENOMEM;
    ring->record_limit = RING_RECORDS_FIRST;
    ring->process_limit = RING_PROCESSES_FIRST;
    ring->version = RING_VERSION;
    ring->magic = RING_MAGIC;
    *out = ring;
    return 0;
}

/* Made under another name: a program that starts meanwhile finds a whole ring or none. */
int ring_create(const char *path, struct ring **out)
{
    char unfinished[PATH_MAX];
    if (snprintf(unfinished, sizeof unfinished, "%s.%d", path, raw_getpid()) >=
        (int)sizeof unfinished)
        return -ENAMETOOLONG;
    int fd = raw_open(unfinished, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fd;
    struct ring *ring;
    int error = ring_make(fd, &ring);
    raw_close(fd);
    if (!error && link(unfinished, path) < 0) { /* unlike rename(2), never over one that is there */
        error = -errno;
        raw_munmap(ring, sizeof *ring);
    }
    unlink(unfinished);
    if (!error)
        *out = ring;
    return error;
}

int ring_open(const char *path, struct ring **out)
{
    struct stat st;
    /* O_NONBLOCK: should the path name a FIFO, the open must not wait for its other end. */
    int fd = raw_open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return fd;
    bool is_ring = raw_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                   st.st_size == (off_t)sizeof(struct ring);
    struct ring *ring = is_ring ? map(fd) : NULL;
    raw_close(fd);
    if (!ring)
        return is_ring ? -ENOMEM : -EINVAL;
    if (ring->magic != RING_MAGIC || ring->version != RING_VERSION) {
        raw_munmap(ring, sizeof *ring);
        return -EINVAL;
    }
    *out = ring;
    return 0;
}
