/* text.h - text built into a caller's buffer: bounded, no allocation, no locale, signal-safe. */
#ifndef RUN_TRACED_BASE_TEXT_H
#define RUN_TRACED_BASE_TEXT_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* All bytes as two lower-case hex digits each. */
extern const char HEX_PAIRS[];

struct text {
    char *bytes;
    size_t len;      /* bytes written; never more than capacity */
    size_t capacity; /* bytes */
    bool overflowed; /* something did not fit: bytes[0..len) is a prefix of what was meant */
};

/* text_on - an empty text over @bytes. */
static inline struct text text_on(char *bytes, size_t capacity)
{
    return (struct text){.bytes = bytes, .capacity = capacity};
}

/* text_append_part - adds as much of @len bytes as there is room for: less than @len. */
void text_append_part(struct text *text, const char *bytes, size_t len);

/* text_append - adds @len bytes as they are. Inline, since most lengths are constants. */
static inline void text_append(struct text *text, const char *bytes, size_t len)
{
    if (UNLIKELY(len > text->capacity - text->len)) {
        text_append_part(text, bytes, len);
        return;
    }
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

/* text_append_string - adds a NUL-terminated string as it is. */
static inline void text_append_string(struct text *text, const char *string)
{
    text_append(text, string, strlen(string));
}

/* text_append_char - adds one byte. */
static inline void text_append_char(struct text *text, char c)
{
    text_append(text, &c, 1);
}

/* text_append_decimal - adds @value in decimal. */
void text_append_decimal(struct text *text, int64_t value);

/* text_append_hex - adds @len bytes as 2 * len lower-case hex digits. */
void text_append_hex(struct text *text, const uint8_t *bytes, size_t len);

/* text_append_hex_number - adds @value as 0x and lower-case hex digits without leading zeros. */
void text_append_hex_number(struct text *text, uint64_t value);

/* text_append_json - adds a JSON string with its quotes (RFC 8259 section 7). Bytes that are not
 * valid UTF-8 become U+FFFD, so that the line stays valid JSON whatever came over the wire. */
void text_append_json(struct text *text, const char *bytes, size_t len);

/* text_append_utf8 - adds @len bytes without quotes; bytes that are not valid UTF-8 (RFC 3629) become U+FFFD each, which is
 * three times as long at most. */
void text_append_utf8(struct text *text, const char *bytes, size_t len);

/* text_append_literal - adds a string literal; its length is known at compile time. */
#define text_append_literal(text, literal) text_append(text, "" literal, sizeof(literal) - 1)

/* text_is_blank - is it what may stand around a field's value (OWS, RFC 9110 section 5.6.3)? */
static inline bool text_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* text_trim - takes the blanks off both ends. */
static inline void text_trim(const char **bytes, size_t *len)
{
    while (*len && text_is_blank(**bytes)) {
        (*bytes)++;
        (*len)--;
    }
    while (*len && text_is_blank((*bytes)[*len - 1]))
        (*len)--;
}

/* text_is_name - @name compared without regard to the case of ASCII letters with @lower, in lower case and
 * NUL-terminated: a header's name, say. */
bool text_is_name(const char *name, size_t len, const char *lower);

/* text_terminate - writes the NUL (over the last byte if the text is full) and returns the bytes. */
char *text_terminate(struct text *text);

#endif
