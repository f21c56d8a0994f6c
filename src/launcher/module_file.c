#include "launcher/module_file.h"

#include "base/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A file's times are those of the last tick. */
static const int64_t TICK_NS = 10 * NANOS_PER_MILLI;

static int64_t nanos_of(struct timespec time)
{
    return (int64_t)time.tv_sec * (int64_t)NANOS_PER_SECOND + time.tv_nsec;
}

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return nanos_of(now);
}

static bool file_stat(int fd, struct module_file *out)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return false;
    *out = (struct module_file){
        .device = status.st_dev,
        .inode = status.st_ino,
        .size = (uint64_t)status.st_size,
        .changed_unix_nano = MAX(nanos_of(status.st_ctim), nanos_of(status.st_mtim)),
    };
    return true;
}

/* The time of the change, which nobody can set, tells also of one that was renamed to its place. */
static bool is_older(const struct module_file *file, uint64_t boottime_ns)
{
    if (boottime_ns == 0 || boottime_ns > INT64_MAX / 2)
        return false;
    int64_t unix_nano = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_BOOTTIME) + (int64_t)boottime_ns;
    return file->changed_unix_nano <= unix_nano - TICK_NS;
}

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_GONE };

/* Do /proc/PID/@name and ours lead to the same? */
static enum answer is_shared(const struct traced_process *process, const char *name)
{
    char theirs[64], ours[64];
    struct stat their_status, our_status;
    snprintf(theirs, sizeof theirs, "/proc/%d/%s", (int)process->pid, name);
    snprintf(ours, sizeof ours, "/proc/self/%s", name);
    if (stat(theirs, &their_status) < 0)
        return errno == ENOENT || errno == ESRCH ? ANSWER_GONE : ANSWER_NO;
    return stat(ours, &our_status) == 0 && their_status.st_ino == our_status.st_ino &&
                   their_status.st_dev == our_status.st_dev
               ? ANSWER_YES
               : ANSWER_NO;
}

/* The kernel's own word, which ends in " (deleted)" for what has been replaced; that matters for who came by fork(),
 * with what its parent had loaded long ago. */
static enum answer is_mapped(const struct traced_process *process, const char *path)
{
    char name[64], line[PATH_MAX + 128];
    enum answer answer = ANSWER_GONE; /* a zombie has no lines */
    snprintf(name, sizeof name, "/proc/%d/maps", (int)process->pid);
    FILE *maps = fopen(name, "re");
    if (!maps)
        return errno == ENOENT || errno == ESRCH ? ANSWER_GONE : ANSWER_NO;
    while (answer != ANSWER_YES && fgets(line, sizeof line, maps)) {
        line[strcspn(line, "\n")] = '\0';
        const char *mapped = strchr(line, '/');
        answer = mapped && strcmp(mapped, path) == 0 ? ANSWER_YES : ANSWER_NO;
    }
    fclose(maps);
    return answer;
}

/* As long as it is alive it can be asked. */
static bool is_loaded(int fd, const struct traced_process *process)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (process->is_dead)
        return true;
    if (len < 0)
        return false;
    path[len] = '\0';
    enum answer answer = is_shared(process, "ns/mnt");
    if (answer == ANSWER_YES)
        answer = is_shared(process, "root");
    if (answer == ANSWER_YES)
        answer = is_mapped(process, path);
    return answer != ANSWER_NO;
}

bool module_file_find(const char *path, struct traced_process *process, uint64_t oldest_boottime_ns,
                      struct module_file *out)
{
    struct module_file file;
    if (path[0] != '/' || process->is_foreign)
        return false;
    uint64_t start_ns = traced_process_started(process);
    if (!start_ns)
        start_ns = oldest_boottime_ns;
    int fd = open(path, O_PATH | O_CLOEXEC);
    bool is_it = file_stat(fd, &file) && is_older(&file, start_ns) && is_loaded(fd, process);
    if (fd >= 0)
        close(fd);
    if (is_it)
        *out = file;
    return is_it;
}

int module_file_open(const char *path, const struct module_file *file)
{
    char link[64];
    struct module_file found;
    int place_fd = open(path, O_PATH | O_CLOEXEC), fd = -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", place_fd);
    if (file_stat(place_fd, &found) && (file->build_id_len || memcmp(&found, file, sizeof found) == 0))
        fd = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (place_fd >= 0)
        close(place_fd);
    return fd;
}
