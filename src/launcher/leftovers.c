#include "launcher/leftovers.h"

#include "launcher/run_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { YOUNG_S = 60, KEPT_S = 24 * 3600 }; /* a launcher that starts has no lock yet */

static bool is_alive(const struct ring_process *process, uint64_t pid_namespace)
{
    uint64_t identity = atomic_load_explicit(&process->identity, memory_order_relaxed);
    if (identity == 0)
        return false;
    return ring_process_is_foreign(process, pid_namespace) || identity >> 8 > INT_MAX || kill((pid_t)(identity >> 8), 0) == 0 ||
           errno == EPERM;
}

static bool is_in_use(const struct ring *ring)
{
    uint64_t pid_namespace = ring_pid_namespace();
    for (uint32_t i = 0; i < RING_PROCESSES_MAX; i++)
        if (is_alive(&ring->processes[i], pid_namespace))
            return true;
    return false;
}

static bool has_spans(const struct ring *ring)
{
    for (uint32_t i = 0; i < RING_RECORDS_MAX; i++)
        if (ring_state_of(atomic_load_explicit(&ring->states[i], memory_order_relaxed)) != SPAN_FREE)
            return true;
    return false;
}

/* With the ring's lock held: no collector is at work, and none begins. */
static bool is_abandoned(const char *ring_path, time_t age_s)
{
    struct ring *ring;
    if (ring_open(ring_path, &ring) != 0)
        return false; /* nothing of ours, or of another version: not ours to judge */
    bool is_kept = is_in_use(ring) || (has_spans(ring) && age_s < KEPT_S);
    munmap(ring, sizeof *ring);
    return !is_kept;
}

static void leftover_look(const char *path)
{
    struct stat st;
    struct run_directory directory;
    if (run_directory_name(&directory, path) || run_directory_check(path) || lstat(path, &st) < 0)
        return;
    time_t age_s = time(NULL) - st.st_mtime;
    int fd = age_s < YOUNG_S ? -1 : open(directory.ring_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_abandoned(directory.ring_path, age_s))
        run_directory_remove(&directory);
    close(fd);
}

void leftovers_remove(const char *parent)
{
    static const char prefix[] = "run-traced-";
    char path[PATH_MAX];
    DIR *stream = opendir(parent);
    if (!stream)
        return;
    for (struct dirent *entry; (entry = readdir(stream));)
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0 &&
            snprintf(path, sizeof path, "%s/%s", parent, entry->d_name) < (int)sizeof path)
            leftover_look(path);
    closedir(stream);
}
