#include "view/trace_table.h"

#include "base/compiler.h"
#include "view/duration_text.h"
#include "view/trace_tree.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { ID_DIGITS_MIN = 8, ID_DIGITS_MAX = 2 * TRACE_ID_LEN, NUMBER_COLUMNS = 8, DURATION_COLUMNS = 12, ROOT_COLUMNS_MAX = 48 };

struct table {
    struct screen *screen;
    const struct service_colors *colors;
    const char **services; /* room for those of any trace */
    int id_digits;
    int root_columns;
    int columns;
};

static int name_compare(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool is_only_programs(const struct trace_entry *entry)
{
    for (size_t i = 0; i < entry->span_count; i++)
        if (!entry->spans[i].is_program)
            return false;
    return true;
}

/* Few are different: each is looked for among those found so far, the last one first. */
size_t trace_services(const struct trace_entry *entry, const char **services)
{
    size_t count = 0;
    bool has_programs = is_only_programs(entry);
    for (size_t i = 0; i < entry->span_count; i++) {
        if (entry->spans[i].is_program && !has_programs)
            continue;
        const char *service = entry->spans[i].service;
        size_t at = count;
        while (at && services[at - 1] != service)
            at--;
        if (!at)
            services[count++] = service;
    }
    qsort(services, count, sizeof *services, name_compare);
    return count;
}

static int id_compare(const void *left, const void *right)
{
    return memcmp(*(const uint8_t *const *)left, *(const uint8_t *const *)right, TRACE_ID_LEN);
}

static int digits_in_common(const uint8_t *a, const uint8_t *b)
{
    int len = 0;
    while (len < TRACE_ID_LEN && a[len] == b[len])
        len++;
    return len < TRACE_ID_LEN && (a[len] ^ b[len]) < 16 ? 2 * len + 1 : 2 * len;
}

/* As many digits as --trace needs to know any of the traces by; -ENOMEM. */
static int id_digits_find(const struct trace_list *list)
{
    const uint8_t **ids = malloc((list->count + 1) * sizeof *ids);
    int digits = ID_DIGITS_MIN;
    if (!ids)
        return -ENOMEM;
    for (size_t i = 0; i < list->count; i++)
        ids[i] = list->entries[i].trace_id;
    qsort(ids, list->count, sizeof *ids, id_compare);
    for (size_t i = 1; i < list->count; i++)
        digits = MAX(digits, digits_in_common(ids[i - 1], ids[i]) + 1);
    free(ids);
    return MIN(digits, (int)ID_DIGITS_MAX);
}

/* A program's name is its service's, as a rule: once is enough. */
static const char *root_name(const struct trace_entry *entry)
{
    return strcmp(entry->root_name, entry->root_service) == 0 ? "" : entry->root_name;
}

static int root_columns(const struct screen *screen, const struct trace_entry *entry)
{
    return screen_text_columns(screen, entry->root_service) + 1 + screen_text_columns(screen, root_name(entry));
}

static void cell_print(struct screen *screen, int style, const char *text, int columns)
{
    screen_pad(screen, columns - screen_text_columns(screen, text));
    screen_put(screen, style, text);
}

static void heading_print(const struct table *table)
{
    struct screen *screen = table->screen;
    screen_put(screen, STYLE_DIM, "start");
    screen_pad(screen, 29 - 5);
    cell_print(screen, STYLE_DIM, "duration", DURATION_COLUMNS);
    cell_print(screen, STYLE_DIM, "spans", NUMBER_COLUMNS);
    cell_print(screen, STYLE_DIM, "errors", NUMBER_COLUMNS);
    screen_put(screen, STYLE_DIM, "  trace");
    screen_pad(screen, table->id_digits - 5 + 2);
    screen_put(screen, STYLE_DIM, "root");
    screen_pad(screen, table->root_columns - 4 + 2);
    screen_put(screen, STYLE_DIM, "services");
    screen_newline(screen);
}

/* Start, duration, counts, id. Returns the columns used. */
static int numbers_print(const struct table *table, const struct trace_entry *entry)
{
    char start[LOCAL_TIME_TEXT_LEN], text[DURATION_TEXT_LEN], hex[ID_DIGITS_MAX + 1];
    struct screen *screen = table->screen;
    screen_put(screen, STYLE_PLAIN, local_time_text(entry->start_us, start));
    cell_print(screen, STYLE_BOLD, duration_text(entry->total_us, 3, screen->is_utf8, text), DURATION_COLUMNS);
    snprintf(text, sizeof text, "%zu", entry->span_count);
    cell_print(screen, STYLE_PLAIN, text, NUMBER_COLUMNS);
    snprintf(text, sizeof text, "%zu", entry->error_count);
    cell_print(screen, entry->error_count ? STYLE_ERROR : STYLE_PLAIN, text, NUMBER_COLUMNS);
    for (int i = 0; i < TRACE_ID_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", entry->trace_id[i]);
    hex[table->id_digits] = '\0';
    screen_pad(screen, 2);
    screen_put(screen, STYLE_PLAIN, hex);
    screen_pad(screen, 2);
    return (int)strlen(start) + DURATION_COLUMNS + 2 * NUMBER_COLUMNS + table->id_digits + 4;
}

static void services_print(const struct table *table, const struct trace_entry *entry, int columns)
{
    size_t count = trace_services(entry, table->services);
    for (size_t i = 0; i < count && columns > 0; i++) {
        columns -= screen_text(table->screen, service_color(table->colors, table->services[i]), table->services[i], columns);
        if (i + 1 < count && columns-- > 0)
            screen_put(table->screen, STYLE_PLAIN, ",");
    }
}

static void line_print(const struct table *table, const struct trace_entry *entry)
{
    struct screen *screen = table->screen;
    int rest = table->columns - numbers_print(table, entry), root = MIN(rest, table->root_columns);
    int used = screen_text(screen, service_color(table->colors, entry->root_service), entry->root_service, root);
    screen_pad(screen, 1);
    used += 1 + screen_text(screen, STYLE_PLAIN, root_name(entry), root - used - 1);
    screen_pad(screen, root - used + 2);
    services_print(table, entry, rest - root - 2);
    screen_newline(screen);
}

static struct table table_make(struct screen *screen, const struct trace_list *list)
{
    struct table table = {.screen = screen, .id_digits = id_digits_find(list), .root_columns = 4};
    for (size_t i = 0; i < list->count; i++)
        if (list->entries[i].is_shown)
            table.root_columns =
                MAX(table.root_columns, MIN(root_columns(screen, &list->entries[i]), (int)ROOT_COLUMNS_MAX));
    return table;
}

void trace_table_heading(struct screen *screen, const struct trace_list *list)
{
    struct table table = table_make(screen, list);
    if (table.id_digits > 0)
        heading_print(&table);
}

int trace_table_print(struct screen *screen, const struct service_colors *colors, const struct span_set *set,
                      const struct trace_list *list, int columns)
{
    size_t spans_max = 1;
    struct table table = table_make(screen, list);
    table.colors = colors;
    table.columns = columns ? columns : INT_MAX / 4;
    for (size_t i = 0; i < list->count; i++)
        spans_max = MAX(spans_max, list->entries[i].span_count);
    table.services = malloc(spans_max * sizeof *table.services);
    if (!table.services || table.id_digits < 0) {
        free(table.services);
        return -ENOMEM;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->entries[i].is_shown)
            line_print(&table, &list->entries[i]);
        span_set_relax_at(set, i);
    }
    free(table.services);
    return 0;
}
