#include "view/waterfall.h"

#include "base/compiler.h"
#include "view/analysis.h"
#include "view/bar.h"
#include "view/duration_text.h"
#include "view/span_events.h"
#include "view/span_gaps.h"
#include "view/span_label.h"
#include "view/waterfall_rows.h"

#include <string.h>

enum { BAR_COLUMNS_MIN = 8, BAR_COLUMNS_WISHED = 20, AXIS_MIDDLE_COLUMNS_MIN = 24, PATH_PART = 10, LEVELS_MEASURED = 12 };

/* The columns of all lines of a trace: label, mark, bar, duration, self time, status; one blank between them. */
struct layout {
    int label;
    int bar; /* 0: no room for bars */
    int duration;
    int self; /* 0: no room for it */
    int status;
};

struct waterfall {
    struct screen *screen;
    const struct service_colors *colors;
    struct operation_names *names;
    int events_file;
    const struct trace_tree *tree;
    const struct critical_path *path;
    struct waterfall_rows rows;
    struct layout layout;
};

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
    layout->self = MAX(layout->self, duration_columns(screen, span_self_us(node)));
    layout->status = MAX(layout->status, span_status_columns(screen, node->span, row->retry));
}

static struct layout layout_find(const struct waterfall *waterfall)
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

static void id_print(struct screen *screen, int style, const uint8_t *id, size_t len)
{
    char hex[2 * TRACE_ID_LEN + 1] = "";
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    screen_put(screen, style, hex);
}

static void count_print(struct screen *screen, int style, size_t count, const char *noun)
{
    char text[COUNT_TEXT_LEN];
    if (count)
        screen_format(screen, style, ", %s %s%s", count_text(count, text), noun, count == 1 ? "" : "s");
    else
        screen_format(screen, style, ", no %ss", noun);
}

static void heading_print(struct screen *screen, const struct trace_tree *tree)
{
    char text[DURATION_TEXT_LEN], time[LOCAL_TIME_TEXT_LEN];
    int64_t total_us = tree->total_end_us - tree->total_start_us;
    screen_put(screen, STYLE_BOLD, "Trace ");
    id_print(screen, STYLE_BOLD, tree->nodes[0].span->trace_id, TRACE_ID_LEN);
    screen_pad(screen, 2);
    screen_put(screen, STYLE_PLAIN, local_time_text(tree->start_us, time));
    screen_newline(screen);
    screen_put(screen, STYLE_BOLD, duration_text(total_us, 3, screen->is_utf8, text));
    if (tree->end_us > tree->total_end_us && tree->total_end_us >= tree->start_us)
        screen_format(screen, STYLE_PLAIN, " (last span ends after %s)",
                      duration_text(tree->end_us - tree->start_us, 3, screen->is_utf8, text));
    count_print(screen, STYLE_PLAIN, tree->count, "span");
    count_print(screen, STYLE_PLAIN, tree->service_count, "service");
    count_print(screen, tree->error_count ? STYLE_ERROR : STYLE_PLAIN, tree->error_count, "error");
    screen_newline(screen);
}

static const char *path_mark(const struct screen *screen, bool is_large)
{
    if (!screen->is_utf8)
        return is_large ? "*" : "+";
    return is_large ? "◆" : "◇";
}

/* What the marks mean, over the labels, as far as there is room. */
static void legend_print(const struct waterfall *waterfall)
{
    static const char small[] = " critical path", large[] = " 10 % of it";
    struct screen *screen = waterfall->screen;
    int columns = waterfall->layout.label + 3, used = 0;
    if (columns > (int)sizeof small) {
        screen_put(screen, STYLE_PATH, path_mark(screen, false));
        screen_put(screen, STYLE_DIM, small);
        used = (int)sizeof small;
    }
    if (used && columns - used > (int)sizeof large + 2) {
        screen_put(screen, STYLE_DIM, ", ");
        screen_put(screen, STYLE_PATH, path_mark(screen, true));
        screen_put(screen, STYLE_DIM, large);
        used += (int)sizeof large + 2;
    }
    screen_pad(screen, columns - used);
}

/* The scale: 0 at the left, the end at the right, and half of it between if there is room. */
static void axis_print(const struct waterfall *waterfall)
{
    char middle[DURATION_TEXT_LEN], end[DURATION_TEXT_LEN];
    struct screen *screen = waterfall->screen;
    const struct layout *layout = &waterfall->layout;
    int64_t total_us = waterfall->tree->end_us - waterfall->tree->start_us;
    if (layout->bar == 0)
        return;
    duration_text(total_us / 2, 3, screen->is_utf8, middle);
    duration_text(total_us, 3, screen->is_utf8, end);
    int middle_columns = screen_text_columns(screen, middle);
    int at = layout->bar / 2 - middle_columns / 2;
    legend_print(waterfall);
    screen_put(screen, STYLE_DIM, "0");
    int used = 1;
    if (layout->bar >= AXIS_MIDDLE_COLUMNS_MIN) {
        screen_pad(screen, at - used);
        screen_put(screen, STYLE_DIM, middle);
        used = at + middle_columns;
    }
    screen_pad(screen, layout->bar - used - screen_text_columns(screen, end));
    screen_put(screen, STYLE_DIM, end);
    if (layout->self) {
        screen_pad(screen, 1 + layout->duration + 1 + layout->self - 4);
        screen_put(screen, STYLE_DIM, "self");
    }
    screen_newline(screen);
}

/* Says why a span stands at the left although it names a parent. */
static void root_note_print(struct screen *screen, const struct trace_node *node,
                            const struct trace_node *before)
{
    if (node->is_cycle_cut) {
        screen_put(screen, STYLE_DIM, "(the parents of the next span form a circle)");
        screen_newline(screen);
    }
    if (!node->is_parent_missing)
        return;
    if (before && before->is_parent_missing &&
        memcmp(before->span->parent_span_id, node->span->parent_span_id, SPAN_ID_LEN) == 0)
        return;
    screen_put(screen, STYLE_DIM, "(parent ");
    id_print(screen, STYLE_DIM, node->span->parent_span_id, SPAN_ID_LEN);
    screen_put(screen, STYLE_DIM, " not in this file)");
    screen_newline(screen);
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
                   path_mark(waterfall->screen, waterfall->path->self_us[i] >= MAX(large_us, (int64_t)1)));
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
    if (layout->self)
        duration_print(screen, STYLE_DIM, layout->self, span_self_us(node));
    screen_pad(screen, 1);
    span_status_print(screen, span, row->retry, layout->status);
    screen_newline(screen);
}

static void event_print(const struct waterfall *waterfall, const struct trace_node *node, const struct span_event_seen *event)
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
    int left = layout->label - span_tree_print(screen, row->node, row->is_last ? BRANCH_LAST : BRANCH_MIDDLE, layout->label);
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
    int used = span_tree_print(screen, row->node->parent, row->is_last ? BRANCH_LAST : BRANCH_MIDDLE, waterfall->layout.label);
    char text[256 + 8 * VIEW_STRING_LEN_MAX];
    int len = snprintf(text, sizeof text, "%s %s more like %s: %s in all, the longest %s", screen->is_utf8 ? "…" : "...",
                       count_text(row->folded_count, count), operation_name(waterfall->names, row->node->span),
                       duration_text(row->sum_us, 2, screen->is_utf8, sum),
                       duration_text(row->longest_us, 2, screen->is_utf8, longest));
    if (row->error_count)
        snprintf(text + len, sizeof text - (size_t)len, ", %s failed", count_text(row->error_count, count));
    screen_text(screen, row->error_count ? STYLE_ERROR : STYLE_DIM, text, screen->width - used);
    screen_newline(screen);
}

static void skew_note_print(struct screen *screen, const struct trace_tree *tree)
{
    char text[DURATION_TEXT_LEN];
    for (size_t i = 0; i < tree->count; i++) {
        const struct trace_node *node = tree->order[i];
        int64_t skew_us = node->skew_us;
        if (skew_us == 0)
            continue;
        screen_put(screen, STYLE_DIM, "(clocks differ: the spans of ");
        screen_text(screen, STYLE_DIM, node->span->service, screen->width / 3);
        screen_format(screen, STYLE_DIM, " are shown %s %s than recorded)",
                      duration_text(skew_us < 0 ? -skew_us : skew_us, 3, screen->is_utf8, text),
                      skew_us < 0 ? "earlier" : "later");
        screen_newline(screen);
        return;
    }
}

static void rows_print(const struct waterfall *waterfall)
{
    char count[COUNT_TEXT_LEN];
    const struct trace_node *root = NULL;
    for (size_t i = 0; i < waterfall->rows.count; i++) {
        const struct waterfall_row *row = &waterfall->rows.rows[i];
        if (row->kind == ROW_SPAN && !row->node->parent) {
            root_note_print(waterfall->screen, row->node, root);
            root = row->node;
        }
        if (row->kind == ROW_SPAN) {
            span_row_print(waterfall, row);
            events_print(waterfall, row->node);
        } else if (row->kind == ROW_GAP) {
            gap_row_print(waterfall, row);
        } else {
            fold_row_print(waterfall, row);
        }
    }
    if (waterfall->rows.left_out_count == 0)
        return;
    screen_format(waterfall->screen, STYLE_DIM, "(and %s more spans)", count_text(waterfall->rows.left_out_count, count));
    screen_newline(waterfall->screen);
}

int waterfall_print(struct screen *screen, const struct service_colors *colors, struct operation_names *names,
                    int events_file, struct trace_tree *tree, const struct critical_path *path)
{
    struct waterfall waterfall = {.screen = screen, .colors = colors, .names = names, .events_file = events_file, .tree = tree, .path = path};
    int result = waterfall_rows_make(tree, names, &waterfall.rows);
    if (result < 0)
        return result;
    waterfall.layout = layout_find(&waterfall);
    heading_print(screen, tree);
    axis_print(&waterfall);
    rows_print(&waterfall);
    skew_note_print(screen, tree);
    waterfall_rows_free(&waterfall.rows);
    return 0;
}
