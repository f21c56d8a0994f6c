#include "view/waterfall.h"

#include "base/compiler.h"
#include "view/duration_text.h"
#include "view/waterfall_lines.h"

#include <string.h>

enum { AXIS_MIDDLE_COLUMNS_MIN = 24 };

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

/* "5 tests: 3 pass, 1 fail, 1 skipped", where there are any. */
static void tests_print(struct screen *screen, const struct trace_tree *tree)
{
    static const struct {
        enum view_test_result result;
        const char *word;
    } rows[] = {{VIEW_TEST_PASS, "pass"}, {VIEW_TEST_FAIL, "fail"}, {VIEW_TEST_SKIPPED, "skipped"},
                {VIEW_TEST_UNKNOWN, "without result"}};
    size_t counts[VIEW_TEST_SKIPPED + 1] = {0};
    for (size_t i = 0; i < tree->count; i++)
        counts[tree->nodes[i].span->test_result]++;
    size_t count = tree->count - counts[VIEW_TEST_NONE];
    const char *separator = ": ";
    if (count == 0)
        return;
    screen_format(screen, STYLE_PLAIN, "%zu test%s", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (counts[rows[i].result] == 0)
            continue;
        screen_put(screen, STYLE_PLAIN, separator);
        screen_format(screen, rows[i].result == VIEW_TEST_FAIL ? STYLE_ERROR : STYLE_PLAIN, "%zu %s",
                      counts[rows[i].result], rows[i].word);
        separator = ", ";
    }
    screen_newline(screen);
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
    tests_print(screen, tree);
}

/* What the marks mean, over the labels, as far as there is room. */
static void legend_print(const struct waterfall *waterfall)
{
    static const char small[] = " critical path", large[] = " 10 % of it";
    struct screen *screen = waterfall->screen;
    int columns = waterfall->layout.label + 3, used = 0;
    if (columns > (int)sizeof small) {
        screen_put(screen, STYLE_PATH, waterfall_path_mark(screen, false));
        screen_put(screen, STYLE_DIM, small);
        used = (int)sizeof small;
    }
    if (used && columns - used > (int)sizeof large + 2) {
        screen_put(screen, STYLE_DIM, ", ");
        screen_put(screen, STYLE_PATH, waterfall_path_mark(screen, true));
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
        waterfall_row_print(waterfall, row);
    }
    if (waterfall->rows.left_out_count == 0)
        return;
    screen_format(waterfall->screen, STYLE_DIM, "(and %s more spans)", count_text(waterfall->rows.left_out_count, count));
    screen_newline(waterfall->screen);
}

int waterfall_print(struct screen *screen, const struct service_colors *colors, struct operation_names *names,
                    int events_file, struct trace_tree *tree, const struct critical_path *path)
{
    struct waterfall waterfall = {
        .screen = screen,
        .colors = colors,
        .names = names,
        .events_file = events_file,
        .tree = tree,
        .path = path,
    };
    int result = waterfall_rows_make(tree, names, &waterfall.rows);
    if (result < 0)
        return result;
    waterfall.layout = waterfall_layout_find(&waterfall);
    heading_print(screen, tree);
    axis_print(&waterfall);
    rows_print(&waterfall);
    skew_note_print(screen, tree);
    waterfall_rows_free(&waterfall.rows);
    return 0;
}
