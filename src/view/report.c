#include "view/report.h"

#include "base/compiler.h"
#include "view/bar.h"
#include "view/duration_text.h"
#include "view/failure_text.h"

#include <stdio.h>

enum { NAME_COLUMNS_MAX = 60, BAR_COLUMNS_MAX = 40 };

/* The words before a share's label, and the label. */
static const char *share_prefix(const struct share *share)
{
    return share->kind == SHARE_CALLEE ? "waiting for " : share->kind == SHARE_PROGRAM ? "in the program " : "";
}

static const char *share_name(const struct share *share, char *buffer, size_t capacity)
{
    switch (share->kind) {
    case SHARE_SERVICE:
    case SHARE_PROGRAM:
        return share->label;
    case SHARE_CALLEE:
        return share->label ? share->label : "an unknown server";
    case SHARE_NETWORK:
        return "network";
    case SHARE_OUTSIDE:
        return "outside of the recorded spans";
    case SHARE_REST:
        break;
    }
    snprintf(buffer, capacity, "%zu others", share->caller_count);
    return buffer;
}

static int share_style(const struct service_colors *colors, const struct share *share)
{
    return share->kind == SHARE_SERVICE ? service_color(colors, share->label) : STYLE_DIM;
}

static int names_columns(const struct screen *screen, const struct analysis *analysis)
{
    char buffer[32];
    int columns = 0;
    for (size_t i = 0; i < analysis->share_count - analysis->idle_count; i++) {
        const struct share *share = &analysis->shares[i];
        int name = screen_text_columns(screen, share_name(share, buffer, sizeof buffer));
        columns = MAX(columns, name + screen_text_columns(screen, share_prefix(share)));
    }
    return MIN(columns, screen->width * 2 / 5);
}

static void percent_print(struct screen *screen, const struct share *share)
{
    if (share->percent == 0)
        screen_put(screen, STYLE_PLAIN, "  <1 %");
    else
        screen_format(screen, STYLE_PLAIN, "%4d %%", share->percent);
}

static void share_print(struct screen *screen, const struct service_colors *colors,
                        const struct share *share, int name_columns, int64_t total_us)
{
    char buffer[32], text[DURATION_TEXT_LEN];
    int style = share_style(colors, share);
    int bar = MIN(screen->width - name_columns - 22, (int)BAR_COLUMNS_MAX);
    int used = screen_text(screen, STYLE_DIM, share_prefix(share), name_columns - 2);
    used += screen_text(screen, share->kind == SHARE_SERVICE ? style : STYLE_PLAIN,
                        share_name(share, buffer, sizeof buffer), name_columns - used);
    duration_text(share->us, 3, screen->is_utf8, text);
    screen_pad(screen, name_columns - used + 11 - screen_text_columns(screen, text));
    screen_put(screen, STYLE_PLAIN, text);
    percent_print(screen, share);
    screen_pad(screen, 2);
    bar_draw(screen, style, bar, (const int64_t[]){0, share->us}, total_us);
    screen_newline(screen);
}

/* Services that the total did not wait for: asynchronous, or in another one's shadow. */
static void idle_print(struct screen *screen, const struct service_colors *colors,
                       const struct analysis *analysis)
{
    size_t first = analysis->share_count - analysis->idle_count;
    if (analysis->idle_count == 0)
        return;
    screen_put(screen, STYLE_DIM, "No part of it: ");
    for (size_t i = first; i < MIN(analysis->share_count, first + SHARES_MAX); i++) {
        const struct share *share = &analysis->shares[i];
        screen_put(screen, STYLE_DIM, i == first ? "" : ", ");
        screen_text(screen, share_style(colors, share), share->label, NAME_COLUMNS_MAX);
    }
    if (analysis->idle_count > SHARES_MAX)
        screen_format(screen, STYLE_DIM, " and %zu more", analysis->idle_count - SHARES_MAX);
    screen_newline(screen);
}

static void others_print(struct screen *screen, const struct share *share, const char *noun)
{
    if (share->caller_count > 1)
        screen_format(screen, STYLE_PLAIN, " and %zu other %s%s", share->caller_count - 1, noun,
                      share->caller_count == 2 ? "" : "s");
}

static void caller_print(struct screen *screen, const struct service_colors *colors,
                         const struct share *share)
{
    if (!share->caller)
        return;
    screen_put(screen, STYLE_PLAIN, share->kind == SHARE_NETWORK ? ", between " : ", called by ");
    screen_text(screen, service_color(colors, share->caller), share->caller, NAME_COLUMNS_MAX);
    if (share->kind == SHARE_NETWORK) {
        screen_put(screen, STYLE_PLAIN, " and ");
        screen_text(screen, service_color(colors, share->callee), share->callee, NAME_COLUMNS_MAX);
        others_print(screen, share, "pair");
    } else {
        if (share->call && share->call->code_file) {
            screen_put(screen, STYLE_PLAIN, " from ");
            screen_text(screen, STYLE_PLAIN, share->call->code_file, NAME_COLUMNS_MAX);
            screen_format(screen, STYLE_PLAIN, " line %u", share->call->code_line);
        }
        others_print(screen, share, "service");
    }
}

static void bottleneck_print(struct screen *screen, const struct service_colors *colors,
                             const struct analysis *analysis)
{
    char buffer[32], part[DURATION_TEXT_LEN], total[DURATION_TEXT_LEN];
    const struct share *share = &analysis->shares[0];
    /* Between several roots nothing is known of, and nothing can be made faster. */
    if (share->kind == SHARE_OUTSIDE && analysis->share_count > 1)
        share++;
    if (share->us == 0)
        return;
    screen_put(screen, STYLE_BOLD, "Bottleneck: ");
    screen_put(screen, STYLE_PLAIN, share_prefix(share));
    screen_text(screen, share->kind == SHARE_SERVICE ? share_style(colors, share) : STYLE_PLAIN,
                share_name(share, buffer, sizeof buffer), NAME_COLUMNS_MAX);
    screen_format(screen, STYLE_PLAIN, ": %s of %s (%d %%)",
                  duration_text(share->us, 2, screen->is_utf8, part),
                  duration_text(analysis->total_us, 2, screen->is_utf8, total), share->percent);
    caller_print(screen, colors, share);
    screen_newline(screen);
}

void report_print(struct screen *screen, const struct service_colors *colors,
                  const struct analysis *analysis)
{
    char text[DURATION_TEXT_LEN];
    int name_columns = names_columns(screen, analysis);
    size_t timed_count = analysis->share_count - analysis->idle_count;
    screen_put(screen, STYLE_BOLD, "Total ");
    screen_put(screen, STYLE_BOLD, duration_text(analysis->total_us, 3, screen->is_utf8, text));
    screen_put(screen, STYLE_PLAIN, timed_count ? ", of which" : "");
    screen_newline(screen);
    for (size_t i = 0; i < timed_count; i++)
        share_print(screen, colors, &analysis->shares[i], name_columns, analysis->total_us);
    idle_print(screen, colors, analysis);
    bottleneck_print(screen, colors, analysis);
    failure_print(screen, colors, analysis);
}
