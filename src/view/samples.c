#include "view/samples.h"

#include "base/compiler.h"

#include <errno.h>
#include <stdlib.h>

int samples_add(struct samples *samples, int64_t us)
{
    if (samples->count == samples->capacity) {
        size_t capacity = MAX(samples->capacity * 2, (size_t)8);
        int64_t *values = reallocarray(samples->values, capacity, sizeof *values);
        if (!values)
            return -ENOMEM;
        samples->values = values;
        samples->capacity = capacity;
    }
    samples->values[samples->count++] = us;
    samples->is_sorted = false;
    return 0;
}

static int value_compare(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

void samples_sort(struct samples *samples)
{
    if (!samples->is_sorted && samples->count)
        qsort(samples->values, samples->count, sizeof *samples->values, value_compare);
    samples->is_sorted = true;
}

int64_t samples_percentile(struct samples *samples, unsigned percent)
{
    if (samples->count == 0)
        return 0;
    samples_sort(samples);
    size_t rank = (samples->count * percent + 99) / 100;
    return samples->values[MAX(rank, (size_t)1) - 1];
}

void samples_free(struct samples *samples)
{
    free(samples->values);
    *samples = (struct samples){0};
}
