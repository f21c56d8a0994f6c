#include "view/run_diff.h"

#include "base/compiler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* When slower is sure (DIFF.md). */
static const double RATIO_MIN = 1.25, FEW_RATIO_MIN = 3, SCORE_MIN = 3.09;
enum { SAMPLES_MIN = 7, DIFFERENCE_MIN_US = 1000, FEW_DIFFERENCE_MIN_US = 100000 };

static const struct diff_sample *samples_of(const struct diff_paths *paths, const struct diff_path *path,
                                            enum diff_side side)
{
    return paths->samples + path->sample_at[side];
}

int64_t run_diff_median(const struct diff_paths *paths, const struct diff_path *path, enum diff_side side)
{
    return path->count[side] ? samples_of(paths, path, side)[(path->count[side] - 1) / 2].duration_us : 0;
}

/* The rank-sum test of Mann and Whitney: how many standard deviations the new ones are above the old ones. Equal ones
 * count half, and are left uncorrected for, which makes it say less. */
static double rank_score(const struct diff_paths *paths, const struct diff_path *path)
{
    const struct diff_sample *old = samples_of(paths, path, DIFF_OLD), *new = samples_of(paths, path, DIFF_NEW);
    double n = (double)path->count[DIFF_OLD], m = (double)path->count[DIFF_NEW], above = 0;
    size_t below = 0, up_to = 0;
    for (size_t i = 0; i < path->count[DIFF_NEW]; i++) {
        while (below < path->count[DIFF_OLD] && old[below].duration_us < new[i].duration_us)
            below++;
        while (up_to < path->count[DIFF_OLD] && old[up_to].duration_us <= new[i].duration_us)
            up_to++;
        above += (double)below + (double)(up_to - below) / 2;
    }
    return (above - n * m / 2) / sqrt(n * m * (n + m + 1) / 12);
}

static bool is_slower(const struct diff_paths *paths, const struct diff_path *path)
{
    size_t old_count = path->count[DIFF_OLD], new_count = path->count[DIFF_NEW];
    if (!old_count || !new_count)
        return false;
    if (MIN(old_count, new_count) < SAMPLES_MIN) {
        int64_t slowest = samples_of(paths, path, DIFF_OLD)[old_count - 1].duration_us;
        int64_t fastest = samples_of(paths, path, DIFF_NEW)[0].duration_us;
        return (double)fastest >= FEW_RATIO_MIN * (double)slowest && fastest - slowest >= FEW_DIFFERENCE_MIN_US;
    }
    int64_t before = run_diff_median(paths, path, DIFF_OLD), after = run_diff_median(paths, path, DIFF_NEW);
    return (double)after >= RATIO_MIN * (double)before && after - before >= DIFFERENCE_MIN_US &&
           rank_score(paths, path) >= SCORE_MIN;
}

static const struct diff_path *parent_of(const struct diff_paths *paths, const struct diff_path *path)
{
    return path->parent == DIFF_NO_PATH ? NULL : &paths->paths[path->parent];
}

/* Whether as many were made as of the caller, before and now. */
static bool follows_parent(const struct diff_paths *paths, const struct diff_path *path)
{
    const struct diff_path *parent = parent_of(paths, path);
    return parent && parent->count[DIFF_OLD] == path->count[DIFF_OLD] &&
           parent->count[DIFF_NEW] == path->count[DIFF_NEW];
}

enum diff_change run_diff_change(const struct diff_paths *paths, const struct diff_path *path)
{
    const struct diff_path *parent = parent_of(paths, path);
    size_t old = path->count[DIFF_OLD], new = path->count[DIFF_NEW];
    if (old == 0)
        return parent && parent->count[DIFF_OLD] == 0 ? DIFF_SAME : DIFF_ADDED;
    if (new == 0)
        return parent && parent->count[DIFF_NEW] == 0 ? DIFF_SAME : DIFF_GONE;
    if (old != new && !follows_parent(paths, path))
        return new > old ? DIFF_MORE : DIFF_FEWER;
    if (path->error_count[DIFF_NEW] > path->error_count[DIFF_OLD])
        return DIFF_FAILING;
    return is_slower(paths, path) ? DIFF_SLOWER : DIFF_SAME;
}

static int step_compare(const struct diff_path *a, const struct diff_path *b)
{
    int order = (int)b->is_test - (int)a->is_test;
    if (order == 0)
        order = strcmp(a->service, b->service);
    if (order == 0)
        order = strcmp(a->operation, b->operation);
    return order ? order : (int)a->kind - (int)b->kind;
}

/* Where the two part, the steps decide; of two that lie on one line the upper is first. */
static int path_compare(const void *left, const void *right, void *context)
{
    const struct diff_paths *paths = context;
    uint32_t first = (uint32_t) * (const size_t *)left, second = (uint32_t) * (const size_t *)right, a = first,
             b = second;
    while (paths->paths[a].depth > paths->paths[b].depth)
        a = paths->paths[a].parent;
    while (paths->paths[b].depth > paths->paths[a].depth)
        b = paths->paths[b].parent;
    if (a == b)
        return (paths->paths[first].depth > paths->paths[second].depth) -
               (paths->paths[first].depth < paths->paths[second].depth);
    while (paths->paths[a].parent != paths->paths[b].parent) {
        a = paths->paths[a].parent;
        b = paths->paths[b].parent;
    }
    return step_compare(&paths->paths[a], &paths->paths[b]);
}

size_t *run_diff_changed(const struct diff_paths *paths, size_t *count)
{
    size_t *changed = malloc((paths->count + 1) * sizeof *changed);
    *count = 0;
    for (size_t i = 0; changed && i < paths->count; i++)
        if (run_diff_change(paths, &paths->paths[i]) != DIFF_SAME)
            changed[(*count)++] = i;
    if (changed)
        qsort_r(changed, *count, sizeof *changed, path_compare, (void *)paths);
    return changed;
}
