#include "view/span_sort.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* Sorted in place of the span, which is seven times as long: the beginning of its trace id as a number. */
struct sort_key {
    uint64_t trace;
    const struct view_span *span;
};

int view_span_compare(const void *left, const void *right)
{
    const struct view_span *a = left, *b = right;
    int order = memcmp(a->trace_id, b->trace_id, TRACE_ID_LEN);
    if (order == 0)
        order = memcmp(a->span_id, b->span_id, SPAN_ID_LEN);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

static int key_compare(const void *left, const void *right)
{
    const struct sort_key *a = left, *b = right;
    if (a->trace != b->trace)
        return a->trace < b->trace ? -1 : 1;
    return view_span_compare(a->span, b->span);
}

/* Each place takes the span that its key names; round by round, so that one span at a time is out of place. */
static void spans_move(struct view_span *spans, size_t count, struct sort_key *keys)
{
    for (size_t i = 0; i < count; i++) {
        if (!keys[i].span || keys[i].span == &spans[i])
            continue;
        struct view_span first = spans[i];
        size_t to = i;
        for (size_t from; (from = (size_t)(keys[to].span - spans)) != i; to = from) {
            spans[to] = spans[from];
            keys[to].span = NULL;
        }
        spans[to] = first;
        keys[to].span = NULL;
    }
}

static void spans_order(struct view_span *spans, size_t count)
{
    struct sort_key *keys = malloc(count * sizeof *keys);
    if (!keys) {
        qsort(spans, count, sizeof *spans, view_span_compare);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(&keys[i].trace, spans[i].trace_id, sizeof keys[i].trace);
        keys[i] = (struct sort_key){be64toh(keys[i].trace), &spans[i]};
    }
    qsort(keys, count, sizeof *keys, key_compare);
    spans_move(spans, count, keys);
    free(keys);
}

bool view_span_is_same(const struct view_span *a, const struct view_span *b)
{
    return memcmp(a->trace_id, b->trace_id, TRACE_ID_LEN) == 0 &&
           memcmp(a->span_id, b->span_id, SPAN_ID_LEN) == 0;
}

size_t view_spans_sort(struct view_span *spans, size_t count)
{
    size_t kept = 0;
    if (count)
        spans_order(spans, count);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !view_span_is_same(&spans[kept - 1], &spans[i]))
            spans[kept++] = spans[i];
    return kept;
}
