#include "view/span_reader.h"

#include "base/compiler.h"
#include "view/span_sort.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Where there is no file to write to, memory has to do. */
static void run_write(struct span_set *set)
{
    size_t count = view_spans_sort(set->spans, set->count);
    set->duplicate_count += set->count - count;
    set->count = count;
    if (span_runs_add(&set->runs, set->spans, count) == 0)
        set->count = 0;
    else
        set->is_unbounded = true;
}

static int span_append(struct span_set *set, const struct view_span *span)
{
    if (set->count == SPAN_SET_MEMORY_MAX && !set->is_unbounded)
        run_write(set);
    if (set->count == set->capacity) {
        size_t capacity = MAX(set->capacity * 2, (size_t)256);
        struct view_span *spans = reallocarray(set->spans, capacity, sizeof *spans);
        if (!spans)
            return -ENOMEM;
        set->spans = spans;
        set->capacity = capacity;
    }
    set->spans[set->count++] = *span;
    return 0;
}

static void skip_note(struct span_set *set, enum skip_reason reason)
{
    struct skip_count *skip = &set->skipped[reason];
    if (skip->count++ == 0)
        skip->first_line = set->line_count;
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!strchr(" \t\r\n", line[i]) || line[i] == '\0')
            return false;
    return true;
}

static int line_read(const char *line, size_t len, struct span_set *set)
{
    struct view_span span;
    uint64_t offset = set->byte_count;
    set->line_count++;
    set->byte_count += len;
    if (is_blank(line, len))
        return 0;
    enum skip_reason reason = span_decode(line, len, &set->strings, &span);
    if (reason == SKIP_NOT_JSON && line[len - 1] != '\n')
        reason = SKIP_CUT_OFF;
    if (reason != SKIP_NONE) {
        skip_note(set, reason);
        return 0;
    }
    if (set->strings.is_out_of_memory)
        return -ENOMEM;
    span.line = set->line_count;
    span.offset = offset;
    int error = set->observer.note ? set->observer.note(set->observer.context, line, set->line_count) : 0;
    return error ? error : span_append(set, &span);
}

int span_reader_read(int fd, struct span_set *set)
{
    struct line_reader reader = {.fd = fd};
    int result = span_reader_take(&reader, false, set);
    line_reader_free(&reader);
    return result;
}

int span_reader_take(struct line_reader *reader, bool is_live, struct span_set *set)
{
    char *line;
    long len = 0;
    int result = 0;
    while (result == 0 && (len = line_reader_next(reader, is_live, &line)) > 0)
        result = line_read(line, (size_t)len, set);
    return result < 0 ? result : (int)MIN(len, 0L);
}

static int runs_merge(struct span_set *set)
{
    size_t count = set->runs.span_count + set->count;
    struct view_span *merged = NULL;
    int result = span_runs_add(&set->runs, set->spans, set->count);
    if (result == 0)
        result = span_runs_merge(&set->runs, &merged, &set->count, &set->mapped_len);
    if (result < 0)
        return result;
    set->duplicate_count += count - set->count;
    free(set->spans);
    set->spans = merged;
    return 0;
}

int span_set_sort(struct span_set *set)
{
    size_t count = view_spans_sort(set->spans, set->count);
    set->duplicate_count += set->count - count;
    set->count = count;
    return set->runs.run_count ? runs_merge(set) : 0;
}

void span_set_relax(const struct span_set *set)
{
    if (set->mapped_len)
        madvise(set->spans, set->mapped_len, MADV_DONTNEED);
}

void span_set_free(struct span_set *set)
{
    string_pool_free(&set->strings);
    span_runs_free(&set->runs);
    if (set->mapped_len)
        munmap(set->spans, set->mapped_len);
    else
        free(set->spans);
    *set = (struct span_set){0};
}
