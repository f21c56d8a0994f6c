#include "view/significance.h"

#include "base/compiler.h"

#include <math.h>

/* What all values together have: the ranks of @a summed up, and the sum of t^3 - t over runs of t equal ones. */
struct ranks {
    double a_sum;
    double tie_sum;
};

static size_t equal_count(const struct samples *samples, size_t from, int64_t value)
{
    size_t count = 0;
    while (from + count < samples->count && samples->values[from + count] == value)
        count++;
    return count;
}

static struct ranks ranks_find(const struct samples *a, const struct samples *b)
{
    struct ranks ranks = {0, 0};
    size_t i = 0, j = 0;
    while (i < a->count || j < b->count) {
        bool is_a = j == b->count || (i < a->count && a->values[i] <= b->values[j]);
        int64_t value = is_a ? a->values[i] : b->values[j];
        size_t in_a = equal_count(a, i, value), in_b = equal_count(b, j, value);
        double ties = (double)(in_a + in_b);
        /* Equal ones share the mean of their ranks, which begin at 1. */
        ranks.a_sum += (double)in_a * ((double)(i + j) + (ties + 1) / 2);
        ranks.tie_sum += ties * ties * ties - ties;
        i += in_a;
        j += in_b;
    }
    return ranks;
}

double rank_test_p(struct samples *a, struct samples *b)
{
    double m = (double)a->count, n = (double)b->count, all = m + n;
    if (a->count == 0 || b->count == 0)
        return 1;
    samples_sort(a);
    samples_sort(b);
    struct ranks ranks = ranks_find(a, b);
    double u = ranks.a_sum - m * (m + 1) / 2;
    double variance = m * n / 12 * (all + 1 - ranks.tie_sum / (all * (all - 1)));
    double distance = fabs(u - m * n / 2) - 0.5;
    if (variance <= 0 || distance <= 0)
        return 1;
    return erfc(distance / sqrt(2 * variance));
}

static double log_choose(double n, double k)
{
    int sign; /* lgamma_r: lgamma itself writes to a global */
    return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

double fisher_test_p(uint64_t a_hits, uint64_t a_count, uint64_t b_hits, uint64_t b_count)
{
    uint64_t hits = a_hits + b_hits;
    uint64_t low = hits > b_count ? hits - b_count : 0, high = MIN(hits, a_count);
    double whole = log_choose((double)(a_count + b_count), (double)hits);
    double seen = log_choose((double)a_count, (double)a_hits) + log_choose((double)b_count, (double)b_hits) - whole;
    double p = 0;
    for (uint64_t i = low; i <= high; i++) {
        double log_p = log_choose((double)a_count, (double)i) + log_choose((double)b_count, (double)(hits - i)) - whole;
        if (log_p <= seen + 1e-7)
            p += exp(log_p);
    }
    return MIN(p, 1.0);
}
