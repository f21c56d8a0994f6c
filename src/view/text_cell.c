#include "view/text_cell.h"

#include "base/compiler.h"

#include <stdint.h>
#include <string.h>
#include <wchar.h>

/* Bytes of the valid UTF-8 sequence at a NUL-terminated @s (RFC 3629), or 0; its code point. */
static size_t utf8_decode(const unsigned char *s, uint32_t *code)
{
    if (s[0] < 0x80) {
        *code = s[0];
        return 1;
    }
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    size_t len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t value = s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) /* the NUL at the end too */
            return 0;
        value = value << 6 | (s[i] & 0x3f);
    }
    /* Overlong forms, surrogates, and what lies beyond Unicode. */
    if ((len == 3 && value < 0x800) || (len == 4 && value < 0x10000) || value > 0x10ffff ||
        (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return len;
}

/* Marks that are invisible or change the order in which text is read. */
static bool is_deceptive(uint32_t code)
{
    static const uint32_t ranges[][2] = {
        {0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x061c, 0x061c}, {0x115f, 0x1160},
        {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202f},
        {0x205f, 0x206f}, {0x3164, 0x3164}, {0xe000, 0xf8ff}, {0xfe00, 0xfe0f},
        {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xe0000, 0x10ffff},
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    return false;
}

const char *text_cell_next(const char *text, bool is_utf8, struct text_cell *cell)
{
    uint32_t code;
    size_t len = utf8_decode((const unsigned char *)text, &code);
    *cell = (struct text_cell){
        .bytes = is_utf8 ? "\xef\xbf\xbd" : "?", .len = is_utf8 ? 3 : 1, .columns = 1};
    if (len == 0)
        return text + 1;
    int columns = code < 0x80 ? (code >= 0x20 && code < 0x7f ? 1 : -1)
                              : (is_utf8 && !is_deceptive(code) ? wcwidth((wchar_t)code) : -1);
    if (columns >= 0)
        *cell = (struct text_cell){.bytes = text, .len = len, .columns = columns};
    return text + len;
}
