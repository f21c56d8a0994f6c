#include "view/span_label.h"

#include "base/compiler.h"

#include <stdio.h>
#include <string.h>

/* Levels of the tree that are drawn, two columns each. */
enum { LEVELS_MAX = 12, NAME_COLUMNS_MIN = 14, SERVICE_COLUMNS_MIN = 6 };

static int levels_shown(const struct trace_node *node, int columns)
{
    int max = MIN(columns / 4, LEVELS_MAX);
    return (int)MIN(node->depth, (uint32_t)max);
}

static int tree_columns(const struct trace_node *node, int columns)
{
    int levels = levels_shown(node, columns);
    return 2 * levels + ((uint32_t)levels < node->depth ? 2 : 0);
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

/* Our ancestors' lines, the nearest ones; then our own. */
static void tree_print(struct screen *screen, const struct trace_node *node, int columns)
{
    const struct trace_node *ancestors[LEVELS_MAX];
    int levels = levels_shown(node, columns);
    if ((uint32_t)levels < node->depth)
        screen_put(screen, STYLE_DIM, screen->is_utf8 ? "… " : "~ ");
    for (int i = levels; i-- > 0; node = node->parent)
        ancestors[i] = node;
    for (int i = 0; i < levels; i++) {
        bool is_last = !ancestors[i]->next_sibling, is_own = i == levels - 1;
        if (!is_own && is_last)
            screen_pad(screen, 2);
        else if (screen->is_utf8)
            screen_put(screen, STYLE_DIM, !is_own ? "│ " : is_last ? "└ " : "├ ");
        else
            screen_put(screen, STYLE_DIM, !is_own ? "| " : is_last ? "`-" : "|-");
    }
}

int span_label_columns(const struct screen *screen, const struct trace_node *node)
{
    const struct view_span *span = node->span;
    const char *path = path_shown(span);
    int columns = screen_text_columns(screen, span->service) + 1 +
                  screen_text_columns(screen, arrow(screen, span)) +
                  screen_text_columns(screen, span->name);
    columns += *path ? 1 + screen_text_columns(screen, path) : 0;
    return columns + tree_columns(node, screen->width);
}

void span_label_print(struct screen *screen, const struct service_colors *colors,
                      const struct trace_node *node, int columns)
{
    const struct view_span *span = node->span;
    const char *path = path_shown(span), *mark = arrow(screen, span);
    int left = columns - tree_columns(node, columns);
    int mark_columns = screen_text_columns(screen, mark);
    int name_columns = MIN(screen_text_columns(screen, span->name), NAME_COLUMNS_MIN);
    int service_columns = MAX(left - 1 - mark_columns - name_columns, (int)SERVICE_COLUMNS_MIN);
    tree_print(screen, node, columns);
    left -= screen_text(screen, service_color(colors, span->service), span->service,
                        MIN(service_columns, left));
    if (left > mark_columns + 1) {
        screen_pad(screen, 1);
        screen_put(screen, STYLE_DIM, mark);
        left -= 1 + mark_columns;
        left -= screen_text(screen, STYLE_PLAIN, span->name, left);
    }
    if (*path && (left > 4 || left > screen_text_columns(screen, path))) {
        screen_pad(screen, 1);
        left -= 1 + screen_text(screen, STYLE_DIM, path, left - 1);
    }
    screen_pad(screen, left);
}

/* What there is to say, in the order of use: "503", "200 ECONNRESET reset by peer", "timeout". */
static void status_text(const struct view_span *span, char *out, size_t capacity)
{
    char code[8] = "";
    if (span->http_status)
        snprintf(code, sizeof code, "%d", span->http_status);
    snprintf(out, capacity, "%s", code);
    if (!span->is_error)
        return;
    const char *type = span->error_type ? span->error_type : "";
    bool is_type_new = *type && strcmp(type, code) != 0;
    if (!*code || is_type_new)
        snprintf(out, capacity, "%s%s%s%s%s", code, *code ? " " : "", is_type_new ? type : "error",
                 span->message ? " " : "", span->message ? span->message : "");
}

int span_status_columns(const struct screen *screen, const struct view_span *span)
{
    char text[2 * VIEW_STRING_LEN_MAX + 16];
    status_text(span, text, sizeof text);
    return screen_text_columns(screen, text);
}

void span_status_print(struct screen *screen, const struct view_span *span, int columns)
{
    char text[2 * VIEW_STRING_LEN_MAX + 16];
    status_text(span, text, sizeof text);
    screen_text(screen, span->is_error ? STYLE_ERROR : STYLE_PLAIN, text, columns);
}
