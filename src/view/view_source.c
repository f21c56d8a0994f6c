#include "view/view_source.h"

#include "base/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct view_source_extent view_source_extent(const struct view_source *source)
{
    struct view_source_extent extent = {.start_us = INT64_MAX};
    for (size_t i = 0; i < source->list->count; i++) {
        const struct trace_entry *entry = &source->list->entries[i];
        if (!entry->is_shown)
            continue;
        extent.span_count += entry->span_count;
        for (size_t j = 0; j < entry->span_count; j++)
            extent.start_us = MIN(extent.start_us, entry->spans[j].start_us);
    }
    return extent;
}

/* The lines that are asked for, a bit each; NULL: no memory. */
static uint8_t *lines_mark(const struct view_source *source)
{
    uint8_t *lines = calloc(source->set->line_count / 8 + 1, 1);
    for (size_t i = 0; lines && i < source->list->count; i++) {
        const struct trace_entry *entry = &source->list->entries[i];
        for (size_t j = 0; entry->is_shown && j < entry->span_count; j++)
            lines[entry->spans[j].line / 8] |= (uint8_t)(1 << entry->spans[j].line % 8);
    }
    return lines;
}

int view_source_read(const struct view_source *source, int (*take)(void *context, const char *line, size_t len), void *context)
{
    struct line_reader reader = {.fd = source->fd};
    uint8_t *lines = lines_mark(source);
    char *line;
    long len = 1;
    int result = !lines ? -ENOMEM : lseek(source->fd, 0, SEEK_SET) < 0 ? -errno : 0;
    for (uint64_t number = 1; result == 0 && len > 0 && number <= source->set->line_count; number++) {
        len = line_reader_next(&reader, false, &line);
        if (len > 0 && lines[number / 8] >> number % 8 & 1)
            result = take(context, line, (size_t)len);
    }
    line_reader_free(&reader);
    free(lines);
    return result ? result : (int)MIN(len, 0L);
}

/* What comes through a pipe can be read only once. */
static int copy_open(int from)
{
    char bytes[64 * 1024];
    ssize_t len;
    FILE *file = tmpfile();
    int fd = file ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 3) : -1;
    int error = fd < 0 ? errno : 0;
    if (file)
        fclose(file);
    while (fd >= 0 && (len = read(from, bytes, sizeof bytes)) != 0) {
        if (len > 0 && write(fd, bytes, (size_t)len) == len)
            continue;
        if (len < 0 && errno == EINTR)
            continue;
        error = len < 0 ? errno : ENOSPC;
        break;
    }
    if (fd >= 0 && error == 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return error ? -error : -EIO;
}

int view_source_open(const char *path)
{
    struct stat status;
    int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    int copy = copy_open(fd);
    close(fd);
    return copy;
}
