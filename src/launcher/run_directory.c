#include "launcher/run_directory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int directory_make_under(const char *parent, struct run_directory *directory)
{
    if (snprintf(directory->path, sizeof directory->path, "%s/run-traced-XXXXXX", parent) >=
        (int)sizeof directory->path)
        return -ENAMETOOLONG;
    return mkdtemp(directory->path) ? 0 : -errno;
}

int run_directory_create(struct run_directory *directory)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int error = -ENOENT;
    directory->stats = NULL;
    if (runtime && runtime[0] == '/')
        error = directory_make_under(runtime, directory);
    if (error)
        error = directory_make_under("/tmp", directory);
    if (error) {
        directory->path[0] = 0;
        return error;
    }
    snprintf(directory->stats_path, sizeof directory->stats_path, "%s/stats", directory->path);
    directory->stats = run_stats_create(directory->stats_path);
    if (directory->stats)
        return 0;
    error = -errno;
    run_directory_remove(directory);
    directory->path[0] = 0;
    return error;
}

void run_directory_remove(const struct run_directory *directory)
{
    if (!directory->path[0])
        return;
    unlink(directory->stats_path);
    rmdir(directory->path);
}
