#include "view/share_sum.h"

#include "base/compiler.h"

#include <stdlib.h>
#include <string.h>

static int pointer_order(const char *a, const char *b)
{
    return (a > b) - (a < b);
}

static int text_order(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* Brings together what is summed up; within that, the same callers. Strings are interned. */
static int group_compare(const void *left, const void *right)
{
    const struct share *a = left, *b = right;
    int order = (a->kind > b->kind) - (a->kind < b->kind);
    order = order ? order : pointer_order(a->label, b->label);
    order = order ? order : pointer_order(a->caller, b->caller);
    return order ? order : pointer_order(a->callee, b->callee);
}

static int share_compare(const void *left, const void *right)
{
    const struct share *a = left, *b = right;
    if (a->us != b->us)
        return a->us > b->us ? -1 : 1;
    int order = (a->kind > b->kind) - (a->kind < b->kind);
    return order ? order : text_order(a->label, b->label);
}

static bool is_same_share(const struct share *a, const struct share *b)
{
    return a->kind == b->kind && a->label == b->label;
}

static bool is_same_caller(const struct share *a, const struct share *b)
{
    return is_same_share(a, b) && a->caller == b->caller && a->callee == b->callee;
}

static bool is_same_line(const struct view_span *a, const struct view_span *b)
{
    return a && b && a->code_file == b->code_file && a->code_line == b->code_line;
}

/* Of calls from several lines none stands for all. */
static void share_add(struct share *sum, const struct share *share)
{
    if (sum->us == 0)
        sum->call = share->call;
    else if (share->us > 0 && !is_same_line(sum->call, share->call))
        sum->call = NULL;
    sum->us += share->us;
}

/* Sums up neighbours that are alike; returns how many are left. */
static size_t callers_merge(struct share *shares, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept && is_same_caller(&shares[kept - 1], &shares[i]))
            share_add(&shares[kept - 1], &shares[i]);
        else
            shares[kept++] = shares[i];
    return kept;
}

/* The caller for longer wins; of equals the first by name, so that output does not vary. */
static bool is_chief_caller(const struct share *candidate, const struct share *chief,
                            int64_t chief_us)
{
    if (candidate->us != chief_us)
        return candidate->us > chief_us;
    int order = text_order(candidate->caller, chief->caller);
    return order ? order < 0 : text_order(candidate->callee, chief->callee) < 0;
}

static size_t shares_merge(struct share *shares, size_t count)
{
    size_t kept = 0;
    int64_t chief_us = 0;
    for (size_t i = 0; i < count; i++) {
        struct share share = shares[i];
        size_t is_caller = share.us > 0 && share.caller != NULL;
        if (kept == 0 || !is_same_share(&shares[kept - 1], &share)) {
            chief_us = share.us;
            share.caller_count = is_caller;
            shares[kept++] = share;
            continue;
        }
        struct share *sum = &shares[kept - 1];
        if (is_chief_caller(&share, sum, chief_us)) {
            chief_us = share.us;
            sum->caller = share.caller;
            sum->callee = share.callee;
            sum->call = share.call;
        }
        sum->us += share.us;
        sum->caller_count += is_caller;
    }
    return kept;
}

/* The shares from @first on, those with time, become one. */
static void rest_merge(struct share *shares, size_t first, size_t end)
{
    struct share rest = {.kind = SHARE_REST, .caller_count = end - first};
    for (size_t i = first; i < end; i++)
        rest.us += shares[i].us;
    shares[first] = rest;
}

size_t share_sum(struct share *shares, size_t count, size_t max, size_t *idle_count)
{
    size_t timed = 0;
    qsort(shares, count, sizeof *shares, group_compare);
    count = shares_merge(shares, callers_merge(shares, count));
    qsort(shares, count, sizeof *shares, share_compare);
    while (timed < count && shares[timed].us > 0)
        timed++;
    *idle_count = count - timed;
    if (timed <= max)
        return count;
    rest_merge(shares, max - 1, timed);
    memmove(shares + max, shares + timed, *idle_count * sizeof *shares);
    return max + *idle_count;
}

/* What rounding down cut off. Times are below 2^55, so nothing overflows. */
static int64_t remainder_of(const struct share *share, int64_t total_us)
{
    return share->us * 100 - share->percent * total_us;
}

void share_percent(struct share *shares, size_t count, int64_t total_us)
{
    int left = 100;
    if (total_us <= 0)
        return;
    for (size_t i = 0; i < count; i++) {
        shares[i].percent = (int)(shares[i].us * 100 / total_us);
        left -= shares[i].percent;
    }
    /* There are at most as many to give out as there are shares with a remainder, and these are
     * few. */
    for (; left > 0; left--) {
        struct share *most = NULL;
        for (size_t i = 0; i < count && shares[i].us > 0; i++)
            if (!most || remainder_of(&shares[i], total_us) > remainder_of(most, total_us))
                most = &shares[i];
        if (!most)
            return;
        most->percent++;
    }
}
