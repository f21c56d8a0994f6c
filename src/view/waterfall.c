#include "view/waterfall.h"

#include "base/compiler.h"
#include "view/bar.h"
#include "view/duration_text.h"
#include "view/span_label.h"

#include <string.h>

enum { LINES_MAX = 500, BAR_COLUMNS_MIN = 8, AXIS_MIDDLE_COLUMNS_MIN = 24 };

/* The columns of all lines of a trace: label, bar, duration, status; one blank between them. */
struct layout {
    int label;
    int bar; /* 0: no room for bars */
    int duration;
    int status;
};

static int duration_columns(const struct screen *screen, int64_t us)
{
    char text[DURATION_TEXT_LEN];
    return screen_text_columns(screen, duration_text(us, 3, screen->is_utf8, text));
}

static size_t lines_shown(const struct trace_tree *tree)
{
    return MIN(tree->count, (size_t)LINES_MAX);
}

static struct layout layout_find(const struct screen *screen, const struct trace_tree *tree)
{
    struct layout layout = {0};
    for (size_t i = 0; i < lines_shown(tree); i++) {
        const struct trace_node *node = tree->order[i];
        layout.label = MAX(layout.label, span_label_columns(screen, node));
        layout.duration = MAX(layout.duration, duration_columns(screen, node->span->duration_us));
        layout.status = MAX(layout.status, span_status_columns(screen, node->span));
    }
    layout.status = MIN(layout.status, screen->width / 5);
    layout.label = MIN(layout.label, MIN(screen->width / 2, 72));
    layout.bar = screen->width - layout.label - layout.duration - layout.status - 3;
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
    if (count)
        screen_format(screen, style, ", %zu %s%s", count, noun, count == 1 ? "" : "s");
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

/* The scale: 0 at the left, the end at the right, and half of it between if there is room. */
static void axis_print(struct screen *screen, const struct layout *layout, int64_t total_us)
{
    char middle[DURATION_TEXT_LEN], end[DURATION_TEXT_LEN];
    if (layout->bar == 0)
        return;
    duration_text(total_us / 2, 3, screen->is_utf8, middle);
    duration_text(total_us, 3, screen->is_utf8, end);
    int middle_columns = screen_text_columns(screen, middle);
    int at = layout->bar / 2 - middle_columns / 2;
    screen_pad(screen, layout->label + 1);
    screen_put(screen, STYLE_DIM, "0");
    int used = 1;
    if (layout->bar >= AXIS_MIDDLE_COLUMNS_MIN) {
        screen_pad(screen, at - used);
        screen_put(screen, STYLE_DIM, middle);
        used = at + middle_columns;
    }
    screen_pad(screen, layout->bar - used - screen_text_columns(screen, end));
    screen_put(screen, STYLE_DIM, end);
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

static void line_print(struct screen *screen, const struct service_colors *colors,
                       const struct trace_tree *tree, const struct layout *layout,
                       const struct trace_node *node)
{
    const struct view_span *span = node->span;
    char text[DURATION_TEXT_LEN];
    int64_t stretch_us[2] = {node->start_us - tree->start_us, node->end_us - tree->start_us};
    span_label_print(screen, colors, node, layout->label);
    if (layout->bar) {
        screen_pad(screen, 1);
        bar_draw(screen, span->is_error ? STYLE_ERROR : service_color(colors, span->service),
                 layout->bar, stretch_us, tree->end_us - tree->start_us);
    }
    duration_text(span->duration_us, 3, screen->is_utf8, text);
    screen_pad(screen, 1 + layout->duration - screen_text_columns(screen, text));
    screen_put(screen, STYLE_PLAIN, text);
    screen_pad(screen, 1);
    span_status_print(screen, span, layout->status);
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

void waterfall_print(struct screen *screen, const struct service_colors *colors,
                     const struct trace_tree *tree)
{
    struct layout layout = layout_find(screen, tree);
    const struct trace_node *root = NULL;
    heading_print(screen, tree);
    axis_print(screen, &layout, tree->end_us - tree->start_us);
    for (size_t i = 0; i < lines_shown(tree); i++) {
        const struct trace_node *node = tree->order[i];
        if (!node->parent) {
            root_note_print(screen, node, root);
            root = node;
        }
        line_print(screen, colors, tree, &layout, node);
    }
    if (lines_shown(tree) < tree->count) {
        screen_format(screen, STYLE_DIM, "(and %zu more spans)", tree->count - lines_shown(tree));
        screen_newline(screen);
    }
    skew_note_print(screen, tree);
}
