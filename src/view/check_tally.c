#include "view/check_tally.h"

#include "base/compiler.h"
#include "view/check_filter.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int sample_compare(const void *left, const void *right)
{
    const struct check_sample *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->identity != b->identity)
        return a->identity < b->identity ? -1 : 1;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return (a->span > b->span) - (a->span < b->span);
}

static enum check_truth field_sample(const struct check_spans *spans, const struct check_aggregate *aggregate,
                                     size_t span, struct check_sample *sample)
{
    struct check_value value = check_spans_value(spans, span, &aggregate->field);
    if (value.type == CHECK_MISSING || (aggregate->function != CHECK_DISTINCT && value.type != CHECK_NUMBER))
        return CHECK_UNKNOWN;
    if (value.type == CHECK_NUMBER)
        sample->value = value.number;
    else
        sample->identity = value.type == CHECK_TRUTH ? (uint64_t)value.truth + 1 : (uintptr_t)value.text;
    return CHECK_TRUE;
}

/* Whether a span counts that the filter says this of, and with what. */
static enum check_truth sample_make(const struct check_spans *spans, const struct check_aggregate *aggregate,
                                    size_t span, enum check_truth counts, struct check_sample *sample)
{
    sample->value = (double)spans->set.spans[span].start_us;
    if (counts != CHECK_TRUE || aggregate->function == CHECK_COUNT)
        return counts;
    if (aggregate->function != CHECK_COUNT_NOT)
        return field_sample(spans, aggregate, span, sample);
    /* What is not known to hold does not hold of all. */
    return check_filter_judge(spans, span, aggregate->predicate) == CHECK_TRUE ? CHECK_FALSE : CHECK_TRUE;
}

static int sample_add(struct check_tally *tally, size_t *capacity, const struct check_sample *sample)
{
    if (tally->count == *capacity) {
        *capacity = MAX(*capacity * 2, (size_t)64);
        struct check_sample *samples = reallocarray(tally->samples, *capacity, sizeof *samples);
        if (!samples)
            return -ENOMEM;
        tally->samples = samples;
    }
    tally->samples[tally->count++] = *sample;
    return 0;
}

static int samples_sort(struct check_tally *tally, size_t group_count)
{
    tally->begins = malloc((group_count + 1) * sizeof *tally->begins);
    if (!tally->begins)
        return -ENOMEM;
    if (tally->count)
        qsort(tally->samples, tally->count, sizeof *tally->samples, sample_compare);
    size_t at = 0;
    for (size_t group = 0; group <= group_count; group++) {
        while (at < tally->count && tally->samples[at].group < group)
            at++;
        tally->begins[group] = at;
    }
    return 0;
}

int check_tally_make(const struct check_spans *spans, const struct check_groups *groups,
                     const struct check_aggregate *aggregate, struct check_tally *tally)
{
    size_t capacity = 0;
    *tally = (struct check_tally){0};
    for (size_t i = 0; i < spans->set.count; i++) {
        struct check_sample sample = {.group = groups->of_span[i], .span = (uint32_t)i};
        if (sample.group == CHECK_NO_GROUP)
            continue;
        enum check_truth counts = check_filter_judge(spans, i, aggregate->filter);
        tally->asked_count += counts == CHECK_TRUE;
        counts = sample_make(spans, aggregate, i, counts, &sample);
        tally->unknown_count += counts == CHECK_UNKNOWN;
        if (counts == CHECK_TRUE && sample_add(tally, &capacity, &sample))
            return -ENOMEM;
    }
    return samples_sort(tally, groups->count);
}

static double samples_sum(const struct check_sample *samples, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += samples[i].value;
    return sum;
}

static double distinct_count(const struct check_sample *samples, size_t count)
{
    double distinct = 0;
    for (size_t i = 0; i < count; i++)
        distinct +=
            i == 0 || samples[i].identity != samples[i - 1].identity || samples[i].value != samples[i - 1].value;
    return distinct;
}

bool check_tally_number(const struct check_tally *tally, const struct check_aggregate *aggregate, size_t group,
                        double *number)
{
    size_t count = tally->begins[group + 1] - tally->begins[group], rank;
    const struct check_sample *samples = count ? tally->samples + tally->begins[group] : NULL;
    switch (aggregate->function) {
    case CHECK_COUNT:
    case CHECK_COUNT_NOT:
        *number = (double)count;
        return true;
    case CHECK_DISTINCT:
        *number = distinct_count(samples, count);
        return true;
    case CHECK_SUM:
        *number = samples_sum(samples, count);
        return true;
    default:
        break;
    }
    if (count == 0)
        return false;
    rank = (size_t)MAX(ceil(aggregate->percent / 100 * (double)count), 1.0) - 1;
    *number = aggregate->function == CHECK_AVERAGE ? samples_sum(samples, count) / (double)count
              : aggregate->function == CHECK_MIN   ? samples[0].value
              : aggregate->function == CHECK_MAX   ? samples[count - 1].value
                                                   : samples[MIN(rank, count - 1)].value;
    return true;
}

void check_tally_free(struct check_tally *tally)
{
    free(tally->samples);
    free(tally->begins);
    *tally = (struct check_tally){0};
}
