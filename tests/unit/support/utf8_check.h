/* utf8_check.h - UTF-8 by the book, apart from the code that is tested. */
#ifndef RUN_TRACED_TESTS_UTF8_CHECK_H
#define RUN_TRACED_TESTS_UTF8_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* utf8_len - RFC 3629: the length of the sequence at @s, 0 if it is none. */
static inline size_t utf8_len(const uint8_t *s, size_t len)
{
    uint32_t c = s[0];
    size_t need = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
    static const uint32_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07}, smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!need || need > len)
        return 0;
    c &= masks[need];
    for (size_t i = 1; i < need; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    return c < smallest[need] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : need;
}

/* utf8_is_all - all of it is. */
static inline bool utf8_is_all(const void *bytes, size_t len)
{
    for (size_t i = 0, sequence; i < len; i += sequence)
        if (!(sequence = utf8_len((const uint8_t *)bytes + i, len - i)))
            return false;
    return true;
}

#endif
