#include "view/run_diff.h"

#include "view/complaint.h"
#include "view/run_diff_print.h"
#include "view/skip_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_EQUAL, STATUS_DIFFERENT, STATUS_TROUBLE };

static int complain(const char *what, const char *path, const char *why)
{
    complaint_print(what, path, why, "");
    return STATUS_TROUBLE;
}

/* The fields that tests are known by are columns of a set without checks. */
static int fields_ask(struct check_set *set)
{
    struct check_field field;
    return check_field_find(&set->fields, &set->pool, "suite", strlen("suite"), &field);
}

static int file_add(struct diff_paths *paths, const char *path, enum diff_side side)
{
    struct check_set set = {0};
    struct check_spans spans = {0};
    char skipped[SKIP_TEXT_LEN];
    int status = STATUS_EQUAL, fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    int error = fd < 0 ? -errno : fields_ask(&set);
    if (!error)
        error = check_spans_read(&set, fd, &spans);
    if (!error)
        error = diff_paths_add(paths, &spans, side);
    if (error)
        status = complain("cannot compare", path, strerror(-error));
    else if (spans.set.count == 0 && spans.set.line_count)
        status = complain("no span in", path, skip_text(&spans.set, skipped));
    else if (*skip_text(&spans.set, skipped))
        complain("not all of", path, skipped);
    check_spans_free(&spans);
    check_set_free(&set);
    if (fd > STDIN_FILENO)
        close(fd);
    return status;
}

static int paths_print(struct diff_paths *paths, bool is_json, FILE *out)
{
    struct screen screen;
    diff_paths_sort(paths);
    screen_open(&screen, out, NULL);
    long sum = is_json ? run_diff_json(out, paths) : run_diff_text(&screen, paths);
    if (screen_close(&screen) < 0)
        return complain("cannot print", "all differences", "writing failed");
    if (sum < 0)
        return complain("cannot print", "all differences", strerror(ENOMEM));
    return sum ? STATUS_DIFFERENT : STATUS_EQUAL;
}

int run_diff_files(const char *old_path, const char *new_path, bool is_json, FILE *out)
{
    struct diff_paths paths = {0};
    int status = file_add(&paths, old_path, DIFF_OLD);
    if (status == STATUS_EQUAL)
        status = file_add(&paths, new_path, DIFF_NEW);
    if (status == STATUS_EQUAL)
        status = paths_print(&paths, is_json, out);
    diff_paths_free(&paths);
    return status;
}
