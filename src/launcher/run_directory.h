/* run_directory.h - a private directory with the ring in it, for the life of one run. */
#ifndef RUN_TRACED_LAUNCHER_RUN_DIRECTORY_H
#define RUN_TRACED_LAUNCHER_RUN_DIRECTORY_H

#include "export/ring.h"

#include <limits.h>

struct run_directory {
    char path[PATH_MAX]; /* mode 0700; empty: there is none */
    char ring_path[PATH_MAX + 8];
    struct ring *ring; /* NULL: there is none */
    int lock_fd;       /* of the ring, locked: one collector at a time */
};

/* run_directory_create - makes it under $XDG_RUNTIME_DIR, or else under /dev/shm or /tmp: the first two
 * are memory, so that no page of the ring is ever written to a disk. Returns 0 or a negative errno,
 * and leaves an empty path and no ring then. */
int run_directory_create(struct run_directory *directory);

/* run_directory_adopt - takes the directory @path, which is made (mode 0700) if it is not there, and the
 * ring in it, which is used as it is if it is there. Returns 0; -EBUSY if another
 * collector is at work there, or another negative errno. */
int run_directory_adopt(struct run_directory *directory, const char *path);

/* run_directory_name - @directory is the one at @path, without a look at it. Returns 0 or -ENAMETOOLONG. */
int run_directory_name(struct run_directory *directory, const char *path);

/* run_directory_check - is it a directory, ours, and closed to others? Returns 0, -EPERM or another
 * negative errno. */
int run_directory_check(const char *path);

/* run_directory_remove - removes it from the file system; the ring stays mapped. */
void run_directory_remove(const struct run_directory *directory);

#endif
