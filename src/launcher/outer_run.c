#include "launcher/outer_run.h"

#include "export/ring.h"

#include <stdlib.h>
#include <sys/mman.h>

static bool is_collected(const char *path)
{
    struct ring *ring;
    if (ring_open(path, &ring) != 0)
        return false;
    bool is_open = !atomic_load(&ring->is_closed);
    munmap(ring, sizeof *ring);
    return is_open;
}

bool outer_run_is_joined(const struct options *options)
{
    const char *path = getenv("RUN_TRACED_RING"), *preload = getenv("LD_PRELOAD");
    bool has_own = !options->is_default_output || options->keep.is_set || options->process_spans ||
                   options->has_no_call_sites || options->is_environment_lost || options->is_coverage_asked ||
                   options->is_following || options->is_detached;
    return !has_own && path && *path && preload && *preload && is_collected(path);
}
