#include "view/view_show.h"

#include "base/compiler.h"
#include "view/duration_text.h"
#include "view/report.h"
#include "view/skip_text.h"
#include "view/trace_json.h"
#include "view/trace_summary.h"
#include "view/trace_table.h"
#include "view/waterfall.h"

#include <unistd.h>

/* Of a trace that is not assembled. */
static void large_print(struct view *view, const struct trace_entry *entry)
{
    char text[COUNT_TEXT_LEN], time[DURATION_TEXT_LEN], max[COUNT_TEXT_LEN];
    struct screen *screen = &view->screen;
    screen_put(screen, STYLE_BOLD, "Trace ");
    for (int i = 0; i < TRACE_ID_LEN; i++)
        screen_format(screen, STYLE_BOLD, "%02x", entry->trace_id[i]);
    screen_newline(screen);
    screen_format(screen, STYLE_PLAIN, "%s spans over %s, %zu errors", count_text(entry->span_count, text),
                  duration_text(entry->total_us, 3, screen->is_utf8, time), entry->error_count);
    screen_newline(screen);
    screen_format(screen, STYLE_ERROR,
                  "(left out: a trace of more than %s spans is not drawn, nor are its times analyzed)",
                  count_text(TRACE_SPANS_MAX, max));
    screen_newline(screen);
    screen_newline(screen);
}

static int trace_print(struct view *view, const struct trace_entry *entry)
{
    struct trace_tree tree;
    struct analysis analysis;
    if (entry->is_too_large) {
        large_print(view, entry);
        return 0;
    }
    int result = trace_tree_build(entry->spans, entry->span_count, &tree);
    if (result < 0)
        return result;
    result = analysis_make(&tree, &analysis);
    if (result == 0) {
        result = waterfall_print(&view->screen, &view->colors, &view->names, view->file, &tree, &analysis.path);
        screen_newline(&view->screen);
        report_print(&view->screen, &view->colors, &analysis);
        screen_newline(&view->screen);
        analysis_free(&analysis);
    }
    trace_tree_free(&tree);
    return result;
}

/* Which traces were shown, and how to see the others. */
static void selection_print(struct view *view)
{
    size_t failed = 0, failed_shown = 0;
    for (size_t i = 0; i < view->list.count; i++) {
        const struct trace_entry *entry = &view->list.entries[i];
        failed += entry->error_count > 0;
        failed_shown += entry->error_count > 0 && entry->is_shown;
    }
    screen_format(&view->screen, STYLE_DIM, "%zu of them shown above%s", view->list.shown_count,
                  view->is_sorted ? "" : ": the slowest");
    if (view->is_sorted)
        failed = 0;
    if (failed && failed == failed_shown)
        screen_put(&view->screen, STYLE_DIM, " and all with errors");
    else if (failed)
        screen_format(&view->screen, STYLE_DIM, " and %zu of %zu with errors", failed_shown,
                      failed);
    screen_newline(&view->screen);
    screen_format(&view->screen, STYLE_DIM, "--limit %zu shows all, --list a line for each", view->list.count);
    screen_newline(&view->screen);
}

static int traces_print(struct view *view)
{
    int result = 0;
    for (size_t i = 0; i < view->list.count && result == 0; i++)
        if (view->list.entries[i].is_shown)
            result = trace_print(view, &view->list.entries[i]);
    if (result < 0 || view->list.shown_count == view->list.count)
        return result;
    result = trace_summary_print(&view->screen, &view->colors, &view->list);
    selection_print(view);
    return result;
}

static int entry_json_print(const struct view *view, size_t i, FILE *out)
{
    span_set_relax_at(&view->set, i);
    return view->list.entries[i].is_shown ? trace_json_print(&view->list.entries[i], out) : 0;
}

/* In the form that was asked for. A list that goes on to a program is not cut. */
int view_show_traces(struct view *view, FILE *out, const struct view_options *options)
{
    int result = 0;
    if (options->is_json) {
        for (size_t i = 0; i < view->list.count && result == 0; i++)
            result = entry_json_print(view, i, out);
        return result;
    }
    if (!options->is_list)
        return traces_print(view);
    if (!view->is_continued)
        trace_table_heading(&view->screen, &view->list);
    view->is_continued = true;
    return trace_table_print(&view->screen, &view->colors, &view->set, &view->list,
                             options->width || isatty(fileno(out)) ? view->screen.width : 0);
}

void view_show_leftovers(struct view *view)
{
    char text[SKIP_TEXT_LEN];
    if (view->set.duplicate_count) {
        screen_format(&view->screen, STYLE_DIM, "%llu span%s skipped: a span of the same id came before",
                      (unsigned long long)view->set.duplicate_count, view->set.duplicate_count == 1 ? "" : "s");
        screen_newline(&view->screen);
    }
    if (*skip_text(&view->set, text)) {
        screen_put(&view->screen, STYLE_DIM, text);
        screen_newline(&view->screen);
    }
}
