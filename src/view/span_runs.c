#include "view/span_runs.h"

#include "base/compiler.h"
#include "view/span_sort.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PART_SPANS = 256 };

/* What is read of a run. */
struct cursor {
    struct view_span spans[PART_SPANS];
    size_t at, count; /* in spans */
    size_t next, end; /* in the file */
};

struct merger {
    int fd;
    struct cursor **heap; /* of those that are not at their end: the smallest span first */
    size_t heap_count;
    FILE *out;
    struct view_span last; /* written */
    size_t written_count;
};

static int file_open(void)
{
    const char *directory = getenv("TMPDIR");
    directory = directory && *directory ? directory : "/tmp";
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd >= 0 ? fd : -errno;
    char path[4096];
    if (snprintf(path, sizeof path, "%s/run-traced-view-XXXXXX", directory) >= (int)sizeof path)
        return -ENAMETOOLONG;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    unlink(path);
    return fd;
}

static int bytes_write(int fd, const char *bytes, size_t len, off_t offset)
{
    while (len) {
        ssize_t written = pwrite(fd, bytes, len, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        bytes += written;
        len -= (size_t)written;
        offset += written;
    }
    return 0;
}

int span_runs_add(struct span_runs *runs, const struct view_span *spans, size_t count)
{
    struct span_run *grown = reallocarray(runs->runs, runs->run_count + 1, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    runs->runs = grown;
    if (!runs->file) {
        int fd = file_open();
        if (fd < 0)
            return fd;
        runs->file = fd + 1;
    }
    int result = bytes_write(runs->file - 1, (const char *)spans, count * sizeof *spans,
                             (off_t)(runs->span_count * sizeof *spans));
    if (result < 0)
        return result;
    runs->runs[runs->run_count++] = (struct span_run){runs->span_count, count};
    runs->span_count += count;
    return 0;
}

/* Fills the cursor with what comes next, if it is empty. At the end its count is 0. */
static int cursor_fill(int fd, struct cursor *cursor)
{
    if (cursor->at < cursor->count)
        return 0;
    size_t want = MIN(cursor->end - cursor->next, (size_t)PART_SPANS), len = 0;
    while (len < want * sizeof *cursor->spans) {
        ssize_t got = pread(fd, (char *)cursor->spans + len, want * sizeof *cursor->spans - len,
                            (off_t)(cursor->next * sizeof *cursor->spans + len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        len += (size_t)got;
    }
    cursor->at = 0;
    cursor->count = want;
    cursor->next += want;
    return 0;
}

static bool is_before(const struct cursor *a, const struct cursor *b)
{
    return view_span_compare(&a->spans[a->at], &b->spans[b->at]) < 0;
}

/* Lets the cursor at @i sink to where it belongs. */
static void heap_sink(struct merger *merger, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < merger->heap_count; i = child) {
        if (child + 1 < merger->heap_count && is_before(merger->heap[child + 1], merger->heap[child]))
            child++;
        if (!is_before(merger->heap[child], merger->heap[i]))
            return;
        struct cursor *cursor = merger->heap[i];
        merger->heap[i] = merger->heap[child];
        merger->heap[child] = cursor;
    }
}

static int heap_make(struct merger *merger, const struct span_runs *runs)
{
    for (size_t i = 0; i < runs->run_count; i++) {
        struct cursor *cursor = malloc(sizeof *cursor);
        if (!cursor)
            return -ENOMEM;
        merger->heap[merger->heap_count++] = cursor;
        cursor->at = cursor->count = 0;
        cursor->next = runs->runs[i].first;
        cursor->end = cursor->next + runs->runs[i].count;
        int result = cursor_fill(merger->fd, cursor);
        if (result < 0)
            return result;
    }
    for (size_t i = merger->heap_count; i-- > 0;)
        heap_sink(merger, i);
    return 0;
}

static int span_write(struct merger *merger, const struct view_span *span)
{
    if (merger->written_count && view_span_is_same(&merger->last, span))
        return 0;
    merger->last = *span;
    merger->written_count++;
    return fwrite(span, sizeof *span, 1, merger->out) == 1 ? 0 : -EIO;
}

static int spans_merge(struct merger *merger)
{
    int result = 0;
    while (merger->heap_count && result == 0) {
        struct cursor *cursor = merger->heap[0];
        result = span_write(merger, &cursor->spans[cursor->at++]);
        if (result == 0)
            result = cursor_fill(merger->fd, cursor);
        if (result == 0 && cursor->count == 0) {
            merger->heap[0] = merger->heap[--merger->heap_count];
            free(cursor);
        }
        heap_sink(merger, 0);
    }
    if (result == 0 && fflush(merger->out))
        result = -errno;
    return result;
}

static int out_map(struct merger *merger, struct view_span **spans, size_t *mapped_len)
{
    *mapped_len = merger->written_count * sizeof **spans;
    void *mapped = mmap(NULL, *mapped_len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(merger->out), 0);
    if (mapped == MAP_FAILED)
        return -errno;
    *spans = mapped;
    return 0;
}

int span_runs_merge(struct span_runs *runs, struct view_span **spans, size_t *count, size_t *mapped_len)
{
    struct merger merger = {.fd = runs->file - 1, .heap = calloc(runs->run_count, sizeof *merger.heap)};
    int fd = file_open();
    merger.out = fd >= 0 ? fdopen(fd, "w+") : NULL;
    int result = fd < 0 ? fd : merger.heap && merger.out ? 0 : -ENOMEM;
    if (result == 0)
        result = heap_make(&merger, runs);
    if (result == 0)
        result = spans_merge(&merger);
    span_runs_free(runs);
    if (result == 0)
        result = out_map(&merger, spans, mapped_len);
    if (result == 0)
        *count = merger.written_count;
    while (merger.heap_count)
        free(merger.heap[--merger.heap_count]);
    free(merger.heap);
    if (merger.out)
        fclose(merger.out);
    else if (fd >= 0)
        close(fd);
    return result;
}

void span_runs_free(struct span_runs *runs)
{
    if (runs->file)
        close(runs->file - 1);
    free(runs->runs);
    *runs = (struct span_runs){0};
}
