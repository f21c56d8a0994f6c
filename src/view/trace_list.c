#include "view/trace_list.h"

#include "base/compiler.h"
#include "view/trace_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOWEST_COUNT = 3 };

static int entry_append(struct trace_list *list, const struct trace_entry *entry)
{
    if (list->count == list->capacity) {
        size_t grown = MAX(list->capacity * 2, (size_t)64);
        struct trace_entry *entries = reallocarray(list->entries, grown, sizeof *entries);
        if (!entries)
            return -ENOMEM;
        list->entries = entries;
        list->capacity = grown;
    }
    list->entries[list->count++] = *entry;
    return 0;
}

/* What can be said without a tree. */
static void entry_fill_large(const struct view_span *spans, size_t count, struct trace_entry *entry)
{
    int64_t end_us = 0;
    const struct view_span *head = spans;
    for (size_t i = 0; i < count; i++) {
        bool is_root = !view_span_has_parent(&spans[i]), is_head_root = !view_span_has_parent(head);
        if (is_root != is_head_root ? is_root : spans[i].start_us < head->start_us)
            head = &spans[i];
        entry->start_us = i ? MIN(entry->start_us, spans[i].start_us) : spans[i].start_us;
        end_us = MAX(end_us, spans[i].start_us + spans[i].duration_us);
        entry->error_count += spans[i].is_error;
    }
    entry->spans = spans;
    entry->span_count = count;
    entry->root_service = head->service;
    entry->root_name = head->name;
    entry->total_us = end_us - entry->start_us;
    entry->is_too_large = true;
    memcpy(entry->trace_id, spans->trace_id, TRACE_ID_LEN);
}

static int entry_fill(const struct view_span *spans, size_t count, struct trace_entry *entry)
{
    struct trace_tree tree;
    *entry = (struct trace_entry){0};
    if (count > TRACE_SPANS_MAX) {
        entry_fill_large(spans, count, entry);
        return 0;
    }
    int result = trace_tree_build(spans, count, &tree);
    if (result < 0)
        return result;
    const struct trace_node *head = trace_tree_head(&tree);
    *entry = (struct trace_entry){
        .spans = spans,
        .span_count = count,
        .root_service = head->span->service,
        .root_name = head->span->name,
        .start_us = tree.start_us,
        .total_us = tree.total_end_us - tree.total_start_us,
        .error_count = tree.error_count,
    };
    memcpy(entry->trace_id, spans->trace_id, TRACE_ID_LEN);
    trace_tree_free(&tree);
    return 0;
}

static int start_compare(const void *left, const void *right)
{
    const struct trace_entry *a = left, *b = right;
    if (a->start_us != b->start_us)
        return a->start_us < b->start_us ? -1 : 1;
    return memcmp(a->trace_id, b->trace_id, TRACE_ID_LEN);
}

int trace_list_extend(const struct view_span *spans, size_t count, struct trace_list *list)
{
    struct trace_entry entry;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i += entry.span_count) {
        result = entry_fill(spans + i, trace_len(spans + i, count - i), &entry);
        if (result == 0)
            result = entry_append(list, &entry);
    }
    return result;
}

void trace_list_sort(struct trace_list *list)
{
    if (list->count)
        qsort(list->entries, list->count, sizeof *list->entries, start_compare);
}

int trace_list_make(const struct view_span *spans, size_t count, struct trace_list *list)
{
    *list = (struct trace_list){0};
    int result = trace_list_extend(spans, count, list);
    if (result < 0)
        trace_list_free(list);
    else
        trace_list_sort(list);
    return result;
}

static int slowest_compare(const void *left, const void *right)
{
    const struct trace_entry *a = *(struct trace_entry *const *)left;
    const struct trace_entry *b = *(struct trace_entry *const *)right;
    if (a->total_us != b->total_us)
        return a->total_us > b->total_us ? -1 : 1;
    return start_compare(a, b);
}

static void show(struct trace_list *list, struct trace_entry *entry, size_t max)
{
    if (entry->is_shown || list->shown_count >= max)
        return;
    entry->is_shown = true;
    list->shown_count++;
}

/* The list's entries, the slowest first; NULL: no memory. */
static struct trace_entry **slowest_sort(const struct trace_list *list)
{
    struct trace_entry **slowest = malloc((list->count + 1) * sizeof *slowest);
    for (size_t i = 0; slowest && i < list->count; i++)
        slowest[i] = &list->entries[i];
    if (slowest)
        qsort(slowest, list->count, sizeof *slowest, slowest_compare);
    return slowest;
}

int trace_list_select(struct trace_list *list, size_t max, bool is_filled)
{
    struct trace_entry **slowest = slowest_sort(list);
    if (!slowest)
        return -ENOMEM;
    bool is_all = list->count <= max || is_filled;
    for (size_t i = 0; i < MIN(list->count, (size_t)SLOWEST_COUNT); i++)
        show(list, slowest[i], max);
    for (size_t i = 0; i < list->count; i++)
        if (slowest[i]->error_count)
            show(list, slowest[i], max);
    for (size_t i = 0; i < list->count && is_all; i++)
        show(list, slowest[i], max);
    free(slowest);
    return 0;
}

int trace_list_select_spans(struct trace_list *list, size_t max)
{
    struct trace_entry **slowest = slowest_sort(list);
    size_t span_count = 0;
    if (!slowest)
        return -ENOMEM;
    for (size_t i = 0; i < 2 * list->count; i++) {
        struct trace_entry *entry = slowest[i % list->count];
        bool has_its_turn = (entry->error_count > 0) == (i < list->count);
        if (!has_its_turn || (list->shown_count && span_count + entry->span_count > max))
            continue;
        show(list, entry, SIZE_MAX);
        span_count += entry->span_count;
    }
    free(slowest);
    return 0;
}

void trace_list_select_first(struct trace_list *list, size_t max)
{
    for (size_t i = 0; i < list->count; i++)
        show(list, &list->entries[i], max);
}

void trace_list_free(struct trace_list *list)
{
    free(list->entries);
    *list = (struct trace_list){0};
}
