/* utf8.h - UTF-8 by RFC 3629, where bytes may be anything. No allocation, signal-safe. */
#ifndef RUN_TRACED_BASE_UTF8_H
#define RUN_TRACED_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands for a byte that belongs to no valid sequence, U+FFFD. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* utf8_sequence_len - length of the valid sequence that @s begins with, 0 if it begins with none. @len: bytes, at least
 * one. */
size_t utf8_sequence_len(const uint8_t *s, size_t len);

/* utf8_repaired_len - how many bytes text_append_utf8() adds for these: @len where they are valid, more where not. */
size_t utf8_repaired_len(const char *bytes, size_t len);

/* utf8_is_valid - they need no repair. */
static inline bool utf8_is_valid(const char *bytes, size_t len)
{
    return utf8_repaired_len(bytes, len) == len;
}

#endif
