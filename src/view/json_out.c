#include "view/json_out.h"

#include "base/text.h"

#include <string.h>

enum { PART_LEN = 512, ESCAPED_MAX = 6 };

/* How much of a long string to write at once: not up to within a UTF-8 sequence. */
static size_t part_len(const char *bytes, size_t len)
{
    if (len <= PART_LEN)
        return len;
    size_t part = PART_LEN;
    while (part > PART_LEN - 4 && ((unsigned char)bytes[part] & 0xc0) == 0x80)
        part--;
    return part;
}

static void string_put(struct json_out *json, const char *value)
{
    char room[ESCAPED_MAX * PART_LEN + 2];
    size_t len = strlen(value);
    putc('"', json->out);
    while (len) {
        size_t part = part_len(value, len);
        struct text text = text_on(room, sizeof room);
        text_append_json(&text, value, part);
        fwrite(text.bytes + 1, 1, text.len - 2, json->out);
        value += part;
        len -= part;
    }
    putc('"', json->out);
}

static void value_begin(struct json_out *json, const char *key)
{
    if (json->has_value)
        putc(',', json->out);
    json->has_value = true;
    if (!key)
        return;
    string_put(json, key);
    putc(':', json->out);
}

void json_open(struct json_out *json, const char *key, char bracket)
{
    value_begin(json, key);
    putc(bracket, json->out);
    json->has_value = false;
}

void json_close(struct json_out *json, char bracket)
{
    putc(bracket, json->out);
    json->has_value = true;
}

void json_string(struct json_out *json, const char *key, const char *value)
{
    if (!value)
        return;
    value_begin(json, key);
    string_put(json, value);
}

static void text_put(struct json_out *json, const struct text *text)
{
    fwrite(text->bytes, 1, text->len, json->out);
}

void json_number(struct json_out *json, const char *key, int64_t value)
{
    char room[32];
    struct text text = text_on(room, sizeof room);
    value_begin(json, key);
    text_append_decimal(&text, value);
    text_put(json, &text);
}

void json_share(struct json_out *json, const char *key, double value)
{
    value_begin(json, key);
    fprintf(json->out, "%.6g", value);
}

void json_id(struct json_out *json, const char *key, const uint8_t *id, size_t len)
{
    char room[PART_LEN];
    struct text text = text_on(room, sizeof room);
    value_begin(json, key);
    text_append_char(&text, '"');
    text_append_hex(&text, id, len);
    text_append_char(&text, '"');
    text_put(json, &text);
}

void json_newline(struct json_out *json)
{
    putc('\n', json->out);
    json->has_value = false;
}
