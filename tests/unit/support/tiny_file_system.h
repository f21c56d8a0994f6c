/* tiny_file_system.h - a file system that can be filled, seen by this test alone. Needs root. */
#ifndef RUN_TRACED_TESTS_TINY_FILE_SYSTEM_H
#define RUN_TRACED_TESTS_TINY_FILE_SYSTEM_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

/* tiny_file_system_mount - mounts one of @size ("size=64k") at @path. False where that is not allowed. */
static inline bool tiny_file_system_mount(const char *path, const char *size)
{
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", path, "tmpfs", 0, size) == 0;
}

/* tiny_file_system_fill - until nothing more fits. */
static inline void tiny_file_system_fill(const char *path)
{
    static char block[4096];
    char name[128];
    snprintf(name, sizeof name, "%s/ballast", path);
    int fd = open(name, O_WRONLY | O_CREAT, 0600);
    while (write(fd, block, sizeof block) == (ssize_t)sizeof block)
        ;
    close(fd);
}

static inline void tiny_file_system_unmount(const char *path)
{
    umount2(path, MNT_DETACH);
}

#endif
