#include "view/follow.h"

#include "base/compiler.h"
#include "view/span_sort.h"
#include "view/trace_filter.h"
#include "view/trace_tree.h"
#include "view/view_show.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TICK_MS = 100, QUIET_TICKS = 10, ROOTLESS_TICKS = 50 };

/* What waits, and how many lines there were at each of the last ticks: a trace is as old as its last line. */
struct follower {
    const char *path;
    const struct view_options *options;
    FILE *out;
    struct view view; /* its set: what waits */
    struct line_reader reader;
    uint64_t lines_at[ROOTLESS_TICKS];
    uint64_t tick;
    size_t shown_count;
    bool is_regular;
    bool has_ended;
};

static volatile sig_atomic_t g_is_interrupted;

static void interrupt_note(int number)
{
    (void)number;
    g_is_interrupted = 1;
}

/* How many lines there were so many ticks ago. */
static uint64_t lines_before(const struct follower *follower, unsigned ticks)
{
    return follower->tick < ticks ? 0 : follower->lines_at[(follower->tick - ticks) % ROOTLESS_TICKS];
}

static bool is_over(const struct follower *follower, const struct view_span *spans, size_t count)
{
    uint64_t last_line = 0;
    bool has_root = false;
    for (size_t i = 0; i < count; i++) {
        last_line = MAX(last_line, spans[i].line);
        has_root = has_root || !view_span_has_parent(&spans[i]);
    }
    return follower->has_ended || last_line <= lines_before(follower, has_root ? QUIET_TICKS : ROOTLESS_TICKS - 1);
}

static int spans_show(struct follower *follower, const struct view_span *spans, size_t count)
{
    struct view *view = &follower->view;
    size_t max = follower->options->max_traces ? follower->options->max_traces - follower->shown_count : SIZE_MAX;
    int result = trace_list_make(spans, count, &view->list);
    if (result < 0)
        return result;
    trace_filter(&view->list, 0, follower->options);
    trace_sort(&view->list, follower->options->sort);
    view->list.count = MIN(view->list.count, max);
    trace_list_select_first(&view->list, max);
    if (view->list.count)
        result = service_colors_assign(spans, count, &view->colors);
    if (result == 0 && view->list.count) {
        screen_open(&view->screen, follower->out, follower->options);
        result = view_show_traces(view, follower->out, follower->options);
        if (screen_close(&view->screen) < 0)
            result = -EIO;
    }
    follower->shown_count += view->list.count;
    service_colors_free(&view->colors);
    trace_list_free(&view->list);
    return result;
}

/* Shows and drops the traces that are over. */
static int waiting_show(struct follower *follower)
{
    struct span_set *set = &follower->view.set;
    struct view_span *over = malloc((set->count + 1) * sizeof *over);
    size_t over_count = 0, kept = 0, len;
    if (!over)
        return -ENOMEM;
    set->count = view_spans_sort(set->spans, set->count);
    for (size_t i = 0; i < set->count; i += len) {
        len = trace_len(set->spans + i, set->count - i);
        bool is_done = is_over(follower, set->spans + i, len);
        memmove(is_done ? over + over_count : set->spans + kept, set->spans + i, len * sizeof *over);
        *(is_done ? &over_count : &kept) += len;
    }
    set->count = kept;
    int result = over_count ? spans_show(follower, over, over_count) : 0;
    if (kept == 0) {
        operation_names_free(&follower->view.names); /* knows them by their addresses */
        string_pool_free(&set->strings);
    }
    free(over);
    return result;
}

/* Another file has the name, or this one was made empty: it is read from its beginning. */
static void replacement_open(struct follower *follower)
{
    struct stat here, named;
    if (!follower->is_regular || fstat(follower->reader.fd, &here) < 0 || stat(follower->path, &named) < 0)
        return;
    bool is_same = here.st_ino == named.st_ino && here.st_dev == named.st_dev;
    if (is_same && lseek(follower->reader.fd, 0, SEEK_CUR) <= here.st_size)
        return;
    int fd = open(follower->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    close(follower->reader.fd);
    line_reader_free(&follower->reader);
    follower->reader.fd = fd;
}

static int tick(struct follower *follower)
{
    int result = span_reader_take(&follower->reader, true, &follower->view.set);
    follower->has_ended = g_is_interrupted || (result == 0 && !follower->is_regular);
    if (result < 0 && result != -EAGAIN)
        return result;
    follower->lines_at[follower->tick % ROOTLESS_TICKS] = follower->view.set.line_count;
    result = follower->view.set.count ? waiting_show(follower) : 0;
    follower->tick++;
    if (follower->options->max_traces && follower->shown_count >= follower->options->max_traces)
        follower->has_ended = true;
    replacement_open(follower);
    return result;
}

static int ticks_run(struct follower *follower)
{
    int result = tick(follower);
    while (result == 0 && !follower->has_ended) {
        struct pollfd wanted = {.fd = follower->reader.fd, .events = POLLIN};
        poll(&wanted, follower->is_regular ? 0 : 1, TICK_MS);
        if (!follower->is_regular && wanted.revents)
            poll(NULL, 0, TICK_MS);
        result = tick(follower);
    }
    return result;
}

int follow(const char *path, FILE *out, const struct view_options *options)
{
    struct follower follower = {.path = path, .options = options, .out = out, .view.set.is_unbounded = true};
    struct sigaction noting = {.sa_handler = interrupt_note}, before[2];
    struct stat status;
    bool is_stdin = strcmp(path, "-") == 0;
    follower.reader.fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (follower.reader.fd < 0)
        return -errno;
    follower.is_regular = !is_stdin && fstat(follower.reader.fd, &status) == 0 && S_ISREG(status.st_mode);
    g_is_interrupted = 0;
    sigaction(SIGINT, &noting, &before[0]);
    sigaction(SIGTERM, &noting, &before[1]);
    int result = ticks_run(&follower);
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGTERM, &before[1], NULL);
    if (!is_stdin)
        close(follower.reader.fd);
    line_reader_free(&follower.reader);
    operation_names_free(&follower.view.names);
    span_set_free(&follower.view.set);
    return result;
}
