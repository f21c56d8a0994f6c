#include "view/html_columns.h"

#include "backend/json_line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Integers below are written where they stand: 2 * n has 31 bits. */
static const double NUMBER_MAX = 1 << 30;

static const struct {
    const char *name;
    const char *begin, *end;
} COLUMNS[COLUMN_COUNT] = {
    [COLUMN_TRACE] = {"trace", "[", "]"},       [COLUMN_ID] = {"id", "\"", "\""},
    [COLUMN_PARENT] = {"parent", "\"", "\""},   [COLUMN_NAME] = {"name", "[", "]"},
    [COLUMN_KIND] = {"kind", "[", "]"},         [COLUMN_STATUS] = {"status", "[", "]"},
    [COLUMN_MESSAGE] = {"message", "[", "]"},   [COLUMN_START] = {"start", "[", "]"},
    [COLUMN_DURATION] = {"duration", "[", "]"}, [COLUMN_RESOURCE] = {"resource", "[", "]"},
    [COLUMN_DETAILS] = {"details", "[", "]"},
};

int html_columns_begin(struct html_columns *columns, int64_t origin_us)
{
    *columns = (struct html_columns){.origin_us = origin_us};
    for (enum html_column i = 0; i < COLUMN_COUNT; i++) {
        columns->out[i] = open_memstream(&columns->bytes[i], &columns->len[i]);
        if (!columns->out[i])
            return -ENOMEM;
        fputs(COLUMNS[i].begin, columns->out[i]);
    }
    return 0;
}

/* Each with a comma behind it. */
static void number_put(struct html_columns *columns, enum html_column column, int64_t number)
{
    FILE *out = columns->out[column];
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    *--at = ',';
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--at = '-';
    fwrite_unlocked(at, 1, (size_t)(digits + sizeof digits - at), out);
}

/* The number of a value in the table; JSON's null for what is absent. */
static long value_number(struct html_columns *columns, const cJSON *value)
{
    char *text = value ? cJSON_PrintUnformatted(value) : NULL;
    if (value && !text)
        return -ENOMEM;
    const char *json = text ? text : "null";
    long number = html_values_add(&columns->values, json, strlen(json));
    free(text);
    return number;
}

static int value_put(struct html_columns *columns, enum html_column column, const cJSON *value)
{
    long number = value_number(columns, value);
    if (number < 0)
        return (int)number;
    number_put(columns, column, number);
    return 0;
}

static int attribute_put(struct html_columns *columns, const cJSON *value)
{
    if (cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble < NUMBER_MAX &&
        value->valuedouble == (double)(int64_t)value->valuedouble) {
        number_put(columns, COLUMN_DETAILS, 2 * (int64_t)value->valuedouble);
        return 0;
    }
    long number = value_number(columns, value);
    if (number < 0)
        return (int)number;
    number_put(columns, COLUMN_DETAILS, 2 * number + 1);
    return 0;
}

/* Many spans have the same keys in the same order: these are a value too. */
static int keys_put(struct html_columns *columns, const cJSON *object)
{
    cJSON *keys = cJSON_CreateArray();
    const cJSON *member;
    int result = keys ? 0 : -ENOMEM;
    cJSON_ArrayForEach(member, object)
    {
        cJSON *key = cJSON_CreateStringReference(member->string);
        if (!key || !cJSON_AddItemToArray(keys, key))
            result = -ENOMEM;
    }
    if (result == 0)
        result = value_put(columns, COLUMN_DETAILS, keys);
    cJSON_Delete(keys);
    return result;
}

/* @of: has "attributes", or not. */
static int attributes_put(struct html_columns *columns, const cJSON *of)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(of, "attributes"), *member;
    if (!cJSON_IsObject(object))
        object = NULL;
    int result = keys_put(columns, object);
    for (member = object ? object->child : NULL; member && result == 0; member = member->next)
        result = attribute_put(columns, member);
    return result;
}

static int event_put(struct html_columns *columns, const cJSON *event, double start_us)
{
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(event, "timestamp");
    double after = cJSON_IsNumber(at) ? at->valuedouble - start_us : 0;
    if (!(after > -NUMBER_MAX * NUMBER_MAX && after < NUMBER_MAX * NUMBER_MAX))
        after = 0;
    int result = value_put(columns, COLUMN_DETAILS, cJSON_GetObjectItemCaseSensitive(event, "name"));
    number_put(columns, COLUMN_DETAILS, (int64_t)after);
    return result < 0 ? result : attributes_put(columns, event);
}

static int link_put(struct html_columns *columns, const cJSON *link)
{
    int result = value_put(columns, COLUMN_DETAILS, cJSON_GetObjectItemCaseSensitive(link, "traceId"));
    if (result == 0)
        result = value_put(columns, COLUMN_DETAILS, cJSON_GetObjectItemCaseSensitive(link, "spanId"));
    return result < 0 ? result : attributes_put(columns, link);
}

static int details_put(struct html_columns *columns, const cJSON *span, double start_us)
{
    const cJSON *events = cJSON_GetObjectItemCaseSensitive(span, "events");
    const cJSON *links = cJSON_GetObjectItemCaseSensitive(span, "links"), *one;
    int result = value_put(columns, COLUMN_DETAILS, cJSON_GetObjectItemCaseSensitive(span, "traceState"));
    if (result == 0)
        result = attributes_put(columns, span);
    number_put(columns, COLUMN_DETAILS, cJSON_IsArray(events) ? cJSON_GetArraySize(events) : 0);
    for (one = cJSON_IsArray(events) ? events->child : NULL; one && result == 0; one = one->next)
        result = event_put(columns, one, start_us);
    number_put(columns, COLUMN_DETAILS, cJSON_IsArray(links) ? cJSON_GetArraySize(links) : 0);
    for (one = cJSON_IsArray(links) ? links->child : NULL; one && result == 0; one = one->next)
        result = link_put(columns, one);
    return result;
}

static int values_put(struct html_columns *columns, const cJSON *span)
{
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(span, "status");
    const struct {
        enum html_column column;
        const cJSON *of;
        const char *key;
    } members[] = {
        {COLUMN_TRACE, span, "traceId"},  {COLUMN_NAME, span, "name"},      {COLUMN_KIND, span, "kind"},
        {COLUMN_STATUS, status, "code"},  {COLUMN_MESSAGE, status, "message"}, {COLUMN_RESOURCE, span, "resource"},
    };
    int result = 0;
    for (size_t i = 0; i < sizeof members / sizeof *members && result == 0; i++)
        result = value_put(columns, members[i].column, cJSON_GetObjectItemCaseSensitive(members[i].of, members[i].key));
    return result;
}

static int span_put(struct html_columns *columns, const cJSON *span)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(span, "spanId");
    const cJSON *parent = cJSON_GetObjectItemCaseSensitive(span, "parentSpanId");
    const cJSON *start = cJSON_GetObjectItemCaseSensitive(span, "timestamp");
    const cJSON *duration = cJSON_GetObjectItemCaseSensitive(span, "duration");
    if (!cJSON_IsString(id) || !cJSON_IsNumber(start) || !cJSON_IsNumber(duration))
        return -EINVAL;
    fprintf(columns->out[COLUMN_ID], "%16.16s", id->valuestring);
    fprintf(columns->out[COLUMN_PARENT], "%16.16s", cJSON_IsString(parent) ? parent->valuestring : "");
    number_put(columns, COLUMN_START, (int64_t)start->valuedouble - columns->origin_us);
    number_put(columns, COLUMN_DURATION, (int64_t)duration->valuedouble);
    int result = values_put(columns, span);
    columns->count++;
    return result < 0 ? result : details_put(columns, span, start->valuedouble);
}

int html_columns_add(struct html_columns *columns, const char *line, size_t len)
{
    cJSON *span = json_line_parse(line, len);
    int result = span_put(columns, span);
    cJSON_Delete(span);
    return result;
}

int html_columns_print(struct html_columns *columns, FILE *out)
{
    bool is_whole = true;
    fputs("\"values\":", out);
    html_values_print(&columns->values, out);
    for (enum html_column i = 0; i < COLUMN_COUNT; i++) {
        bool is_list = *COLUMNS[i].begin == '[';
        is_whole = is_whole && !ferror(columns->out[i]);
        is_whole = fclose(columns->out[i]) == 0 && is_whole;
        columns->out[i] = NULL;
        if (!is_whole)
            return -ENOMEM;
        /* Each number has a comma behind it: the last one's is none. */
        fprintf(out, ",\"%s\":", COLUMNS[i].name);
        fwrite(columns->bytes[i], 1, columns->len[i] - (is_list && columns->count), out);
        fputs(COLUMNS[i].end, out);
    }
    return 0;
}

void html_columns_free(struct html_columns *columns)
{
    for (enum html_column i = 0; i < COLUMN_COUNT; i++) {
        if (columns->out[i])
            fclose(columns->out[i]);
        free(columns->bytes[i]);
    }
    html_values_free(&columns->values);
}
