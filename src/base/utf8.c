#include "base/utf8.h"

#include "base/compiler.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

size_t utf8_sequence_len(const uint8_t *s, size_t len)
{
    uint8_t lead = s[0];
    if (lead < 0x80)
        return 1;
    size_t need = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) == 0xe0 ? 3 : 4;
    if (lead < 0xc2 || lead > 0xf4 || need > len)
        return 0;
    for (size_t i = 1; i < need; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    /* Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte. */
    if ((lead == 0xe0 && s[1] < 0xa0) || (lead == 0xed && s[1] > 0x9f) ||
        (lead == 0xf0 && s[1] < 0x90) || (lead == 0xf4 && s[1] > 0x8f))
        return 0;
    return need;
}

static uint64_t word_at(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* All below 0x80, as nearly all strings are. Of a length that is no multiple the last piece is looked at again in part. */
static bool is_ascii(const char *bytes, size_t len)
{
    static const uint64_t high = 0x8080808080808080;
    uint64_t found = 0;
    if (len < sizeof high) {
        for (size_t i = 0; i < len; i++)
            found |= (uint8_t)bytes[i];
        return !(found & 0x80);
    }
    size_t at = 0;
#ifdef __SSE2__
    for (; len - at >= 16; at += 16)
        found |= (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(bytes + at)));
    if (found)
        return false;
#endif
    for (; len - at >= sizeof high; at += sizeof high)
        found |= word_at(bytes + at);
    return !((found | word_at(bytes + len - sizeof high)) & high);
}

static COLD size_t repaired_len(const uint8_t *s, size_t len)
{
    size_t repaired = 0;
    for (size_t i = 0; i < len;) {
        size_t sequence = utf8_sequence_len(s + i, len - i);
        repaired += sequence ? sequence : sizeof UTF8_REPLACEMENT - 1;
        i += sequence ? sequence : 1;
    }
    return repaired;
}

size_t utf8_repaired_len(const char *bytes, size_t len)
{
    return LIKELY(is_ascii(bytes, len)) ? len : repaired_len((const uint8_t *)bytes, len);
}
