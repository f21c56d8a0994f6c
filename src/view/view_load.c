#include "view/view_load.h"

#include "base/compiler.h"
#include "view/trace_filter.h"
#include "view/trace_tree.h"
#include "view/view_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PART_SPANS = 65536 };

/* The file stays open if more than spans will be asked of it. */
static int file_read(const char *path, const struct view_options *options, struct view *view)
{
    bool is_stdin = strcmp(path, "-") == 0;
    bool is_read_again = options->has_events || options->write;
    int fd = is_read_again ? view_source_open(path) : is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return is_read_again ? fd : -errno;
    if (is_read_again)
        view->file = fd + 1;
    int result = span_reader_read(fd, &view->set);
    if (!is_read_again && !is_stdin)
        close(fd);
    return result;
}

/* As many spans as make up whole traces, PART_SPANS if there are so many. */
static size_t part_len(const struct span_set *set, size_t first)
{
    size_t len = MIN(set->count - first, (size_t)PART_SPANS);
    if (len)
        len += trace_len(set->spans + first + len - 1, set->count - first - len + 1) - 1;
    return len;
}

/* Part by part, so that no more of a large file has to be in memory. */
static int traces_find(struct view *view, const struct view_options *options)
{
    const struct span_set *set = &view->set;
    struct trace_list *list = &view->list;
    int result = 0;
    for (size_t i = 0, len; i < set->count && result == 0; i += len) {
        len = part_len(set, i);
        size_t before = list->count;
        result = trace_list_extend(set->spans + i, len, list);
        if (result == 0)
            result = service_colors_collect(set->spans + i, len, &view->colors);
        view->trace_count += list->count - before;
        trace_filter(list, before, options);
        span_set_relax(set);
    }
    trace_list_sort(list);
    return result;
}

int view_load(const char *path, const struct view_options *options, struct view *view)
{
    int result = file_read(path, options, view);
    if (result < 0)
        return result;
    result = span_set_sort(&view->set);
    if (result == 0)
        result = traces_find(view, options);
    return result;
}

void view_free(struct view *view)
{
    if (view->file)
        close(view->file - 1);
    operation_names_free(&view->names);
    service_colors_free(&view->colors);
    trace_list_free(&view->list);
    span_set_free(&view->set);
}
