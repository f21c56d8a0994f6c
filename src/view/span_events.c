#include "view/span_events.h"

#include "backend/json_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_LEN_FIRST = 4096, LINE_LEN_MAX = 1 << 24 };

/* The line that begins at @offset, NUL-terminated, without its newline; NULL: it is cut, too long, or not to be read.
 */
static char *line_read(int fd, uint64_t offset)
{
    char *line = NULL;
    for (size_t len = LINE_LEN_FIRST; len <= LINE_LEN_MAX; len *= 4) {
        char *grown = realloc(line, len);
        if (!grown)
            break;
        line = grown;
        ssize_t got = pread(fd, line, len, (off_t)offset);
        char *newline = got > 0 ? memchr(line, '\n', (size_t)got) : NULL;
        if (newline) {
            *newline = '\0';
            return line;
        }
        if (got < (ssize_t)len)
            break;
    }
    free(line);
    return NULL;
}

static bool has_id(const cJSON *json, const char *key, const uint8_t *id, size_t len)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
    char hex[2 * TRACE_ID_LEN + 1];
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    return text && strcmp(text, hex) == 0;
}

static size_t events_take(const cJSON *json, struct span_event_seen *events)
{
    const cJSON *item;
    size_t count = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "events"))
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "name"));
        const cJSON *time = cJSON_GetObjectItemCaseSensitive(item, "timestamp");
        bool is_time = cJSON_IsNumber(time) && time->valuedouble >= 0 && time->valuedouble < 9e15;
        if (!name || !is_time || count == SPAN_EVENTS_MAX)
            continue;
        snprintf(events[count].name, sizeof events[count].name, "%s", name);
        events[count++].time_us = (int64_t)time->valuedouble;
    }
    return count;
}

size_t span_events_read(int fd, const struct view_span *span, struct span_event_seen events[SPAN_EVENTS_MAX])
{
    char *line = line_read(fd, span->offset);
    cJSON *json = line ? json_line_parse(line, strlen(line)) : NULL;
    size_t count = 0;
    if (has_id(json, "traceId", span->trace_id, TRACE_ID_LEN) && has_id(json, "spanId", span->span_id, SPAN_ID_LEN))
        count = events_take(json, events);
    cJSON_Delete(json);
    free(line);
    return count;
}
