#include "view/view_load.h"

#include "view/span_sort.h"
#include "view/trace_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int file_read(const char *path, struct span_set *set)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = span_reader_read(fd, set);
    if (!is_stdin)
        close(fd);
    return result;
}

int view_load(const char *path, const struct view_options *options, struct view *view)
{
    int result = file_read(path, &view->set);
    if (result < 0)
        return result;
    size_t count = view_spans_sort(view->set.spans, view->set.count);
    view->duplicate_count = view->set.count - count;
    view->set.count = count;
    result = trace_list_make(view->set.spans, count, &view->list);
    if (result == 0)
        trace_filter(&view->list, options);
    return result;
}

void view_free(struct view *view)
{
    operation_names_free(&view->names);
    service_colors_free(&view->colors);
    trace_list_free(&view->list);
    span_set_free(&view->set);
}
