#include "view/json_walk.h"

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static const char *blanks_skip(const char *at)
{
    while (*at && (unsigned char)*at <= ' ')
        at++;
    return at;
}

/* From an opening quote to the closing one, or the NUL. */
static const char *string_end(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return at;
}

/* From an opening bracket to behind its closing one, or to the NUL. */
static const char *nested_end(const char *at)
{
    size_t depth = 0;
    do {
        if (*at == '"')
            at = string_end(at);
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
    } while (*at && (at++, depth > 0));
    return at;
}

static enum json_type type_of(char first)
{
    switch (first) {
    case '"':
        return JSON_STRING;
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

static bool piece_take(struct json_walk *walk, struct json_piece *piece)
{
    const char *begin = blanks_skip(walk->at), *end;
    piece->type = type_of(*begin);
    if (piece->type == JSON_STRING) {
        end = string_end(begin++);
        walk->at = end + (*end == '"');
    } else {
        bool is_nested = piece->type == JSON_OBJECT || piece->type == JSON_ARRAY;
        end = is_nested ? nested_end(begin) : begin + strcspn(begin, ",]} \t\r\n");
        walk->at = end;
    }
    piece->text = begin;
    piece->len = (size_t)(end - begin);
    return piece->type == JSON_STRING || piece->len > 0;
}

struct json_walk json_walk_into(const char *text)
{
    while (*text && *text != '{' && *text != '[')
        text++; /* a byte order mark */
    return (struct json_walk){text + (*text != '\0')};
}

/* At the next item; false: the object or array is over. */
static bool item_find(struct json_walk *walk)
{
    walk->at = blanks_skip(walk->at);
    if (*walk->at == ',')
        walk->at = blanks_skip(walk->at + 1);
    return *walk->at && *walk->at != '}' && *walk->at != ']';
}

bool json_walk_element(struct json_walk *walk, struct json_piece *value)
{
    return item_find(walk) && piece_take(walk, value);
}

bool json_walk_member(struct json_walk *walk, struct json_piece *key, struct json_piece *value)
{
    if (!json_walk_element(walk, key) || key->type != JSON_STRING)
        return false;
    walk->at = blanks_skip(walk->at);
    if (*walk->at != ':')
        return false;
    walk->at++;
    return piece_take(walk, value);
}

bool json_piece_is(const struct json_piece *piece, const char *word)
{
    return strlen(word) == piece->len && memcmp(piece->text, word, piece->len) == 0;
}

static size_t utf8_put(uint32_t c, char *out)
{
    if (c == 0 || (c >= 0xd800 && c < 0xe000)) {
        memcpy(out, UTF8_REPLACEMENT, 3);
        return 3;
    }
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf0 << (4 - len)) | c);
    return len;
}

/* The four digits behind \u; false: there are none. */
static bool unit_parse(const char *at, const char *end, uint32_t *out)
{
    uint32_t unit = 0;
    if (end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = at[i] | 0x20;
        if (!(at[i] >= '0' && at[i] <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        unit = unit << 4 | (uint32_t)(at[i] <= '9' ? at[i] - '0' : c - 'a' + 10);
    }
    *out = unit;
    return true;
}

/* Behind \u. Six bytes or twelve become four at most. */
static const char *unit_decode(const char *at, const char *end, char **out)
{
    uint32_t c, low;
    if (!unit_parse(at, end, &c))
        return at;
    at += 4;
    bool is_pair = c >= 0xd800 && c < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
                   unit_parse(at + 2, end, &low) && low >= 0xdc00 && low < 0xe000;
    if (is_pair) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
    }
    *out += utf8_put(c, *out);
    return at;
}

size_t json_piece_decode(const struct json_piece *piece, char *out)
{
    static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
    const char *at = piece->text, *end = at + piece->len;
    char *to = out;
    while (at < end) {
        if (*at != '\\' || at + 1 == end) {
            *to++ = *at++;
            continue;
        }
        const char *letter = strchr(letters, at[1]);
        at += 2;
        if (at[-1] == 'u')
            at = unit_decode(at, end, &to);
        else
            *to++ = letter && *letter ? controls[letter - letters] : at[-1];
    }
    return (size_t)(to - out);
}
