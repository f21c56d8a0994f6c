#include "view/trace_summary.h"

#include "base/compiler.h"
#include "view/duration_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS_MAX = 20, NUMBER_COLUMNS = 10, NUMBERS = 4 };

struct trace_group {
    const struct trace_entry *const *entries; /* by total */
    size_t count;
    size_t failed_count;
};

static int entry_compare(const void *left, const void *right)
{
    const struct trace_entry *a = *(const struct trace_entry *const *)left;
    const struct trace_entry *b = *(const struct trace_entry *const *)right;
    int order = strcmp(a->root_service, b->root_service);
    order = order ? order : strcmp(a->root_name, b->root_name);
    return order ? order : (a->total_us > b->total_us) - (a->total_us < b->total_us);
}

/* The most frequent first; of equals the first by name, as they stand in memory. */
static int group_compare(const void *left, const void *right)
{
    const struct trace_group *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return (a->entries > b->entries) - (a->entries < b->entries);
}

static bool is_same_root(const struct trace_entry *a, const struct trace_entry *b)
{
    return a->root_service == b->root_service && a->root_name == b->root_name;
}

static size_t groups_fill(const struct trace_entry *const *entries, size_t count,
                          struct trace_group *groups)
{
    size_t group_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !is_same_root(entries[i - 1], entries[i]))
            groups[group_count++] = (struct trace_group){.entries = entries + i};
        groups[group_count - 1].count++;
        groups[group_count - 1].failed_count += entries[i]->error_count > 0;
    }
    return group_count;
}

/* The nearest rank: the smallest that at least @percent of all do not exceed. */
static int64_t percentile_us(const struct trace_group *group, size_t percent)
{
    size_t rank = (group->count * percent + 99) / 100;
    return group->entries[MAX(rank, (size_t)1) - 1]->total_us;
}

static void cell_print(struct screen *screen, int style, const char *text)
{
    screen_pad(screen, NUMBER_COLUMNS - screen_text_columns(screen, text));
    screen_put(screen, style, text);
}

static void number_print(struct screen *screen, int style, size_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", number);
    cell_print(screen, style, text);
}

static void time_print(struct screen *screen, int64_t us)
{
    char text[DURATION_TEXT_LEN];
    cell_print(screen, STYLE_PLAIN, duration_text(us, 3, screen->is_utf8, text));
}

static void group_print(struct screen *screen, const struct service_colors *colors,
                        const struct trace_group *group, int columns)
{
    const struct trace_entry *entry = group->entries[0];
    int name = MIN(screen_text_columns(screen, entry->root_name), columns / 2);
    int used = screen_text(screen, service_color(colors, entry->root_service), entry->root_service,
                           columns - name - 1);
    screen_pad(screen, 1);
    used += 1 + screen_text(screen, STYLE_PLAIN, entry->root_name, columns - used - 1);
    screen_pad(screen, columns - used);
    number_print(screen, STYLE_PLAIN, group->count);
    time_print(screen, percentile_us(group, 50));
    time_print(screen, percentile_us(group, 99));
    number_print(screen, group->failed_count ? STYLE_ERROR : STYLE_PLAIN, group->failed_count);
    screen_newline(screen);
}

static void heading_print(struct screen *screen, size_t trace_count, int columns)
{
    static const char *const titles[NUMBERS] = {"count", "median", "p99", "errors"};
    screen_format(screen, STYLE_BOLD, "All %zu traces", trace_count);
    screen_newline(screen);
    screen_put(screen, STYLE_DIM, "root");
    screen_pad(screen, columns - 4);
    for (size_t i = 0; i < NUMBERS; i++)
        cell_print(screen, STYLE_DIM, titles[i]);
    screen_newline(screen);
}

static void groups_print(struct screen *screen, const struct service_colors *colors,
                         const struct trace_group *groups, size_t count)
{
    int columns = 4;
    for (size_t i = 0; i < MIN(count, (size_t)GROUPS_MAX); i++) {
        const struct trace_entry *entry = groups[i].entries[0];
        columns = MAX(columns, screen_text_columns(screen, entry->root_service) + 1 +
                                   screen_text_columns(screen, entry->root_name));
    }
    columns = MIN(columns, MAX(screen->width - NUMBERS * NUMBER_COLUMNS, 16));
    size_t trace_count = 0;
    for (size_t i = 0; i < count; i++)
        trace_count += groups[i].count;
    heading_print(screen, trace_count, columns);
    for (size_t i = 0; i < MIN(count, (size_t)GROUPS_MAX); i++)
        group_print(screen, colors, &groups[i], columns);
    if (count > GROUPS_MAX) {
        screen_format(screen, STYLE_DIM, "(and %zu other roots)", count - GROUPS_MAX);
        screen_newline(screen);
    }
}

int trace_summary_print(struct screen *screen, const struct service_colors *colors,
                        const struct trace_list *list)
{
    const struct trace_entry **entries = malloc((list->count + 1) * sizeof *entries);
    struct trace_group *groups = malloc((list->count + 1) * sizeof *groups);
    int result = entries && groups ? 0 : -ENOMEM;
    if (result == 0) {
        for (size_t i = 0; i < list->count; i++)
            entries[i] = &list->entries[i];
        qsort(entries, list->count, sizeof *entries, entry_compare);
        size_t group_count = groups_fill(entries, list->count, groups);
        qsort(groups, group_count, sizeof *groups, group_compare);
        groups_print(screen, colors, groups, group_count);
    }
    free(groups);
    free(entries);
    return result;
}
