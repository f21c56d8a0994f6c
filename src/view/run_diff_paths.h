/* run_diff_paths.h - the calls of two runs by their paths: who called whom, down from the test or the root. */
#ifndef RUN_TRACED_VIEW_RUN_DIFF_PATHS_H
#define RUN_TRACED_VIEW_RUN_DIFF_PATHS_H

#include "view/check_spans.h"

enum diff_side { DIFF_OLD, DIFF_NEW, DIFF_SIDES };

#define DIFF_NO_PATH UINT32_MAX

/* One step of a path, with those above it. Texts are interned; service and suite may be the same for many. */
struct diff_path {
    uint32_t parent; /* DIFF_NO_PATH: none; always before it */
    uint32_t depth;
    bool is_test;
    uint8_t kind;          /* enum view_kind */
    const char *service;   /* of a test: its suite, or "" */
    const char *operation; /* of a test: its name */
    size_t count[DIFF_SIDES];
    size_t error_count[DIFF_SIDES];
    size_t sample_at[DIFF_SIDES]; /* its durations: as many as count, sorted */
};

struct diff_sample {
    uint32_t path;
    uint32_t side;
    int64_t duration_us;
};

/* All zero: empty. */
struct diff_paths {
    struct diff_path *paths;
    size_t count, capacity;
    uint32_t *slots; /* by hash: places in paths, DIFF_NO_PATH: free */
    size_t slot_count;
    struct diff_sample *samples;
    size_t sample_count;
    struct string_pool pool;
};

/* diff_paths_add - counts all spans of a file. Returns 0 or -ENOMEM. */
int diff_paths_add(struct diff_paths *paths, const struct check_spans *spans, enum diff_side side);

/* diff_paths_sort - to be called when all is added: sets sample_at. */
void diff_paths_sort(struct diff_paths *paths);

/* diff_paths_free - gives back all memory. */
void diff_paths_free(struct diff_paths *paths);

#endif
