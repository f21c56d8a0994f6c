#include "launcher/mark.h"

#include "export/ring.h"
#include "launcher/message.h"
#include "launcher/options.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *why)
{
    message_print("--mark: %s", why);
    return EXIT_LAUNCHER_FAILED;
}

/* Has @pid the ring of this run mapped? True if nobody can say. */
static bool is_traced(pid_t pid, const char *ring_path)
{
    char path[64], ring[PATH_MAX], *line = NULL;
    size_t size = 0;
    bool is_there = false;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file || !realpath(ring_path, ring)) {
        if (file)
            fclose(file);
        return true;
    }
    while (!is_there && getline(&line, &size, file) >= 0)
        is_there = strstr(line, ring) != NULL;
    free(line);
    fclose(file);
    return is_there;
}

static bool is_gone(const struct ring_mark *mark, uint64_t owner)
{
    return mark->pid_namespace == ring_pid_namespace() && kill((pid_t)(owner >> 32), 0) < 0 && errno == ESRCH;
}

/* The place of @pid, or one that nobody needs any more; marked as being written. NULL: there is none. */
static struct ring_mark *place_take(struct ring *ring, pid_t pid, uint64_t *version)
{
    for (int attempt = 0; attempt < 2; attempt++)
        for (unsigned i = 0; i < RING_MARKS_MAX; i++) {
            struct ring_mark *mark = &ring->marks[i];
            uint64_t owner = atomic_load(&mark->owner);
            bool is_own = owner >> 32 == (uint64_t)pid;
            *version = (uint32_t)owner | 1;
            if ((is_own || (attempt == 1 && (owner == 0 || is_gone(mark, owner)))) &&
                atomic_compare_exchange_strong(&mark->owner, &owner, (uint64_t)pid << 32 | *version))
                return mark;
        }
    return NULL;
}

static int mark_write(struct ring *ring, const char *name, pid_t pid)
{
    uint64_t version;
    struct timespec now;
    struct ring_mark *mark = place_take(ring, pid, &version);
    if (!mark)
        return fail("too many scripts of this run are marking their steps at the same time");
    clock_gettime(CLOCK_MONOTONIC, &now);
    mark->pid_namespace = ring_pid_namespace();
    mark->monotonic_ns = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
    mark->name_len = (uint16_t)strlen(name);
    memcpy(mark->name, name, mark->name_len);
    atomic_store(&mark->owner, (uint64_t)pid << 32 | (uint32_t)(version + 1));
    atomic_fetch_add(&ring->mark_count, 1);
    return EXIT_SUCCESS;
}

int mark_make(const char *name)
{
    const char *path = getenv("RUN_TRACED_RING");
    struct ring *ring;
    pid_t caller = getppid();
    if (strlen(name) > RING_MARK_NAME_LEN_MAX)
        return fail("a name has at most 216 bytes");
    if (!path || !*path)
        return fail("nothing is being traced here; it is for scripts that run-traced.sh runs: run-traced.sh SCRIPT");
    if (ring_open(path, &ring) || atomic_load(&ring->is_closed))
        return fail("the run that this script belongs to is over");
    if (!is_traced(caller, path))
        return fail("the program that asks for it is not traced itself; a shell that is linked dynamically would be");
    return mark_write(ring, name, caller);
}
