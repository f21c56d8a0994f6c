#include "view/trace_filter.h"

#include <stdlib.h>
#include <string.h>

static bool id_has_prefix(const uint8_t *id, const char *prefix)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; prefix[i]; i++)
        if (i == 2 * TRACE_ID_LEN || prefix[i] != digits[i % 2 ? id[i / 2] & 15 : id[i / 2] >> 4])
            return false;
    return true;
}

static bool span_matches(const struct view_span *span, const struct view_options *options)
{
    if (options->is_failed && !span->is_error)
        return false;
    if (options->service && strcmp(span->service, options->service))
        return false;
    return !options->name || strstr(span->name, options->name) || (span->path && strstr(span->path, options->name));
}

static bool entry_matches(const struct trace_entry *entry, const struct view_options *options)
{
    if (options->slower_than_us && entry->total_us <= options->slower_than_us)
        return false;
    if (options->trace_prefix && !id_has_prefix(entry->trace_id, options->trace_prefix))
        return false;
    for (size_t i = 0; i < entry->span_count; i++)
        if (span_matches(&entry->spans[i], options))
            return true;
    return false;
}

void trace_filter(struct trace_list *list, size_t first, const struct view_options *options)
{
    size_t kept = first;
    for (size_t i = first; i < list->count; i++)
        if (entry_matches(&list->entries[i], options))
            list->entries[kept++] = list->entries[i];
    list->count = kept;
}

static int start_compare(const void *left, const void *right)
{
    const struct trace_entry *a = left, *b = right;
    if (a->start_us != b->start_us)
        return a->start_us < b->start_us ? -1 : 1;
    return memcmp(a->trace_id, b->trace_id, TRACE_ID_LEN);
}

static int duration_compare(const void *left, const void *right)
{
    const struct trace_entry *a = left, *b = right;
    if (a->total_us != b->total_us)
        return a->total_us > b->total_us ? -1 : 1;
    return start_compare(a, b);
}

static int errors_compare(const void *left, const void *right)
{
    const struct trace_entry *a = left, *b = right;
    if (a->error_count != b->error_count)
        return a->error_count > b->error_count ? -1 : 1;
    return start_compare(a, b);
}

void trace_sort(struct trace_list *list, enum view_sort sort)
{
    int (*const compares[])(const void *, const void *) = {
        [VIEW_SORT_START] = start_compare,
        [VIEW_SORT_DURATION] = duration_compare,
        [VIEW_SORT_ERRORS] = errors_compare,
    };
    if (sort != VIEW_SORT_NONE && list->count)
        qsort(list->entries, list->count, sizeof *list->entries, compares[sort]);
}
