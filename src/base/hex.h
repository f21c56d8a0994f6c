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

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

#ifdef __SSE2__
/* 16 digits of 8 bytes. */
static ALWAYS_INLINE void hex_encode_8(const uint8_t *bytes, char *out)
{
    const __m128i low = _mm_set1_epi8(0x0f);
    __m128i in = _mm_loadl_epi64((const __m128i *)bytes);
    __m128i digits = _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(in, 4), low), _mm_and_si128(in, low));
    __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(digits, _mm_set1_epi8(9)), _mm_set1_epi8('a' - '0' - 10));
    digits = _mm_add_epi8(_mm_add_epi8(digits, _mm_set1_epi8('0')), letters);
    _mm_storeu_si128((__m128i *)out, digits);
}
#endif

/* hex_encode - 2 * @len digits. */
static ALWAYS_INLINE void hex_encode(const uint8_t *bytes, size_t len, char *out)
{
    size_t i = 0;
#ifdef __SSE2__
    for (; len - i >= 8; i += 8)
        hex_encode_8(bytes + i, out + 2 * i);
#endif
    for (; i < len; i++)
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
