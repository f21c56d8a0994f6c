/* hex.h - bytes as hexadecimal digits, two each, lower case. Hot path, signal-safe. */
#ifndef RUN_TRACED_BASE_HEX_H
#define RUN_TRACED_BASE_HEX_H

#include "base/compiler.h"
#include "base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* hex_digit - the value of a lower-case digit, or -1. */
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* hex_decode - @byte_count bytes from twice as many digits. Returns 0, or -EINVAL if one is none; @out may
 * have been written to then. */
static inline int hex_decode(const char *hex, size_t byte_count, uint8_t *out)
{
    for (size_t i = 0; i < byte_count; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return -EINVAL;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

/* hex_encode - 2 * @len digits. */
static ALWAYS_INLINE void hex_encode(const uint8_t *bytes, size_t len, char *out)
{
#pragma GCC unroll 16
    for (size_t i = 0; i < len; i++)
        memcpy(out + 2 * i, HEX_PAIRS + 2 * bytes[i], 2);
}

/* hex_is_all_zero - as no id may be. */
static inline bool hex_is_all_zero(const uint8_t *bytes, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= bytes[i];
    return any == 0;
}

#endif
