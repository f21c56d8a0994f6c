#include "view/check_field.h"

#include "base/compiler.h"
#include "view/json_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct named_field {
    const char *name;
    enum check_scope scope;
    enum check_domain domain;
    enum check_place place;
    const char *key;
    const char *fallback;
    enum check_tree_value tree;
} NAMED[] = {
    {"name", CHECK_SELF, CHECK_TEXTS, CHECK_IN_LINE, "name", NULL, 0},
    {"kind", CHECK_SELF, CHECK_KINDS, CHECK_IN_LINE, "kind", "INTERNAL", 0},
    {"trace_id", CHECK_SELF, CHECK_TEXTS, CHECK_IN_LINE, "traceId", NULL, 0},
    {"span_id", CHECK_SELF, CHECK_TEXTS, CHECK_IN_LINE, "spanId", NULL, 0},
    {"status", CHECK_SELF, CHECK_STATUSES, CHECK_IN_STATUS, "code", "UNSET", 0},
    {"status.message", CHECK_SELF, CHECK_TEXTS, CHECK_IN_STATUS, "message", NULL, 0},
    {"service", CHECK_SELF, CHECK_TEXTS, CHECK_IN_RESOURCE, "service.name", "unknown_service", 0},
    {"duration", CHECK_SELF, CHECK_TIMES, CHECK_IN_TREE, NULL, NULL, CHECK_DURATION},
    {"root", CHECK_SELF, CHECK_TRUTHS, CHECK_IN_TREE, NULL, NULL, CHECK_IS_ROOT},
    {"test", CHECK_TEST, CHECK_TEXTS, CHECK_IN_ATTRIBUTES, "test.case.name", NULL, 0},
    {"suite", CHECK_TEST, CHECK_TEXTS, CHECK_IN_ATTRIBUTES, "test.suite.name", NULL, 0},
};

static int column_find(struct check_fields *fields, struct string_pool *pool, enum check_place place, const char *key,
                       size_t len, const char *fallback)
{
    for (unsigned i = 0; i < fields->column_count; i++)
        if (fields->columns[i].place == place && strlen(fields->columns[i].key) == len &&
            memcmp(fields->columns[i].key, key, len) == 0)
            return (int)i;
    if (fields->column_count == CHECK_FIELDS_MAX)
        return -ENOSPC;
    fields->columns[fields->column_count] = (struct check_column){
        .place = place,
        .key = string_pool_intern(pool, key, len),
        .fallback = fallback ? string_pool_intern(pool, fallback, strlen(fallback)) : NULL,
    };
    return (int)fields->column_count++;
}

/* Takes @prefix off the name, if it begins so. */
static bool prefix_take(const char **name, size_t *len, const char *prefix)
{
    size_t prefix_len = strlen(prefix);
    if (*len <= prefix_len || memcmp(*name, prefix, prefix_len))
        return false;
    *name += prefix_len;
    *len -= prefix_len;
    return true;
}

static const struct named_field *named_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(NAMED); i++)
        if (strlen(NAMED[i].name) == len && memcmp(NAMED[i].name, name, len) == 0)
            return &NAMED[i];
    return NULL;
}

int check_field_attribute(struct check_fields *fields, struct string_pool *pool, enum check_place place,
                          const char *key, size_t len, struct check_field *out)
{
    int column = column_find(fields, pool, place, key, len, NULL);
    if (column < 0)
        return column;
    *out = (struct check_field){.scope = CHECK_SELF, .domain = CHECK_ANY, .column = (unsigned)column};
    return 0;
}

static int named_make(struct check_fields *fields, struct string_pool *pool, const struct named_field *named,
                      struct check_field *out)
{
    *out =
        (struct check_field){.scope = named->scope, .domain = named->domain, .column = named->tree, .is_in_tree = true};
    if (named->place == CHECK_IN_TREE)
        return 0;
    int column = column_find(fields, pool, named->place, named->key, strlen(named->key), named->fallback);
    if (column < 0)
        return column;
    out->column = (unsigned)column;
    out->is_in_tree = false;
    return 0;
}

int check_field_find(struct check_fields *fields, struct string_pool *pool, const char *name, size_t len,
                     struct check_field *out)
{
    enum check_scope scope = CHECK_SELF;
    if (prefix_take(&name, &len, "parent."))
        scope = CHECK_PARENT;
    else if (prefix_take(&name, &len, "root."))
        scope = CHECK_ROOT;
    const struct named_field *named = named_find(name, len);
    enum check_place place = !named && prefix_take(&name, &len, "resource.") ? CHECK_IN_RESOURCE : CHECK_IN_ATTRIBUTES;
    int error =
        named ? named_make(fields, pool, named, out) : check_field_attribute(fields, pool, place, name, len, out);
    if (!error && out->scope == CHECK_SELF)
        out->scope = scope;
    return error;
}

static const char *text_intern(struct string_pool *pool, const struct json_piece *piece)
{
    char room[1024] = "", *decoded = room;
    if (!memchr(piece->text, '\\', piece->len))
        return string_pool_intern(pool, piece->text, piece->len);
    if (piece->len > sizeof room && !(decoded = calloc(1, piece->len))) {
        pool->is_out_of_memory = true;
        return "";
    }
    const char *text = string_pool_intern(pool, decoded, json_piece_decode(piece, decoded));
    if (decoded != room)
        free(decoded);
    return text;
}

/* Objects, and what is null, count as missing. */
static struct check_value value_of(struct string_pool *pool, const struct json_piece *piece)
{
    switch (piece->type) {
    case JSON_STRING:
        return (struct check_value){.type = CHECK_TEXT, .text = text_intern(pool, piece)};
    case JSON_NUMBER:
        return (struct check_value){.type = CHECK_NUMBER, .number = strtod(piece->text, NULL)};
    case JSON_TRUE:
    case JSON_FALSE:
        return (struct check_value){.type = CHECK_TRUTH, .truth = piece->type == JSON_TRUE};
    case JSON_ARRAY:
        return (struct check_value){.type = CHECK_LIST, .text = string_pool_intern(pool, piece->text, piece->len)};
    default:
        return (struct check_value){.type = CHECK_MISSING};
    }
}

/* The members of one object. Of a key that is there twice the first counts, as in the view. */
static void members_read(struct check_fields *fields, struct string_pool *pool, enum check_place place,
                         const char *text, struct check_value *values)
{
    struct json_walk walk = json_walk_into(text);
    struct json_piece key, value;
    while (json_walk_member(&walk, &key, &value)) {
        for (unsigned i = 0; i < fields->column_count; i++)
            if (fields->columns[i].place == place && values[i].type == CHECK_MISSING &&
                json_piece_is(&key, fields->columns[i].key))
                values[i] = value_of(pool, &value);
        if (place != CHECK_IN_LINE || value.type != JSON_OBJECT)
            continue;
        if (json_piece_is(&key, "attributes"))
            members_read(fields, pool, CHECK_IN_ATTRIBUTES, value.text, values);
        else if (json_piece_is(&key, "resource"))
            members_read(fields, pool, CHECK_IN_RESOURCE, value.text, values);
        else if (json_piece_is(&key, "status"))
            members_read(fields, pool, CHECK_IN_STATUS, value.text, values);
    }
}

void check_fields_read(struct check_fields *fields, struct string_pool *pool, const char *line,
                       struct check_value *values)
{
    memset(values, 0, fields->column_count * sizeof *values);
    members_read(fields, pool, CHECK_IN_LINE, line, values);
    for (unsigned i = 0; i < fields->column_count; i++) {
        struct check_column *column = &fields->columns[i];
        column->count += values[i].type != CHECK_MISSING;
        if (values[i].type == CHECK_MISSING && column->fallback)
            values[i] = (struct check_value){.type = CHECK_TEXT, .text = column->fallback};
    }
}
