#include "view/check_run.h"

#include "base/compiler.h"
#include "view/check_report.h"
#include "view/check_text.h"
#include "view/complaint.h"
#include "view/skip_text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum check_status complain(const char *what, const char *path, const char *why)
{
    complaint_print(what, path, why, "");
    return CHECK_STATUS_TROUBLE;
}

static int spans_read(struct check_set *set, const char *path, off_t from, struct check_spans *spans)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    *spans = (struct check_spans){0};
    if (fd < 0)
        return -errno;
    int error = from && lseek(fd, from, SEEK_SET) < 0 ? -errno : 0;
    if (!error)
        error = check_spans_read(set, fd, spans);
    if (!is_stdin)
        close(fd);
    return error;
}

static int report_write(const char *name, const struct check_spans *spans, const struct check_result *results,
                        size_t count)
{
    char path[PATH_MAX];
    enum check_report_format format;
    if (check_report_parse(name, path, sizeof path, &format))
        return -EINVAL;
    bool is_stdout = strcmp(path, "-") == 0;
    FILE *out = is_stdout ? stdout : fopen(path, "we");
    if (!out)
        return -errno;
    int error = format == CHECK_REPORT_TAP ? check_report_tap(out, spans, results, count)
                                           : check_report_junit(out, spans, results, count);
    bool is_written = fflush(out) == 0 && !ferror(out);
    if (!is_stdout)
        is_written = fclose(out) == 0 && is_written;
    return error || is_written ? error : -EIO;
}

/* What of the file was not looked at: a check cannot say more than its file. */
static void leftovers_print(struct screen *screen, const struct check_spans *spans)
{
    char text[SKIP_TEXT_LEN];
    if (!*skip_text(&spans->set, text))
        return;
    screen_put(screen, STYLE_DIM, text);
    screen_newline(screen);
}

static enum check_status results_print(const struct check_options *options, const struct check_spans *spans,
                                       const struct check_result *results, size_t count, FILE *out)
{
    static const struct view_options defaults;
    struct screen screen;
    size_t failed = 0;
    screen_open(&screen, out, &defaults);
    for (size_t i = 0; i < count; i++) {
        failed += results[i].outcome == CHECK_FALSE;
        if (!options->is_quiet || results[i].outcome == CHECK_FALSE)
            check_text_result(&screen, spans, &results[i]);
    }
    if (!options->is_quiet || failed)
        leftovers_print(&screen, spans);
    if (failed)
        screen_format(&screen, STYLE_PLAIN, "%zu of %zu check%s failed", failed, count, count == 1 ? "" : "s");
    if (failed)
        screen_newline(&screen);
    screen_close(&screen);
    return failed ? CHECK_STATUS_FAILS : CHECK_STATUS_HOLDS;
}

static enum check_status results_make(struct check_set *set, const struct check_options *options, const char *path,
                                      const struct check_spans *spans, FILE *out)
{
    enum check_status status = CHECK_STATUS_HOLDS;
    struct check_result *results = calloc(MAX(set->count, (size_t)1), sizeof *results);
    int error = results ? 0 : -ENOMEM;
    for (size_t i = 0; i < set->count && !error; i++)
        error = check_judge(spans, &set->checks[i], &results[i]);
    if (error)
        status = complain("cannot judge the checks on", path, strerror(-error));
    else
        status = results_print(options, spans, results, set->count, out);
    for (unsigned i = 0; i < options->report_count && !error; i++) {
        int report_error = report_write(options->reports[i], spans, results, set->count);
        if (report_error)
            status = complain("cannot write the report", options->reports[i], strerror(-report_error));
    }
    for (size_t i = 0; results && i < set->count; i++)
        check_result_free(&results[i]);
    free(results);
    return status;
}

enum check_status check_file(struct check_set *set, const struct check_options *options, const char *path, off_t from,
                             bool is_empty_wrong, FILE *out)
{
    struct check_spans spans;
    char skipped[SKIP_TEXT_LEN];
    enum check_status status;
    int error = spans_read(set, path, from, &spans);
    if (error)
        status = complain("cannot check", path, strerror(-error));
    else if (spans.set.count == 0 && is_empty_wrong)
        status = complain("no span in", path, *skip_text(&spans.set, skipped) ? skipped : "it is empty");
    else
        status = results_make(set, options, path, &spans, out);
    check_spans_free(&spans);
    return status;
}
