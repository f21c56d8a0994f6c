#include "backend/json_object.h"

static void append_comma(struct text *text)
{
    if (text->len && text->bytes[text->len - 1] != '{')
        text_append_literal(text, ",");
}

void json_append_any_key(struct text *text, const char *key, size_t len)
{
    append_comma(text);
    text_append_json(text, key, len);
    text_append_literal(text, ":");
}

void json_append_key(struct text *text, const char *key)
{
    append_comma(text);
    text_append_literal(text, "\"");
    text_append_string(text, key);
    text_append_literal(text, "\":");
}

void json_append_string(struct text *text, const char *key, const char *value, size_t len)
{
    json_append_key(text, key);
    text_append_json(text, value, len);
}

void json_append_number(struct text *text, const char *key, int64_t value)
{
    json_append_key(text, key);
    text_append_decimal(text, value);
}

void json_append_true(struct text *text, const char *key)
{
    json_append_key(text, key);
    text_append_literal(text, "true");
}

void json_append_seconds(struct text *text, const char *key, uint64_t unix_nano)
{
    char digits[8];
    struct text micros = text_on(digits, sizeof digits);
    json_append_number(text, key, (int64_t)(unix_nano / NANOS_PER_SECOND));
    /* With a one before them, so that the zeros in front remain. */
    text_append_decimal(&micros, (int64_t)(1000000 + unix_nano % NANOS_PER_SECOND / NANOS_PER_MICRO));
    text_append_literal(text, ".");
    text_append(text, digits + 1, 6);
}
