#include "view/stable_span.h"

#include "base/compiler.h"
#include "view/json_walk.h"
#include "view/stable_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_LEN_MORE = 256 };

struct member {
    struct json_piece key, value;
};

struct line {
    struct text text;
    bool is_server;
    bool has_no_memory;
};

static void value_append(struct line *line, const struct json_piece *key, const struct json_piece *value);

static int member_compare(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    int order = memcmp(a->key.text, b->key.text, MIN(a->key.len, b->key.len));
    if (order == 0)
        order = (a->key.len > b->key.len) - (a->key.len < b->key.len);
    return order ? order : (a->key.text > b->key.text) - (a->key.text < b->key.text);
}

static bool is_one_of(const struct json_piece *key, const char *const *words)
{
    for (; *words; words++)
        if (json_piece_is(key, *words))
            return true;
    return false;
}

static bool ends_in(const struct json_piece *key, const char *end)
{
    size_t len = strlen(end);
    return key->len >= len && memcmp(key->text + key->len - len, end, len) == 0;
}

static bool begins_with(const struct json_piece *key, const char *begin)
{
    size_t len = strlen(begin);
    return key->len >= len && memcmp(key->text, begin, len) == 0;
}

/* What a number stands for that another run has another one of: processes and threads, what they used, times, ports. */
static bool is_chosen_number(const struct line *line, const struct json_piece *key, const struct json_piece *value)
{
    static const char *const names[] = {"timestamp", "duration", "thread.id", "client.port", NULL};
    double number = strtod(value->text, NULL);
    if (is_one_of(key, names) || ends_in(key, "pid") || begins_with(key, "process.cpu.") ||
        begins_with(key, "process.memory.") || begins_with(key, "process.paging.") ||
        begins_with(key, "process.context_switches") || begins_with(key, "process.disk."))
        return true;
    if (line->is_server && json_piece_is(key, "network.peer.port"))
        return true;
    return ends_in(key, ".port") && number >= STABLE_PORT_MIN && number <= UINT16_MAX;
}

/* What a text stands for; NULL: for itself. */
static const char *text_place(const struct json_piece *key)
{
    static const char *const hosts[] = {"host.name", "host.id", "host.ip", "host.mac", NULL};
    static const char *const ids[] = {"service.instance.id", "container.id", "process.creation.time", NULL};
    if (json_piece_is(key, "code.stacktrace")) /* of the moment in which an error was seen */
        return "{stack}";
    return is_one_of(key, hosts) ? "{host}" : is_one_of(key, ids) ? "{id}" : NULL;
}

static void string_append(struct line *line, const struct json_piece *key, const struct json_piece *value)
{
    const char *place = text_place(key);
    text_append_char(&line->text, '"');
    if (place)
        text_append_string(&line->text, place);
    else
        stable_text_append(&line->text, value->text, value->len);
    text_append_char(&line->text, '"');
}

static void array_append(struct line *line, const struct json_piece *key, const struct json_piece *array)
{
    struct json_walk walk = json_walk_into(array->text);
    struct json_piece element;
    const char *separator = "";
    text_append_char(&line->text, '[');
    while (json_walk_element(&walk, &element)) {
        text_append_string(&line->text, separator);
        value_append(line, key, &element);
        separator = ",";
    }
    text_append_char(&line->text, ']');
}

static struct member *members_get(const struct json_piece *object, size_t *count)
{
    struct json_piece key, value;
    struct json_walk walk = json_walk_into(object->text);
    *count = 0;
    while (json_walk_member(&walk, &key, &value))
        ++*count;
    struct member *members = calloc(*count + 1, sizeof *members);
    walk = json_walk_into(object->text);
    for (size_t i = 0; members && i < *count; i++)
        json_walk_member(&walk, &members[i].key, &members[i].value);
    return members;
}

static void members_append(struct line *line, const struct member *members, size_t count)
{
    text_append_char(&line->text, '{');
    for (size_t i = 0; i < count; i++) {
        text_append_string(&line->text, i ? ",\"" : "\"");
        text_append(&line->text, members[i].key.text, members[i].key.len);
        text_append_string(&line->text, "\":");
        value_append(line, &members[i].key, &members[i].value);
    }
    text_append_char(&line->text, '}');
}

static void object_append(struct line *line, const struct json_piece *object)
{
    size_t count;
    struct member *members = members_get(object, &count);
    if (!members) {
        line->has_no_memory = true;
        return;
    }
    qsort(members, count, sizeof *members, member_compare);
    members_append(line, members, count);
    free(members);
}

static void value_append(struct line *line, const struct json_piece *key, const struct json_piece *value)
{
    switch (value->type) {
    case JSON_STRING:
        string_append(line, key, value);
        break;
    case JSON_NUMBER:
        if (is_chosen_number(line, key, value))
            text_append_char(&line->text, '0');
        else
            text_append(&line->text, value->text, value->len);
        break;
    case JSON_ARRAY:
        array_append(line, key, value);
        break;
    case JSON_OBJECT:
        object_append(line, value);
        break;
    default:
        text_append(&line->text, value->text, value->len);
    }
}

/* The members of the line itself keep their order. Takes out ids and links; the latter are returned. */
static struct json_piece members_filter(struct line *line, struct member *members, size_t *count)
{
    static const char *const ids[] = {"traceId", "spanId", "parentSpanId", NULL};
    struct json_piece links = {0};
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        const struct json_piece *key = &members[i].key, *value = &members[i].value;
        line->is_server |= json_piece_is(key, "kind") && value->type == JSON_STRING && json_piece_is(value, "SERVER");
        if (json_piece_is(key, "links") && value->type == JSON_ARRAY)
            links = *value;
        else if (!is_one_of(key, ids))
            members[kept++] = members[i];
    }
    *count = kept;
    return links;
}

int stable_span_make(const char *line, size_t len, struct stable_span *out)
{
    size_t count, capacity = STABLE_GROWTH_MAX * len + BODY_LEN_MORE;
    struct json_piece object = {.type = JSON_OBJECT, .text = line, .len = len};
    struct member *members = members_get(&object, &count);
    char *bytes = malloc(capacity + len + 2);
    if (!members || !bytes) {
        free(members);
        free(bytes);
        return -ENOMEM;
    }
    struct line made = {.text = text_on(bytes, capacity)};
    struct json_piece links = members_filter(&made, members, &count);
    members_append(&made, members, count);
    free(members);
    text_terminate(&made.text);
    size_t body_len = strlen(bytes) + 1;
    if (links.len)
        memcpy(bytes + body_len, links.text, links.len);
    bytes[body_len + links.len] = '\0';
    char *fitting = made.has_no_memory || made.text.overflowed ? NULL : realloc(bytes, body_len + links.len + 1);
    if (!fitting) {
        free(bytes);
        return -ENOMEM;
    }
    *out = (struct stable_span){.body = fitting, .links = links.len ? fitting + body_len : NULL};
    return 0;
}
