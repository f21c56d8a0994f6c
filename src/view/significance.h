/* significance.h - is a difference more than chance? */
#ifndef RUN_TRACED_VIEW_SIGNIFICANCE_H
#define RUN_TRACED_VIEW_SIGNIFICANCE_H

#include "view/samples.h"

/* rank_test_p - the two-sided p of the test of Mann and Whitney (Wilcoxon's rank sum), by the normal approximation with
 * ties and continuity corrected: how likely are two samples of the same times to differ that much? Good from 8 of each
 * on. 1 if one is empty, or all are equal. Sorts both. O(n log n). */
double rank_test_p(struct samples *a, struct samples *b);

/* fisher_test_p - the two-sided p of Fisher's exact test: how likely are @a_hits of @a_count and @b_hits of @b_count to
 * differ that much if both have the same rate? O(hits). */
double fisher_test_p(uint64_t a_hits, uint64_t a_count, uint64_t b_hits, uint64_t b_count);

#endif
