#include "view/check_text.h"

#include "base/compiler.h"
#include "view/duration_text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { SPANS_SHOWN = 10, GROUPS_SHOWN = 10, TEXT_COLUMNS = 120 };

/* All in one line, with single blanks. */
static void line_put(struct screen *screen, int style, const char *text, size_t len)
{
    char line[CHECK_TITLE_COLUMNS + 1];
    size_t used = 0;
    for (size_t i = 0; i < len && used < sizeof line - 1; i++) {
        bool is_blank = strchr(" \t\r\n", text[i]) != NULL;
        if (!is_blank || (used && line[used - 1] != ' '))
            line[used++] = is_blank ? ' ' : text[i];
    }
    while (used && line[used - 1] == ' ')
        used--;
    line[used] = '\0';
    screen_text(screen, style, line, CHECK_TITLE_COLUMNS);
}

void check_text_title(struct screen *screen, const struct check *check)
{
    const char *title = check->name ? check->name : check->text;
    line_put(screen, STYLE_PLAIN, title, strlen(title));
}

static void id_put(struct screen *screen, const char *what, const uint8_t *id, size_t len)
{
    char hex[2 * TRACE_ID_LEN + 1];
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    screen_format(screen, STYLE_DIM, "%s %s", what, hex);
}

static void span_put(struct screen *screen, const struct view_span *span)
{
    static const char *const kinds[] = {"INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"};
    char duration[DURATION_TEXT_LEN];
    screen_format(screen, STYLE_DIM, "    line %llu: ", (unsigned long long)span->line);
    screen_format(screen, STYLE_PLAIN, "%s  ", duration_text(span->duration_us, 3, screen->is_utf8, duration));
    screen_text(screen, STYLE_PLAIN, span->service, TEXT_COLUMNS);
    screen_format(screen, STYLE_PLAIN, " %s ", kinds[span->kind]);
    screen_text(screen, STYLE_PLAIN, span->name, TEXT_COLUMNS);
    const char *const more[] = {span->path && !strstr(span->name, span->path) ? span->path : NULL, span->callee,
                                span->is_error ? (span->error_type ? span->error_type : "error") : NULL};
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        screen_put(screen, STYLE_PLAIN, more[i] ? " " : "");
        screen_text(screen, i == 2 ? STYLE_ERROR : STYLE_PLAIN, more[i] ? more[i] : "", TEXT_COLUMNS);
    }
    id_put(screen, "  trace", span->trace_id, TRACE_ID_LEN);
    id_put(screen, " span", span->span_id, SPAN_ID_LEN);
    screen_newline(screen);
}

static void value_put(struct screen *screen, const struct check_value *value)
{
    if (value->type == CHECK_NUMBER)
        screen_format(screen, STYLE_PLAIN, "%.15g", value->number);
    else if (value->type == CHECK_TRUTH)
        screen_put(screen, STYLE_PLAIN, value->truth ? "true" : "false");
    else
        screen_text(screen, STYLE_PLAIN, value->text, TEXT_COLUMNS);
}

/* " in test NAME". */
static void group_put(struct screen *screen, const struct check_spans *spans, const struct check_result *result,
                      size_t group)
{
    const struct check *check = result->check;
    size_t example = result->groups.example[group];
    if (check->grouping == CHECK_OF_ALL)
        return;
    if (check->grouping == CHECK_PER_TRACE) {
        id_put(screen, " in trace", spans->set.spans[example].trace_id, TRACE_ID_LEN);
        return;
    }
    struct check_value value = check_spans_value(spans, example, &check->group_field);
    screen_put(screen, STYLE_PLAIN, check->grouping == CHECK_PER_TEST ? " in test " : " for ");
    value_put(screen, &value);
}

static void number_put(struct screen *screen, const struct check_aggregate *aggregate, double number)
{
    char text[DURATION_TEXT_LEN];
    bool is_time = aggregate->field.domain == CHECK_TIMES && aggregate->function > CHECK_DISTINCT;
    if (is_time)
        screen_format(screen, STYLE_BOLD, "%s", duration_text((int64_t)number, 3, screen->is_utf8, text));
    else
        screen_format(screen, STYLE_BOLD, "%.15g", number);
}

/* The largest first where less was wanted. */
static void samples_put(struct screen *screen, const struct check_spans *spans, const struct check_tally *tally,
                        size_t group, bool is_from_end)
{
    size_t begin = tally->begins[group], end = tally->begins[group + 1], count = end - begin;
    for (size_t i = 0; i < count && i < SPANS_SHOWN; i++) {
        const struct check_sample *sample = &tally->samples[is_from_end ? end - 1 - i : begin + i];
        span_put(screen, &spans->set.spans[sample->span]);
    }
    if (count > SPANS_SHOWN) {
        screen_format(screen, STYLE_DIM, "    and %zu more", count - SPANS_SHOWN);
        screen_newline(screen);
    }
}

/* A part of the check that is to be told of, for one group. */
static void part_put(struct screen *screen, const struct check_spans *spans, const struct check_result *result,
                     const struct check_node *node, size_t group)
{
    const struct check_aggregate *aggregate = node->aggregate;
    const struct check_tally *tally = &result->tallies[aggregate->index];
    double number;
    screen_put(screen, STYLE_PLAIN, "  ");
    line_put(screen, STYLE_PLAIN, result->check->text + aggregate->at, aggregate->len);
    bool is_known = check_tally_number(tally, aggregate, group, &number);
    if (aggregate->is_quantifier) {
        bool is_any = node->op == CHECK_ABOVE;
        screen_format(screen, STYLE_BOLD, is_any && number == 0 ? ": there is none" : ": %.15g span%s", number,
                      number == 1 ? "" : "s");
    } else {
        screen_put(screen, STYLE_PLAIN, " is ");
        if (is_known)
            number_put(screen, aggregate, number);
        else
            screen_put(screen, STYLE_BOLD, "nothing");
    }
    group_put(screen, spans, result, group);
    screen_newline(screen);
    bool has_values = aggregate->function > CHECK_DISTINCT;
    samples_put(screen, spans, tally, group, has_values && node->op != CHECK_ABOVE && node->op != CHECK_AT_LEAST);
}

/* Of the parts those that are false; or, where none is ("not"), all. */
static bool parts_put(struct screen *screen, const struct check_spans *spans, const struct check_result *result,
                      const struct check_node *node, size_t group, bool is_false_alone)
{
    if (!node->aggregate) {
        bool is_put = parts_put(screen, spans, result, node->left, group, is_false_alone);
        return (node->right && parts_put(screen, spans, result, node->right, group, is_false_alone)) || is_put;
    }
    if (is_false_alone && check_node_judge(result, node, group) != CHECK_FALSE)
        return false;
    part_put(screen, spans, result, node, group);
    return true;
}

static void failures_put(struct screen *screen, const struct check_spans *spans, const struct check_result *result)
{
    size_t shown = 0;
    for (size_t group = 0; group < result->groups.count && shown < GROUPS_SHOWN; group++) {
        if (result->outcomes[group] != CHECK_FALSE)
            continue;
        shown++;
        if (!parts_put(screen, spans, result, result->check->root, group, true))
            parts_put(screen, spans, result, result->check->root, group, false);
    }
    if (result->failed_count > shown) {
        screen_format(screen, STYLE_DIM, "  and %zu more of %zu", result->failed_count - shown, result->groups.count);
        screen_newline(screen);
    }
}

__attribute__((format(printf, 2, 3))) static void note_begin(struct screen *screen, const char *format, ...)
{
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    screen_format(screen, STYLE_DIM, "  note: %s", text);
}

/* What would make a misspelt name pass in silence. */
static void columns_note(struct screen *screen, const struct check_spans *spans, const struct check_result *result)
{
    for (unsigned i = 0; i < result->check->column_count; i++) {
        const struct check_column *column = &spans->checks->fields.columns[result->check->columns[i]];
        if (column->count || column->fallback)
            continue;
        bool is_resource = column->place == CHECK_IN_RESOURCE;
        note_begin(screen, "no span has %s ", is_resource ? "the resource attribute" : "the attribute");
        screen_text(screen, STYLE_DIM, column->key, TEXT_COLUMNS);
        screen_newline(screen);
    }
}

static void notes_put(struct screen *screen, const struct check_spans *spans, const struct check_result *result)
{
    static const char *const whats[] = {"", "test", "trace", "group"};
    const char *what = whats[result->check->grouping];
    columns_note(screen, spans, result);
    for (unsigned i = 0; i < result->check->aggregate_count; i++) {
        size_t count = result->tallies[i].unknown_count;
        if (count == 0)
            continue;
        note_begin(screen, "%zu span%s not counted: a value is missing, or of another type, in ", count,
                   count == 1 ? " was" : "s were");
        line_put(screen, STYLE_DIM, result->check->text + result->check->aggregates[i]->at,
                 result->check->aggregates[i]->len);
        screen_newline(screen);
    }
    if (result->groups.count == 0)
        note_begin(screen, "there is no %s, so that nothing was judged", what);
    else if (result->groups.outside_count)
        note_begin(screen, "%zu span%s in no %s", result->groups.outside_count,
                   result->groups.outside_count == 1 ? " is" : "s are", what);
    else if (result->outcome == CHECK_UNKNOWN)
        note_begin(screen, "there is nothing that could be judged");
    else
        return;
    screen_newline(screen);
}

void check_text_details(struct screen *screen, const struct check_spans *spans, const struct check_result *result)
{
    if (result->outcome == CHECK_FALSE)
        failures_put(screen, spans, result);
    notes_put(screen, spans, result);
}

/* How many spans it was about: of all those that its filter holds of. */
static void counts_put(struct screen *screen, const struct check_spans *spans, const struct check_result *result)
{
    if (result->check->aggregate_count == 1)
        screen_format(screen, STYLE_DIM, "  (%zu of %zu spans matched", result->tallies[0].asked_count,
                      spans->set.count);
    else
        screen_format(screen, STYLE_DIM, "  (%zu spans", spans->set.count);
    static const char *const whats[] = {"", "test", "trace", "group"};
    if (result->check->grouping != CHECK_OF_ALL)
        screen_format(screen, STYLE_DIM, ", %zu %s%s", result->groups.count, whats[result->check->grouping],
                      result->groups.count == 1 ? "" : "s");
    screen_put(screen, STYLE_DIM, ")");
}

void check_text_result(struct screen *screen, const struct check_spans *spans, const struct check_result *result)
{
    if (result->outcome == CHECK_FALSE)
        screen_put(screen, STYLE_ERROR, "FAILED  ");
    else
        screen_put(screen, STYLE_PLAIN, result->outcome == CHECK_TRUE ? "ok      " : "nothing ");
    check_text_title(screen, result->check);
    counts_put(screen, spans, result);
    screen_newline(screen);
    if (result->outcome == CHECK_FALSE && result->check->name) {
        screen_put(screen, STYLE_PLAIN, "        ");
        line_put(screen, STYLE_DIM, result->check->text, strlen(result->check->text));
        screen_newline(screen);
    }
    check_text_details(screen, spans, result);
}

void check_text_error(struct screen *screen, const char *text, const char *file, unsigned line,
                      const struct check_error *error)
{
    size_t begin = MIN(error->at, strlen(text)), end, at = begin;
    while (begin && text[begin - 1] != '\n')
        begin--;
    end = begin + strcspn(text + begin, "\n");
    for (size_t i = 0; i < begin; i++)
        line += text[i] == '\n';
    char *prefix = strndup(text + begin, at - begin), *whole = strndup(text + begin, end - begin);
    char *place = strndup(text + at, MIN(error->len, end - at));
    screen_put(screen, STYLE_PLAIN, "run-traced: ");
    screen_text(screen, STYLE_PLAIN, file ? file : "--check", TEXT_COLUMNS);
    if (file)
        screen_format(screen, STYLE_PLAIN, ":%u:%zu", line, at - begin + 1);
    screen_put(screen, STYLE_PLAIN, ": ");
    screen_text(screen, STYLE_PLAIN, error->message, CHECK_TITLE_COLUMNS);
    screen_newline(screen);
    if (prefix && whole && place) {
        screen_put(screen, STYLE_PLAIN, "  ");
        screen_text(screen, STYLE_PLAIN, whole, CHECK_TITLE_COLUMNS);
        screen_newline(screen);
        screen_pad(screen, 2 + screen_text_columns(screen, prefix));
        screen_repeat(screen, STYLE_BOLD, "^", MAX(screen_text_columns(screen, place), 1));
        screen_newline(screen);
    }
    free(prefix);
    free(whole);
    free(place);
}
