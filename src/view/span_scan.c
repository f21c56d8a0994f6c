#include "view/span_scan.h"

#include <stdint.h>
#include <string.h>

enum { DEPTH_MAX = 16, DIGITS_MAX = 18 };

/* Within this no key matters: it has no members itself. */
#define FIELD_OPAQUE FIELD_SERVICE_NAME

/* Where the scan is. The NUL behind the line ends every loop. */
struct scan {
    const char *at;
    const char *end;
    struct span_fields *fields;
    bool has_escapes; /* a backslash is anywhere in the line */
};

static bool value_scan(struct scan *scan, enum span_field self, int depth, struct span_value *value);

static void blanks_skip(struct scan *scan)
{
    while (*scan->at == ' ' || *scan->at == '\t')
        scan->at++;
}

/* Skips blanks and @c, if it is what follows. */
static bool char_take(struct scan *scan, char c)
{
    blanks_skip(scan);
    if (*scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* The closing quote of a string that may have escapes, but no \u; NULL: it is unusual. */
static const char *quote_find(const char *at, bool *is_escaped)
{
    for (; *at && *at != '"'; at++) {
        if (*at != '\\')
            continue;
        *is_escaped = true;
        if (!at[1] || !strchr("\"\\/bfnrt", *++at))
            return NULL;
    }
    return *at ? at : NULL;
}

/* @is_needed: escapes would have to be decoded. */
static bool string_scan(struct scan *scan, bool is_needed, struct span_value *value)
{
    bool is_escaped = false;
    const char *begin = scan->at + 1;
    const char *quote = scan->has_escapes ? quote_find(begin, &is_escaped)
                                          : memchr(begin, '"', (size_t)(scan->end - begin));
    if (!quote || (is_escaped && is_needed))
        return false;
    value->type = VALUE_STRING;
    value->text = begin;
    value->len = (size_t)(quote - begin);
    scan->at = quote + 1;
    return true;
}

/* An integer; a fraction only where its value does not matter. */
static bool number_scan(struct scan *scan, bool is_needed, struct span_value *value)
{
    bool is_negative = *scan->at == '-';
    const char *begin = scan->at += is_negative;
    int64_t number = 0;
    while (*scan->at >= '0' && *scan->at <= '9' && scan->at - begin < DIGITS_MAX)
        number = number * 10 + (*scan->at++ - '0');
    if (scan->at == begin || (*begin == '0' && scan->at > begin + 1))
        return false;
    if (*scan->at == '.' && !is_needed) {
        const char *point = scan->at++;
        while (*scan->at >= '0' && *scan->at <= '9')
            scan->at++;
        if (scan->at == point + 1)
            return false;
    }
    value->type = VALUE_NUMBER;
    value->number = (double)(is_negative ? -number : number);
    return true; /* what may not follow is not taken by who comes next */
}

static bool word_scan(struct scan *scan, struct span_value *value)
{
    static const struct {
        const char *word;
        size_t len;
        enum span_value_type type;
    } words[] = {{"null", 4, VALUE_NULL}, {"true", 4, VALUE_OTHER}, {"false", 5, VALUE_OTHER}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(scan->at, words[i].word, words[i].len) == 0) {
            scan->at += words[i].len;
            value->type = words[i].type;
            return true;
        }
    return false;
}

/* A key and its value. @self: the object that it is in. */
static bool member_scan(struct scan *scan, enum span_field self, int depth)
{
    struct span_value key, other, *value = &other;
    enum span_field field = FIELD_OPAQUE;
    blanks_skip(scan);
    if (*scan->at != '"' || !string_scan(scan, self != FIELD_OPAQUE, &key) || !char_take(scan, ':'))
        return false;
    if (self != FIELD_OPAQUE) {
        enum span_field found = span_field_find(self, key.text, key.len);
        if (found < FIELD_COUNT) {
            value = &scan->fields->values[found];
            field = found;
        }
    }
    if (value != &other && value->type != VALUE_ABSENT)
        return false;
    return value_scan(scan, field, depth, value) && (value == &other || value->type != VALUE_ABSENT);
}

static bool object_scan(struct scan *scan, enum span_field self, int depth)
{
    scan->at++;
    if (char_take(scan, '}'))
        return true;
    do {
        if (!member_scan(scan, self, depth))
            return false;
    } while (char_take(scan, ','));
    return char_take(scan, '}');
}

static bool array_scan(struct scan *scan, int depth)
{
    struct span_value value;
    scan->at++;
    if (char_take(scan, ']'))
        return true;
    do {
        if (!value_scan(scan, FIELD_OPAQUE, depth, &value))
            return false;
    } while (char_take(scan, ','));
    return char_take(scan, ']');
}

static bool value_scan(struct scan *scan, enum span_field self, int depth, struct span_value *value)
{
    bool is_needed = value >= scan->fields->values && value < scan->fields->values + FIELD_COUNT;
    blanks_skip(scan);
    switch (*scan->at) {
    case '"':
        return string_scan(scan, is_needed, value);
    case '{':
        value->type = VALUE_OBJECT;
        return depth < DEPTH_MAX && object_scan(scan, self, depth + 1);
    case '[':
        value->type = VALUE_OTHER;
        return depth < DEPTH_MAX && array_scan(scan, depth + 1);
    case 't':
    case 'f':
    case 'n':
        return word_scan(scan, value);
    default:
        return number_scan(scan, is_needed, value);
    }
}

bool span_scan(const char *line, size_t len, struct span_fields *fields)
{
    struct scan scan = {.at = line, .end = line + len, .fields = fields, .has_escapes = memchr(line, '\\', len)};
    *fields = (struct span_fields){0};
    if (*line != '{' || !object_scan(&scan, FIELD_COUNT, 0))
        return false;
    while (scan.at < scan.end && strchr(" \t\r\n", *scan.at))
        scan.at++;
    return scan.at == scan.end;
}
