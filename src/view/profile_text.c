#include "view/profile_text.h"

#include "base/compiler.h"
#include "view/bar.h"
#include "view/duration_text.h"
#include "view/finding_text.h"
#include "view/table_cells.h"
#include "view/trace_list.h"

enum {
    COUNT_COLUMNS = 10,
    ERRORS_COLUMNS = 8,
    TIME_COLUMNS = 11,
    SHARE_COLUMNS = 6,
    NUMBER_COLUMNS = 68,
    BAR_COLUMNS_MAX = 24
};

_Static_assert(NUMBER_COLUMNS == COUNT_COLUMNS + ERRORS_COLUMNS + 4 * TIME_COLUMNS + SHARE_COLUMNS,
               "all but the label");

/* One of the tables: how its rows are called. */
struct table {
    const char *title;
    const char *path_title;
    struct stats_table *stats;
    /* Prints the label in at most @columns; returns those used. */
    int (*label_print)(struct screen *screen, const struct service_colors *colors, const struct stats *stats,
                       int columns);
    int (*label_columns)(const struct screen *screen, const struct stats *stats);
};

static const char *arrow(const struct screen *screen)
{
    return screen->is_utf8 ? "→ " : "-> ";
}

static int service_print(struct screen *screen, const struct service_colors *colors, const char *service, int columns)
{
    int used = screen_text(screen, service_color(colors, service), service, columns);
    screen_pad(screen, 1);
    return used + 1;
}

static bool is_call(const struct stats *stats)
{
    return stats->key.kind == VIEW_KIND_CLIENT || stats->key.kind == VIEW_KIND_PRODUCER;
}

static int operation_columns(const struct screen *screen, const struct stats *stats)
{
    return screen_text_columns(screen, stats->key.service) + 1 + screen_text_columns(screen, stats->key.what) +
           (is_call(stats) ? screen_text_columns(screen, arrow(screen)) : 0);
}

static int operation_print(struct screen *screen, const struct service_colors *colors, const struct stats *stats,
                           int columns)
{
    int used = service_print(screen, colors, stats->key.service, columns / 2);
    if (is_call(stats)) {
        screen_put(screen, STYLE_DIM, arrow(screen));
        used += screen_text_columns(screen, arrow(screen));
    }
    return used + screen_text(screen, STYLE_PLAIN, stats->key.what, columns - used);
}

static const char *callee_name(const struct stats *stats)
{
    return stats->key.what ? stats->key.what : "an unknown server";
}

static int call_columns(const struct screen *screen, const struct stats *stats)
{
    return screen_text_columns(screen, stats->key.service) + 1 + screen_text_columns(screen, arrow(screen)) +
           screen_text_columns(screen, callee_name(stats));
}

static int call_print(struct screen *screen, const struct service_colors *colors, const struct stats *stats,
                      int columns)
{
    int used = service_print(screen, colors, stats->key.service, columns / 2);
    int style = stats->key.kind == CALLEE_SERVICE ? service_color(colors, stats->key.what) : STYLE_PLAIN;
    screen_put(screen, STYLE_DIM, arrow(screen));
    used += screen_text_columns(screen, arrow(screen));
    return used + screen_text(screen, style, callee_name(stats), columns - used);
}

static int site_columns(const struct screen *screen, const struct stats *stats)
{
    return screen_text_columns(screen, stats->key.service) + 1 + screen_text_columns(screen, stats->key.place) + 1 +
           screen_text_columns(screen, stats->key.what);
}

static int site_print(struct screen *screen, const struct service_colors *colors, const struct stats *stats,
                      int columns)
{
    int used = service_print(screen, colors, stats->key.service, columns / 3);
    used += screen_text(screen, STYLE_PLAIN, stats->key.place, columns - used);
    if (columns - used < 4)
        return used;
    screen_pad(screen, 1);
    return used + 1 + screen_text(screen, STYLE_DIM, stats->key.what, columns - used - 1);
}

static void heading_print(struct screen *screen, const struct table *table, int columns)
{
    screen_put(screen, STYLE_BOLD, table->title);
    screen_pad(screen, columns - screen_text_columns(screen, table->title));
    cell_text(screen, STYLE_DIM, "count", COUNT_COLUMNS);
    cell_text(screen, STYLE_DIM, "failed", ERRORS_COLUMNS);
    cell_text(screen, STYLE_DIM, "p50", TIME_COLUMNS);
    cell_text(screen, STYLE_DIM, "p95", TIME_COLUMNS);
    cell_text(screen, STYLE_DIM, "p99", TIME_COLUMNS);
    cell_text(screen, STYLE_DIM, table->path_title, TIME_COLUMNS + SHARE_COLUMNS);
    screen_newline(screen);
}

static void numbers_print(struct screen *screen, struct stats *stats, int64_t total_us)
{
    cell_count(screen, STYLE_PLAIN, stats->us.count, COUNT_COLUMNS);
    cell_percent(screen, STYLE_ERROR, (double)stats->error_count, (double)stats->us.count, ERRORS_COLUMNS);
    cell_time(screen, STYLE_PLAIN, samples_percentile(&stats->us, 50), TIME_COLUMNS);
    cell_time(screen, STYLE_PLAIN, samples_percentile(&stats->us, 95), TIME_COLUMNS);
    cell_time(screen, STYLE_PLAIN, samples_percentile(&stats->us, 99), TIME_COLUMNS);
    if (stats->path_us == 0)
        return;
    cell_time(screen, STYLE_PLAIN, stats->path_us, TIME_COLUMNS);
    cell_percent(screen, STYLE_PLAIN, (double)stats->path_us, (double)total_us, SHARE_COLUMNS);
}

static void more_print(struct screen *screen, size_t count, size_t max)
{
    char text[COUNT_TEXT_LEN];
    if (count <= max)
        return;
    screen_format(screen, STYLE_DIM, "(and %s more: --limit N)", count_text(count - max, text));
    screen_newline(screen);
}

static void table_print(struct screen *screen, const struct service_colors *colors, const struct table *table,
                        const struct profile *profile, size_t max)
{
    int columns = screen_text_columns(screen, table->title);
    size_t count = MIN(table->stats->count, max);
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        columns = MAX(columns, table->label_columns(screen, &table->stats->items[i]));
    columns = MIN(columns, MAX(screen->width - NUMBER_COLUMNS, 24));
    int bar = MIN(screen->width - columns - NUMBER_COLUMNS - 2, (int)BAR_COLUMNS_MAX);
    screen_newline(screen);
    heading_print(screen, table, columns);
    for (size_t i = 0; i < count; i++) {
        struct stats *stats = &table->stats->items[i];
        int used = table->label_print(screen, colors, stats, columns);
        screen_pad(screen, columns - used);
        numbers_print(screen, stats, profile->total_us);
        if (bar > 4 && stats->path_us > 0) {
            screen_pad(screen, 2);
            bar_draw(screen, service_color(colors, stats->key.service), bar, (const int64_t[]){0, stats->path_us},
                     profile->total_us);
        }
        screen_newline(screen);
    }
    more_print(screen, table->stats->count, max);
}

static void findings_print(struct screen *screen, struct profile *profile, size_t max)
{
    char text[FINDING_TEXT_LEN], count[COUNT_TEXT_LEN];
    struct stats_table *findings = &profile->findings;
    screen_newline(screen);
    screen_put(screen, STYLE_BOLD, "Findings");
    screen_put(screen, STYLE_DIM, findings->count ? "" : ": none");
    screen_newline(screen);
    for (size_t i = 0; i < MIN(findings->count, max); i++) {
        struct stats *finding = &findings->items[i];
        screen_format(screen, STYLE_BOLD, "%zu. ", i + 1);
        screen_text(screen, STYLE_PLAIN, finding_text(finding, screen->is_utf8, text), FINDING_TEXT_LEN);
        screen_put(screen, STYLE_DIM, "; trace ");
        for (int j = 0; j < TRACE_ID_LEN; j++)
            screen_format(screen, STYLE_DIM, "%02x", finding->trace_id[j]);
        screen_newline(screen);
    }
    more_print(screen, findings->count, max);
    if (profile->unjudged_count == 0)
        return;
    screen_format(screen, STYLE_DIM,
                  "(%s of the traces not looked at for findings: spans are missing, or clocks differ)",
                  count_text(profile->unjudged_count, count));
    screen_newline(screen);
}

static void extent_print(struct screen *screen, const struct profile *profile)
{
    char programs[DURATION_TEXT_LEN];
    char total[DURATION_TEXT_LEN], start[LOCAL_TIME_TEXT_LEN], span[DURATION_TEXT_LEN], failed[COUNT_TEXT_LEN];
    screen_format(screen, STYLE_PLAIN, ", from %s on for %s", local_time_text(profile->start_us, start),
                  duration_text(profile->end_us - profile->start_us, 2, screen->is_utf8, span));
    screen_newline(screen);
    screen_format(screen, profile->failed_count ? STYLE_ERROR : STYLE_PLAIN, "%s failed",
                  profile->failed_count ? count_text(profile->failed_count, failed) : "none");
    screen_format(screen, STYLE_PLAIN, "; %s of critical path in all",
                  duration_text(profile->total_us, 3, screen->is_utf8, total));
    if (profile->programs_us)
        screen_format(screen, STYLE_PLAIN, ", %s of it in programs between their calls",
                      duration_text(profile->programs_us, 3, screen->is_utf8, programs));
}

static void counts_print(struct screen *screen, const struct profile *profile)
{
    char traces[COUNT_TEXT_LEN], spans[COUNT_TEXT_LEN];
    screen_format(screen, STYLE_BOLD, "%s trace%s", count_text(profile->trace_count, traces),
                  profile->trace_count == 1 ? "" : "s");
    screen_format(screen, STYLE_PLAIN, " of %s span%s", count_text(profile->span_count, spans),
                  profile->span_count == 1 ? "" : "s");
    if (profile->trace_count)
        extent_print(screen, profile);
    screen_newline(screen);
    if (profile->left_out_count == 0)
        return;
    screen_format(screen, STYLE_ERROR, "left out: %s of more than %s spans",
                  count_text(profile->left_out_count, traces), count_text(TRACE_SPANS_MAX, spans));
    screen_newline(screen);
}

void profile_print(struct screen *screen, const struct service_colors *colors, struct profile *profile, size_t max)
{
    const struct table tables[] = {
        {"Operations", "critical path", &profile->operations, operation_print, operation_columns},
        {"Calls between services", "waited for", &profile->calls, call_print, call_columns},
        {"Call sites", "waited for", &profile->sites, site_print, site_columns},
    };
    counts_print(screen, profile);
    findings_print(screen, profile, max);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        table_print(screen, colors, &tables[i], profile, max);
}
