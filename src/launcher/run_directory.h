/* run_directory.h - a private directory for the life of one run, with the page of counters in it.
 */
#ifndef RUN_TRACED_LAUNCHER_RUN_DIRECTORY_H
#define RUN_TRACED_LAUNCHER_RUN_DIRECTORY_H

#include "export/run_stats.h"

#include <limits.h>

struct run_directory {
    char path[PATH_MAX]; /* mode 0700; empty: there is none */
    char stats_path[PATH_MAX + 8];
    struct run_stats *stats; /* NULL: nothing is counted */
};

/* run_directory_create - makes it under $XDG_RUNTIME_DIR or else /tmp. A run goes on without:
 * returns a negative errno then, and leaves an empty path and no stats. */
int run_directory_create(struct run_directory *directory);

/* run_directory_remove - removes it from the file system; the stats stay mapped. */
void run_directory_remove(const struct run_directory *directory);

#endif
