#include "view/span_label.h"

#include "base/compiler.h"

#include <stdio.h>
#include <string.h>

/* Levels of the tree that are drawn, two columns each. */
enum { LEVELS_MAX = 12, NAME_COLUMNS_MIN = 14, SERVICE_COLUMNS_MIN = 6 };

static int levels_shown(uint32_t depth, int columns)
{
    int max = MIN(columns / 4, LEVELS_MAX);
    return (int)MIN(depth, (uint32_t)max);
}

static int tree_columns(uint32_t depth, int columns)
{
    int levels = levels_shown(depth, columns);
    return 2 * levels + ((uint32_t)levels < depth ? 2 : 0);
}

static bool is_call(const struct view_span *span)
{
    return span->kind == VIEW_KIND_CLIENT || span->kind == VIEW_KIND_PRODUCER;
}

static const char *arrow(const struct screen *screen, const struct view_span *span)
{
    if (!is_call(span))
        return "";
    return screen->is_utf8 ? "→ " : "-> ";
}

/* A name with a route says it already. */
static const char *path_shown(const struct view_span *span)
{
    return span->path && !strstr(span->name, span->path) ? span->path : "";
}

static const char *branch_text(const struct screen *screen, enum branch branch)
{
    if (screen->is_utf8)
        return branch == BRANCH_LAST ? "└ " : "├ ";
    return branch == BRANCH_LAST ? "`-" : "|-";
}

static bool has_lines_behind(const struct trace_node *node)
{
    return node->next_sibling || (node->parent && node->parent->has_tail);
}

int span_tree_print(struct screen *screen, const struct trace_node *parent, enum branch branch, int columns)
{
    bool has_below = branch == BRANCH_NONE && parent && (parent->first_child || parent->has_tail);
    const struct trace_node *ancestors[LEVELS_MAX];
    uint32_t depth = parent ? parent->depth + 1 : 0;
    int levels = levels_shown(depth, columns);
    if ((uint32_t)levels < depth)
        screen_put(screen, STYLE_DIM, screen->is_utf8 ? "… " : "~ ");
    for (int i = levels - 1; i-- > 0; parent = parent->parent)
        ancestors[i] = parent;
    for (int i = 0; i < levels; i++) {
        bool is_own = i == levels - 1;
        bool is_passing = is_own ? has_below : has_lines_behind(ancestors[i]);
        if (is_own && branch != BRANCH_NONE)
            screen_put(screen, STYLE_DIM, branch_text(screen, branch));
        else if (is_passing)
            screen_put(screen, STYLE_DIM, screen->is_utf8 ? "│ " : "| ");
        else
            screen_pad(screen, 2);
    }
    return tree_columns(depth, columns);
}

/* A program's span has its service's name, as a rule: once is enough. */
static const char *name_shown(const struct view_span *span)
{
    return strcmp(span->name, span->service) == 0 ? "" : span->name;
}

int span_label_columns(const struct screen *screen, const struct trace_node *node)
{
    const struct view_span *span = node->span;
    const char *path = path_shown(span);
    int columns = screen_text_columns(screen, span->service) + 1 +
                  screen_text_columns(screen, arrow(screen, span)) +
                  screen_text_columns(screen, name_shown(span));
    columns += *path ? 1 + screen_text_columns(screen, path) : 0;
    return columns + tree_columns(node->depth, screen->width);
}

void span_label_print(struct screen *screen, const struct service_colors *colors,
                      const struct trace_node *node, enum branch branch, int columns)
{
    const struct view_span *span = node->span;
    const char *path = path_shown(span), *mark = arrow(screen, span);
    int left = columns - span_tree_print(screen, node->parent, branch, columns);
    int mark_columns = screen_text_columns(screen, mark);
    int name_columns = MIN(screen_text_columns(screen, name_shown(span)), NAME_COLUMNS_MIN);
    int service_columns = MAX(left - 1 - mark_columns - name_columns, (int)SERVICE_COLUMNS_MIN);
    left -= screen_text(screen, service_color(colors, span->service), span->service,
                        MIN(service_columns, left));
    if (left > mark_columns + 1) {
        screen_pad(screen, 1);
        screen_put(screen, STYLE_DIM, mark);
        left -= 1 + mark_columns;
        left -= screen_text(screen, STYLE_PLAIN, name_shown(span), left);
    }
    if (*path && (left > 4 || left > screen_text_columns(screen, path))) {
        screen_pad(screen, 1);
        left -= 1 + screen_text(screen, STYLE_DIM, path, left - 1);
    }
    screen_pad(screen, left);
}

static void append(char *out, size_t capacity, const char *words)
{
    size_t len = strlen(out);
    if (*words)
        snprintf(out + len, capacity - len, "%s%s", len ? " " : "", words);
}

/* What became of a test; "": the span is none. */
static const char *test_text(const struct screen *screen, const struct view_span *span)
{
    static const char *const texts[][2] = {
        [VIEW_TEST_NONE] = {"", ""},          [VIEW_TEST_UNKNOWN] = {"no result", "? no result"},
        [VIEW_TEST_PASS] = {"pass", "✓ pass"}, [VIEW_TEST_FAIL] = {"FAIL", "✗ fail"},
        [VIEW_TEST_SKIPPED] = {"skipped", "○ skipped"},
    };
    return texts[span->test_result][screen->is_utf8];
}

/* What there is to say, in the order of use: "✗ fail AssertionError", "503", "503 retry 1 of 2", "200 ECONNRESET reset by peer", "timeout". */
static void status_text(const struct screen *screen, const struct view_span *span, struct retry retry, char *out,
                        size_t capacity)
{
    char code[8] = "", retried[32] = "";
    if (span->http_status)
        snprintf(code, sizeof code, "%d", span->http_status);
    if (retry.number)
        snprintf(retried, sizeof retried, "retry %u of %u", retry.number, retry.count);
    *out = '\0';
    append(out, capacity, test_text(screen, span));
    append(out, capacity, code);
    append(out, capacity, retried);
    if (!span->is_error)
        return;
    const char *type = span->error_type ? span->error_type : "";
    bool is_type_new = *type && strcmp(type, code) != 0;
    if (*code && !is_type_new)
        return;
    append(out, capacity, is_type_new ? type : span->test_result ? "" : "error");
    append(out, capacity, span->message ? span->message : "");
}

int span_status_columns(const struct screen *screen, const struct view_span *span, struct retry retry)
{
    char text[2 * VIEW_STRING_LEN_MAX + 64];
    status_text(screen, span, retry, text, sizeof text);
    return screen_text_columns(screen, text);
}

void span_status_print(struct screen *screen, const struct view_span *span, struct retry retry, int columns)
{
    char text[2 * VIEW_STRING_LEN_MAX + 64];
    status_text(screen, span, retry, text, sizeof text);
    screen_text(screen, span->is_error ? STYLE_ERROR : STYLE_PLAIN, text, columns);
}
