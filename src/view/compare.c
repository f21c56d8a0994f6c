#include "view/compare.h"

#include "base/compiler.h"
#include "view/significance.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static int name_compare(const void *left, const void *right)
{
    const struct stats *a = left, *b = right;
    return stats_key_compare(&a->key, &b->key);
}

static void table_sort(struct stats_table *table)
{
    if (table->count)
        qsort(table->items, table->count, sizeof *table->items, name_compare);
}

/* Both are sorted: what has the same name comes together. */
static void items_pair(struct stats_table *before, struct stats_table *after, struct comparison *comparison)
{
    size_t i = 0, j = 0;
    while (i < before->count || j < after->count) {
        int order = i == before->count ? 1 : j == after->count ? -1 : name_compare(&before->items[i], &after->items[j]);
        struct compared item = {.time_p = 1, .error_p = 1};
        item.before = order <= 0 ? &before->items[i++] : NULL;
        item.after = order >= 0 ? &after->items[j++] : NULL;
        comparison->items[comparison->count++] = item;
    }
}

static bool is_testable(const struct compared *item)
{
    return item->before && item->after && MIN(item->before->us.count, item->after->us.count) >= COMPARE_COUNT_MIN;
}

static bool is_far(int64_t before_us, int64_t after_us)
{
    int64_t apart_us = before_us < after_us ? after_us - before_us : before_us - after_us;
    return apart_us >= COMPARE_MIN_US && apart_us >= MIN(before_us, after_us) / 100 * COMPARE_PERCENT_MIN;
}

static void times_judge(struct compared *item, double limit_p)
{
    int64_t before_us = samples_percentile(&item->before->us, 50), after_us = samples_percentile(&item->after->us, 50);
    item->time_p = rank_test_p(&item->before->us, &item->after->us);
    item->weight = fabs((double)(after_us - before_us)) * (double)item->after->us.count;
    if (item->time_p < limit_p && is_far(before_us, after_us))
        item->verdicts |= 1U << (after_us > before_us ? VERDICT_SLOWER : VERDICT_FASTER);
}

static void errors_judge(struct compared *item, double limit_p)
{
    const struct stats *before = item->before, *after = item->after;
    item->error_p = fisher_test_p(before->error_count, before->us.count, after->error_count, after->us.count);
    if (item->error_p >= limit_p)
        return;
    bool is_more =
        (double)after->error_count / (double)after->us.count > (double)before->error_count / (double)before->us.count;
    item->verdicts |= 1U << (is_more ? VERDICT_MORE_ERRORS : VERDICT_FEWER_ERRORS);
}

static void item_judge(struct compared *item, double limit_p)
{
    const struct stats *only = item->before ? item->before : item->after;
    if (!item->before || !item->after) {
        item->verdicts = 1U << (item->before ? VERDICT_GONE : VERDICT_NEW);
        item->weight = (double)only->us.count * (double)only->longest_us;
    } else if (is_testable(item)) {
        times_judge(item, limit_p);
        errors_judge(item, limit_p);
    } else {
        item->is_rare = true;
    }
}

static int weight_compare(const void *left, const void *right)
{
    const struct compared *a = left, *b = right;
    if (a->weight < b->weight || a->weight > b->weight)
        return a->weight > b->weight ? -1 : 1;
    return stats_key_compare(compare_key(a), compare_key(b));
}

static void items_judge(struct comparison *comparison)
{
    size_t tests = 0;
    for (size_t i = 0; i < comparison->count; i++)
        tests += is_testable(&comparison->items[i]);
    for (size_t i = 0; i < comparison->count; i++) {
        struct compared *item = &comparison->items[i];
        item_judge(item, COMPARE_P / (double)MAX(tests, (size_t)1));
        for (unsigned v = 0; v < VERDICT_COUNT; v++)
            comparison->verdict_counts[v] += item->verdicts >> v & 1;
        comparison->rare_count += item->is_rare;
        comparison->same_count += !item->is_rare && item->verdicts == 0;
    }
}

int compare_make(struct profile *before, struct profile *after, struct comparison *comparison)
{
    size_t max = before->operations.count + after->operations.count;
    *comparison = (struct comparison){.items = calloc(max + 1, sizeof *comparison->items)};
    if (!comparison->items)
        return -ENOMEM;
    table_sort(&before->operations);
    table_sort(&after->operations);
    items_pair(&before->operations, &after->operations, comparison);
    items_judge(comparison);
    qsort(comparison->items, comparison->count, sizeof *comparison->items, weight_compare);
    return 0;
}

const struct stats_key *compare_key(const struct compared *item)
{
    return item->after ? &item->after->key : &item->before->key;
}

void compare_free(struct comparison *comparison)
{
    free(comparison->items);
    *comparison = (struct comparison){0};
}
