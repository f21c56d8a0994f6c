#include "view/waterfall_lines.h"

#include "base/compiler.h"
#include "view/analysis.h"
#include "view/bar.h"
#include "view/duration_text.h"
#include "view/span_events.h"
#include "view/span_gaps.h"
#include "view/span_label.h"

#include <string.h>

enum { BAR_COLUMNS_MIN = 8, BAR_COLUMNS_WISHED = 20, PATH_PART = 10, LEVELS_MEASURED = 12 };

static int duration_columns(const struct screen *screen, int64_t us)
{
    char text[DURATION_TEXT_LEN];
    return screen_text_columns(screen, duration_text(us, 3, screen->is_utf8, text));
}

/* Whose time it is that no child accounts for. */
static const char *gap_text(const struct trace_node *node)
{
    return node->span->kind == VIEW_KIND_CLIENT && call_server(node) ? "(network)" : "(no call recorded)";
}

static void row_measure(const struct waterfall *waterfall, const struct waterfall_row *row, struct layout *layout)
{
    const struct screen *screen = waterfall->screen;
    const struct trace_node *node = row->node;
    int below = 2 * (int)MIN(node->depth + 1, (uint32_t)LEVELS_MEASURED);
    if (row->kind == ROW_GAP)
        layout->label = MAX(layout->label, below + (int)strlen(gap_text(node)));
    else if (waterfall->events_file)
        layout->label = MAX(layout->label, below + (int)sizeof "* response.first_byte");
    if (row->kind != ROW_SPAN)
        return;
    layout->label = MAX(layout->label, span_label_columns(screen, node));
    layout->duration = MAX(layout->duration, duration_columns(screen, node->span->duration_us));
    if (!node->is_aside)
        layout->self = MAX(layout->self, duration_columns(screen, span_self_us(node)));
    layout->status = MAX(layout->status, span_status_columns(screen, node->span, row->retry));
}

struct layout waterfall_layout_find(const struct waterfall *waterfall)
{
    const struct screen *screen = waterfall->screen;
    struct layout layout = {.self = 4};
    for (size_t i = 0; i < waterfall->rows.count; i++)
        row_measure(waterfall, &waterfall->rows.rows[i], &layout);
    layout.status = MIN(layout.status, screen->width / 5);
    layout.label = MIN(layout.label, MIN(screen->width / 2, 72));
    layout.bar = screen->width - layout.label - layout.duration - layout.status - 5;
    if (layout.bar - layout.self - 1 < BAR_COLUMNS_WISHED)
        layout.self = 0;
    else
        layout.bar -= layout.self + 1;
    if (layout.bar < BAR_COLUMNS_MIN)
        layout.bar = 0;
    return layout;
}

const char *waterfall_path_mark(const struct screen *screen, bool is_large)
{
    if (!screen->is_utf8)
        return is_large ? "*" : "+";
    return is_large ? "◆" : "◇";
}

static void duration_print(struct screen *screen, int style, int columns, int64_t us)
{
    char text[DURATION_TEXT_LEN];
    duration_text(us, 3, screen->is_utf8, text);
    screen_pad(screen, 1 + columns - screen_text_columns(screen, text));
    screen_put(screen, style, text);
}

static void mark_print(const struct waterfall *waterfall, const struct trace_node *node)
{
    const struct trace_tree *tree = waterfall->tree;
    size_t i = (size_t)(node - tree->nodes);
    int64_t large_us = (tree->total_end_us - tree->total_start_us) / PATH_PART;
    screen_pad(waterfall->screen, 1);
    if (waterfall->path->waited_us[i] > 0)
        screen_put(waterfall->screen, STYLE_PATH,
                   waterfall_path_mark(waterfall->screen, waterfall->path->self_us[i] >= MAX(large_us, (int64_t)1)));
    else
        screen_pad(waterfall->screen, 1);
    screen_pad(waterfall->screen, waterfall->layout.bar ? 1 : 0);
}

static void span_row_print(const struct waterfall *waterfall, const struct waterfall_row *row)
{
    struct screen *screen = waterfall->screen;
    const struct trace_tree *tree = waterfall->tree;
    const struct layout *layout = &waterfall->layout;
    const struct trace_node *node = row->node;
    const struct view_span *span = node->span;
    int64_t stretch_us[2] = {node->start_us - tree->start_us, node->end_us - tree->start_us};
    span_label_print(screen, waterfall->colors, node, row->is_last ? BRANCH_LAST : BRANCH_MIDDLE, layout->label);
    mark_print(waterfall, node);
    if (layout->bar)
        bar_draw(screen, span->is_error ? STYLE_ERROR : service_color(waterfall->colors, span->service), layout->bar,
                 stretch_us, tree->end_us - tree->start_us);
    duration_print(screen, STYLE_PLAIN, layout->duration, span->duration_us);
    if (layout->self && !node->is_aside)
        duration_print(screen, STYLE_DIM, layout->self, span_self_us(node));
    else if (layout->self)
        screen_pad(screen, 1 + layout->self); /* a server that is up does nothing by that */
    screen_pad(screen, 1);
    span_status_print(screen, span, row->retry, layout->status);
    screen_newline(screen);
}

static void event_print(const struct waterfall *waterfall, const struct trace_node *node,
                        const struct span_event_seen *event)
{
    struct screen *screen = waterfall->screen;
    const struct trace_tree *tree = waterfall->tree;
    const struct layout *layout = &waterfall->layout;
    int64_t at_us = event->time_us + node->skew_us, total_us = tree->end_us - tree->start_us;
    int left = layout->label - span_tree_print(screen, node, BRANCH_NONE, layout->label);
    screen_put(screen, STYLE_DIM, screen->is_utf8 ? "· " : "- ");
    left -= 2 + screen_text(screen, STYLE_DIM, event->name, left - 2);
    screen_pad(screen, left + (layout->bar ? 3 : 2));
    if (layout->bar)
        bar_draw_point(screen, layout->bar, at_us - tree->start_us, total_us);
    duration_print(screen, STYLE_DIM, layout->duration, MAX(at_us - node->start_us, (int64_t)0));
    screen_newline(screen);
}

/* What happened during a span, and how long after its start. */
static void events_print(const struct waterfall *waterfall, const struct trace_node *node)
{
    struct span_event_seen events[SPAN_EVENTS_MAX];
    if (!waterfall->events_file)
        return;
    size_t count = span_events_read(waterfall->events_file - 1, node->span, events);
    for (size_t i = 0; i < count; i++)
        event_print(waterfall, node, &events[i]);
}

static void gap_row_print(const struct waterfall *waterfall, const struct waterfall_row *row)
{
    struct screen *screen = waterfall->screen;
    const struct trace_tree *tree = waterfall->tree;
    const struct layout *layout = &waterfall->layout;
    int64_t stretch_us[2] = {row->start_us - tree->start_us, row->end_us - tree->start_us};
    int left =
        layout->label - span_tree_print(screen, row->node, row->is_last ? BRANCH_LAST : BRANCH_MIDDLE, layout->label);
    left -= screen_text(screen, STYLE_DIM, gap_text(row->node), left);
    screen_pad(screen, left + (layout->bar ? 3 : 2));
    if (layout->bar)
        bar_draw_light(screen, layout->bar, stretch_us, tree->end_us - tree->start_us);
    duration_print(screen, STYLE_DIM, layout->duration, row->end_us - row->start_us);
    screen_newline(screen);
}

/* "… 9,998 more of user-service GET /users/{id}: 1.2 s in all, the longest 3.1 ms, 4 failed" */
static void fold_row_print(const struct waterfall *waterfall, const struct waterfall_row *row)
{
    char count[COUNT_TEXT_LEN], sum[DURATION_TEXT_LEN], longest[DURATION_TEXT_LEN];
    struct screen *screen = waterfall->screen;
    int used =
        span_tree_print(screen, row->node->parent, row->is_last ? BRANCH_LAST : BRANCH_MIDDLE, waterfall->layout.label);
    char text[256 + 8 * VIEW_STRING_LEN_MAX];
    int len =
        snprintf(text, sizeof text, "%s %s more like %s: %s in all, the longest %s", screen->is_utf8 ? "…" : "...",
                 count_text(row->folded_count, count), operation_name(waterfall->names, row->node->span),
                 duration_text(row->sum_us, 2, screen->is_utf8, sum),
                 duration_text(row->longest_us, 2, screen->is_utf8, longest));
    if (row->error_count)
        snprintf(text + len, sizeof text - (size_t)len, ", %s failed", count_text(row->error_count, count));
    screen_text(screen, row->error_count ? STYLE_ERROR : STYLE_DIM, text, screen->width - used);
    screen_newline(screen);
}

void waterfall_row_print(const struct waterfall *waterfall, const struct waterfall_row *row)
{
    switch (row->kind) {
    case ROW_SPAN:
        span_row_print(waterfall, row);
        events_print(waterfall, row->node);
        return;
    case ROW_GAP:
        gap_row_print(waterfall, row);
        return;
    case ROW_FOLD:
        fold_row_print(waterfall, row);
        return;
    }
}
