#include "directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOK_UP_TRIES = 100, LOOK_UP_PAUSE_US = 20000 };

static int port_path(char path[PATH_MAX], const char *folder, const char *name, const char *suffix)
{
    int len = snprintf(path, PATH_MAX, "%s/%s%s", folder, name, suffix);
    return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int write_port(const char *path, int port)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return -errno;
    fprintf(file, "%d\n", port);
    return fclose(file) == 0 ? 0 : -errno;
}

int directory_publish(const char *folder, const char *name, int port)
{
    char path[PATH_MAX], draft[PATH_MAX];
    int error = port_path(path, folder, name, ".port");
    if (!error)
        error = port_path(draft, folder, name, ".draft");
    if (!error)
        error = write_port(draft, port);
    if (!error && rename(draft, path) < 0)
        error = -errno;
    return error;
}

void directory_withdraw(const char *folder, const char *name)
{
    char path[PATH_MAX];
    if (port_path(path, folder, name, ".port") == 0)
        unlink(path);
}

static int read_port(const char *path)
{
    char digits[16] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t len = read(fd, digits, sizeof digits - 1);
    close(fd);
    int port = len > 0 ? atoi(digits) : 0;
    return port > 0 && port < 65536 ? port : -EINVAL;
}

int directory_look_up(const char *folder, const char *name)
{
    char path[PATH_MAX];
    int port = port_path(path, folder, name, ".port");
    if (port < 0)
        return port;
    for (int i = 0; i < LOOK_UP_TRIES; i++) {
        port = read_port(path);
        if (port != -ENOENT)
            return port;
        usleep(LOOK_UP_PAUSE_US);
    }
    return port;
}
