#include "base/percent.h"

#include <errno.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int percent_decode(const char *bytes, size_t len, struct text *text)
{
    struct text decoded = *text;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '%') {
            text_append_char(&decoded, bytes[i]);
            continue;
        }
        int high = len - i > 2 ? hex_digit(bytes[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(bytes[i + 2]) : -1;
        if (low < 0)
            return -EINVAL;
        text_append_char(&decoded, (char)(high << 4 | low));
        i += 2;
    }
    *text = decoded;
    return 0;
}
