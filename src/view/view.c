#include "view/view.h"

#include "view/complaint.h"
#include "view/follow.h"
#include "view/skip_text.h"
#include "view/trace_filter.h"
#include "view/view_compare.h"
#include "view/view_load.h"
#include "view/view_profile.h"
#include "view/view_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TRACES_MAX = 10 };

static const char TRACES_VARIABLE[] = "RUN_TRACED_VIEW_TRACES";

static int complain(const char *what, const char *path, const char *reason, const char *advice)
{
    complaint_print(what, path, reason, advice);
    return EXIT_FAILURE;
}

static int complain_unreadable(const char *path, int error)
{
    const char *advice = "";
    if (error == ENOENT)
        advice = "; record one with: run-traced.sh -o FILE COMMAND";
    else if (error == EACCES)
        advice = "; spans files belong to who recorded them";
    else if (error == ENOSPC)
        advice = "; many spans are sorted in a file in TMPDIR, else in /tmp";
    else if (error == EISDIR)
        advice = "; name the spans file in it";
    return complain("cannot read", path, strerror(error), advice);
}

/* How many traces to show: asked for by the caller or the environment (@is_asked_for), or the
 * default. */
static size_t traces_max(const struct view_options *options, bool *is_asked_for)
{
    const char *value = getenv(TRACES_VARIABLE);
    *is_asked_for = true;
    bool is_of_all = options->is_list || options->is_json || options->write;
    if (options->report != VIEW_REPORT_NONE || (is_of_all && options->max_traces == 0))
        return SIZE_MAX;
    if (options->max_traces > 0)
        return options->max_traces;
    if (value && *value) {
        char *end;
        errno = 0;
        long count = strtol(value, &end, 10);
        if (errno == 0 && *end == '\0' && count > 0)
            return (size_t)count;
        complain("ignored", TRACES_VARIABLE, "not a number above 0", "");
    }
    *is_asked_for = false;
    return TRACES_MAX;
}

/* Settles what is shown and how. */
static int view_prepare(struct view *view, const struct view_options *options)
{
    bool is_asked_for;
    size_t max = traces_max(options, &is_asked_for);
    int result = 0;
    trace_sort(&view->list, options->sort);
    view->is_sorted = options->sort != VIEW_SORT_NONE || options->is_list || options->is_json || options->write ||
                      options->report != VIEW_REPORT_NONE;
    if (options->write_spans_max && options->max_traces == 0)
        result = trace_list_select_spans(&view->list, options->write_spans_max);
    else if (view->is_sorted)
        trace_list_select_first(&view->list, max);
    else
        result = trace_list_select(&view->list, max, is_asked_for);
    if (result == 0)
        result = service_colors_pick(&view->colors);
    return result;
}

/* Nothing is to be shown, or more than one trace where one was asked for. */
static int complain_of_choice(const struct view *view, const char *path, const struct view_options *options)
{
    char what[128];
    if (view->list.count == 0 && options->trace_prefix)
        snprintf(what, sizeof what, "no trace that begins with %s in", options->trace_prefix);
    else if (view->list.count == 0)
        return complain("no trace that is asked for in", path, "", "");
    else
        snprintf(what, sizeof what, "%zu traces begin with %s in", view->list.count, options->trace_prefix);
    return complain(what, path, "", view->list.count ? "; more of the id is needed" : "");
}

static int complain_unwritable(const char *path, int error)
{
    if (error == EEXIST)
        return complain("will not overwrite", path, "", ": it holds something else; what is written is named first, then the spans file");
    return complain("cannot write", path, strerror(error), error == ENOENT ? "; is there such a directory?" : "");
}

/* Says on stderr what was written, and what was not. */
static int chosen_write(struct view *view, const char *path, const struct view_options *options)
{
    const struct view_source source = {
        .set = &view->set,
        .list = &view->list,
        .file_span_count = view->set.count,
        .file_trace_count = view->trace_count,
        .duplicate_count = view->set.duplicate_count,
        .fd = view->file - 1,
        .name = strcmp(path, "-") ? path : "standard input",
    };
    int result = options->write(&source, options->write_path);
    if (result < 0)
        return complain_unwritable(options->write_path, -result);
    char what[128];
    size_t left_out = view->list.count - view->list.shown_count;
    snprintf(what, sizeof what, "%zu trace%s in", view->list.shown_count, view->list.shown_count == 1 ? "" : "s");
    if (strcmp(options->write_path, "-"))
        complain(what, options->write_path, "", "");
    snprintf(what, sizeof what, "%zu more in", left_out);
    if (left_out)
        complain(what, path, "not written", "; --limit N says how many there shall be");
    return EXIT_SUCCESS;
}

/* What was asked for of all traces, in the form for it. */
static int view_show(struct view *view, const char *path, const struct view *before, FILE *out,
                     const struct view_options *options)
{
    switch (options->report) {
    case VIEW_REPORT_COMPARE:
        return view_compare_show(view, path, before, out, options);
    case VIEW_REPORT_PROFILE:
    case VIEW_REPORT_DOT:
        return view_profile_show(view, out, options);
    case VIEW_REPORT_NONE:
        break;
    }
    return view_show_traces(view, out, options);
}

static int view_print(struct view *view, const char *path, const struct view *before, FILE *out,
                      const struct view_options *options)
{
    int result = view_prepare(view, options);
    if (result == 0 && (view->list.count == 0 || (options->trace_prefix && view->list.count > 1)))
        return complain_of_choice(view, path, options);
    if (result == 0 && options->write)
        return chosen_write(view, path, options);
    if (result == 0) {
        screen_open(&view->screen, out, options);
        result = view_show(view, path, before, out, options);
        if (!options->is_json && options->report != VIEW_REPORT_DOT)
            view_show_leftovers(view);
        if (screen_close(&view->screen) < 0)
            return complain("cannot print all of", path, "writing failed", "");
    }
    return result < 0 ? complain("cannot show", path, strerror(-result), "") : EXIT_SUCCESS;
}

/* Reads a file, or says why there is nothing to be shown of it. */
static int file_load(const char *path, const struct view_options *options, struct view *view)
{
    char text[SKIP_TEXT_LEN];
    int result = view_load(path, options, view);
    if (result < 0)
        return complain_unreadable(path, -result);
    if (view->set.count == 0)
        return complain("no span in", path, skip_text(&view->set, text),
                        view->set.line_count ? "; is it a spans file (JSON Lines)?" : "; it is empty");
    return EXIT_SUCCESS;
}

static int files_view(const char *path, FILE *out, const struct view_options *options)
{
    struct view *views = calloc(2, sizeof *views);
    if (!views)
        return complain_unreadable(path, ENOMEM);
    bool is_comparing = options->report == VIEW_REPORT_COMPARE;
    int status = is_comparing ? file_load(options->compare_path, options, &views[0]) : EXIT_SUCCESS;
    if (status == EXIT_SUCCESS)
        status = file_load(path, options, &views[1]);
    if (status == EXIT_SUCCESS)
        status = view_print(&views[1], path, &views[0], out, options);
    view_free(&views[0]);
    view_free(&views[1]);
    free(views);
    return status;
}

int view_file(const char *path, FILE *out, const struct view_options *options)
{
    static const struct view_options defaults;
    options = options ? options : &defaults;
    if (!options->is_following)
        return files_view(path, out, options);
    int result = follow(path, out, options);
    return result < 0 ? complain_unreadable(path, -result) : EXIT_SUCCESS;
}
