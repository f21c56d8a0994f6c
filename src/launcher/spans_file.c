#include "launcher/spans_file.h"

#include "launcher/message.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* O_NONBLOCK: a FIFO without a reader must not hold us up. */
    OPEN_FLAGS = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC,
    ATTEMPTS_MAX = 16, /* other runs may take and move the file between our steps */
};

static int spans_file_refuse(const char *path, int error)
{
    const char *why = strerror(error);
    if (error == ELOOP)
        why = "it is a symbolic link";
    if (error == ENXIO || error == EMEDIUMTYPE)
        why = "it is not a regular file";
    message_print("cannot write spans to '%s': %s; choose another file with -o", path, why);
    return -error;
}

static bool path_is_still(const char *path, const struct stat *opened)
{
    struct stat now;
    return lstat(path, &now) == 0 && now.st_ino == opened->st_ino && now.st_dev == opened->st_dev;
}

/* With the exclusive lock nobody else is writing. Returns 0 or an errno. */
static int spans_file_rotate(const char *path)
{
    char old[PATH_MAX];
    if (snprintf(old, sizeof old, "%s.old", path) >= (int)sizeof old)
        return ENAMETOOLONG;
    return rename(path, old) == 0 ? 0 : errno;
}

/* Returns 0: @fd is to be used; -EAGAIN: the file went away, look again; or another negative errno.
 */
static int spans_file_settle(const char *path, int fd, bool keep)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISCHR(st.st_mode))
        return 0;
    if (!S_ISREG(st.st_mode))
        return -EMEDIUMTYPE;
    if (keep || st.st_size == 0 || (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)) {
        flock(fd, LOCK_SH);
        return path_is_still(path, &st) ? 0 : -EAGAIN;
    }
    int error = path_is_still(path, &st) ? spans_file_rotate(path) : 0;
    return error ? -error : -EAGAIN;
}

/* Returns a descriptor, -EAGAIN to look again, or another negative errno. */
static int spans_file_open(const char *path, bool keep)
{
    int fd = open(path, OPEN_FLAGS | O_CREAT | O_EXCL, 0600);
    if (fd >= 0) {
        flock(fd, LOCK_SH);
        return fd;
    }
    if (errno != EEXIST)
        return -errno;
    fd = open(path, OPEN_FLAGS);
    if (fd < 0)
        return errno == ENOENT ? -EAGAIN : -errno;
    int error = spans_file_settle(path, fd, keep);
    if (!error)
        return fd;
    close(fd);
    return error;
}

static int spans_file_make_ready(const char *path, bool keep)
{
    int fd = -EAGAIN;
    for (int i = 0; i < ATTEMPTS_MAX && fd == -EAGAIN; i++)
        fd = spans_file_open(path, keep);
    return fd < 0 ? spans_file_refuse(path, -fd) : fd;
}

int spans_file_create(const char *path)
{
    return spans_file_make_ready(path, false);
}

int spans_file_append(const char *path)
{
    return spans_file_make_ready(path, true);
}
