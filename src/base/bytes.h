/* bytes.h - looking for a byte where a call would cost more than the search. Hot path, signal-safe. */
#ifndef RUN_TRACED_BASE_BYTES_H
#define RUN_TRACED_BASE_BYTES_H

#include "base/compiler.h"

#include <stddef.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* bytes_find - the first @c in @at .. @end, or NULL. As memchr(3), inline: for lines and names of some ten
 * bytes it takes half the instructions. */
static ALWAYS_INLINE const char *bytes_find(const char *at, const char *end, char c)
{
#ifdef __SSE2__
    const __m128i wanted = _mm_set1_epi8(c);
    for (; end - at >= 16; at += 16) {
        __m128i piece = _mm_loadu_si128((const __m128i *)at);
        unsigned found = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(piece, wanted));
        if (found)
            return at + __builtin_ctz(found);
    }
#endif
    return at < end ? (const char *)memchr(at, c, (size_t)(end - at)) : NULL;
}

#endif
