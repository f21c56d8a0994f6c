#include "launcher/process_tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 128 };

struct process_stat {
    char state;
    pid_t parent;
};

/* /proc/PID/stat: "PID (NAME) STATE PPID ..."; the name may hold anything, also ")". */
static bool process_stat_read(pid_t pid, struct process_stat *out)
{
    char path[32], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, line, sizeof line - 1);
    close(fd);
    if (len <= 0)
        return false;
    line[len] = 0;
    const char *name_end = strrchr(line, ')');
    int parent;
    if (!name_end || sscanf(name_end + 1, " %c %d", &out->state, &parent) != 2)
        return false;
    out->parent = (pid_t)parent;
    return true;
}

bool process_descends_from(pid_t pid, pid_t ancestor)
{
    struct process_stat stat;
    for (int depth = 0; depth < DEPTH_MAX && pid > 1; depth++) {
        if (!process_stat_read(pid, &stat))
            return false;
        if (stat.parent == ancestor)
            return true;
        pid = stat.parent;
    }
    return false;
}

bool process_is_stopped(pid_t pid)
{
    struct process_stat stat;
    return process_stat_read(pid, &stat) && stat.state == 'T';
}

/* /proc/PID/maps: "ADDRESSES PERMISSIONS OFFSET DEVICE INODE PATH". File systems on others have another device there. */
bool process_shares(pid_t pid, ino_t inode)
{
    char path[32], line[512], permissions[5];
    unsigned long long found;
    bool is_shared = false, is_begin = true;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    while (maps && !is_shared && fgets(line, sizeof line, maps)) {
        is_shared = is_begin && sscanf(line, "%*s %4s %*s %*s %llu", permissions, &found) == 2 && found == inode &&
                    strcmp(permissions, "rw-s") == 0;
        is_begin = strchr(line, '\n') != NULL; /* a path may be longer */
    }
    if (maps)
        fclose(maps);
    return is_shared;
}
