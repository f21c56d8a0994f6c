#include "launcher/run_directory.h"

#include "launcher/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void ring_path_set(struct run_directory *directory)
{
    snprintf(directory->ring_path, sizeof directory->ring_path, "%s/ring", directory->path);
}

int run_directory_name(struct run_directory *directory, const char *path)
{
    *directory = (struct run_directory){.lock_fd = -1};
    if (strlen(path) >= sizeof directory->path)
        return -ENAMETOOLONG;
    strcpy(directory->path, path);
    ring_path_set(directory);
    return 0;
}

/* Held until we exit, and by the detached collector that we may fork. */
static int ring_lock(struct run_directory *directory)
{
    directory->lock_fd = open(directory->ring_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (directory->lock_fd < 0)
        return -errno;
    return flock(directory->lock_fd, LOCK_EX | LOCK_NB) < 0 ? -EBUSY : 0;
}

static int directory_make_under(const char *parent, struct run_directory *directory)
{
    if (!parent || parent[0] != '/')
        return -ENOENT;
    leftovers_remove(parent);
    if (snprintf(directory->path, sizeof directory->path, "%s/run-traced-XXXXXX", parent) >=
        (int)sizeof directory->path)
        return -ENAMETOOLONG;
    if (!mkdtemp(directory->path))
        return -errno;
    ring_path_set(directory);
    int error = ring_create(directory->ring_path, &directory->ring);
    if (!error)
        error = ring_lock(directory);
    if (error)
        rmdir(directory->path);
    return error;
}

int run_directory_create(struct run_directory *directory)
{
    directory->ring = NULL;
    int error = directory_make_under(getenv("XDG_RUNTIME_DIR"), directory);
    if (error)
        error = directory_make_under("/dev/shm", directory);
    if (error)
        error = directory_make_under("/tmp", directory);
    if (error)
        directory->path[0] = 0;
    return error;
}

/* Whoever can write in it can read what is traced, and worse. */
int run_directory_check(const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        return -ENOTDIR;
    return st.st_uid == geteuid() && (st.st_mode & 077) == 0 ? 0 : -EPERM;
}

int run_directory_adopt(struct run_directory *directory, const char *path)
{
    *directory = (struct run_directory){.ring = NULL};
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    int error = run_directory_check(path);
    if (error)
        return error;
    if (!realpath(path, directory->path))
        return -errno;
    ring_path_set(directory);
    error = ring_open(directory->ring_path, &directory->ring);
    if (error == -ENOENT)
        error = ring_create(directory->ring_path, &directory->ring);
    return error ? error : ring_lock(directory);
}

void run_directory_remove(const struct run_directory *directory)
{
    if (!directory->path[0])
        return;
    unlink(directory->ring_path);
    rmdir(directory->path);
}
