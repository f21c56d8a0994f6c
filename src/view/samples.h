/* samples.h - times of the same kind, all of them kept: percentiles are exact. */
#ifndef RUN_TRACED_VIEW_SAMPLES_H
#define RUN_TRACED_VIEW_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: none. */
struct samples {
    int64_t *values; /* microseconds */
    size_t count;
    size_t capacity;
    bool is_sorted;
};

/* samples_add - adds one. Returns 0 or -ENOMEM. */
int samples_add(struct samples *samples, int64_t us);

/* samples_percentile - the nearest rank: the smallest that at least @percent of all do not exceed; 0 if there are none.
 * Sorts. */
int64_t samples_percentile(struct samples *samples, unsigned percent);

/* samples_sort - in rising order; once, until one is added. */
void samples_sort(struct samples *samples);

/* samples_free - gives back all memory. */
void samples_free(struct samples *samples);

#endif
