#include "base/text.h"

#include "base/compiler.h"
#include "base/utf8.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

const char HEX_PAIRS[] =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
    "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
    "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
    "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
    "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";


COLD void text_append_part(struct text *text, const char *bytes, size_t len)
{
    size_t room = text->capacity - text->len;
    memcpy(text->bytes + text->len, bytes, MIN(len, room));
    text->len = text->capacity;
    text->overflowed = true;
}

static const char DECIMAL_PAIRS[] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

void text_append_decimal(struct text *text, int64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    for (; rest >= 100; rest /= 100) {
        at -= 2;
        memcpy(digits + at, DECIMAL_PAIRS + 2 * (rest % 100), 2);
    }
    if (rest >= 10) {
        at -= 2;
        memcpy(digits + at, DECIMAL_PAIRS + 2 * rest, 2);
    } else {
        digits[--at] = (char)('0' + rest);
    }
    if (value < 0)
        text_append_char(text, '-');
    text_append(text, digits + at, sizeof digits - at);
}

void text_append_hex(struct text *text, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        text_append(text, HEX_PAIRS + 2 * bytes[i], 2);
}

void text_append_hex_number(struct text *text, uint64_t value)
{
    char digits[16];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value);
    text_append(text, "0x", 2);
    text_append(text, digits + at, sizeof digits - at);
}

static void append_json_special(struct text *text, uint8_t c)
{
    switch (c) {
    case '"':
        text_append(text, "\\\"", 2);
        return;
    case '\\':
        text_append(text, "\\\\", 2);
        return;
    case '\n':
        text_append(text, "\\n", 2);
        return;
    case '\r':
        text_append(text, "\\r", 2);
        return;
    case '\t':
        text_append(text, "\\t", 2);
        return;
    default:
        text_append(text, "\\u00", 4);
        text_append_hex(text, &c, 1);
    }
}

static const bool JSON_PLAIN[256] = {
    [' '] = 1, ['!'] = 1, ['#' ... '['] = 1, [']' ... '~'] = 1};

/* Where the bytes from @at that stand for themselves end. */
static size_t json_plain_end(const uint8_t *s, size_t at, size_t len)
{
#ifdef __SSE2__
    /* Signed: bytes from 0x80 up are less than any. */
    const __m128i low = _mm_set1_epi8(0x20), quote = _mm_set1_epi8('"'),
                  backslash = _mm_set1_epi8('\\'), del = _mm_set1_epi8(0x7f);
    for (; len - at >= 16; at += 16) {
        __m128i c = _mm_loadu_si128((const __m128i *)(s + at));
        __m128i special =
            _mm_or_si128(_mm_or_si128(_mm_cmplt_epi8(c, low), _mm_cmpeq_epi8(c, del)),
                         _mm_or_si128(_mm_cmpeq_epi8(c, quote), _mm_cmpeq_epi8(c, backslash)));
        unsigned found = (unsigned)_mm_movemask_epi8(special);
        if (found)
            return at + (size_t)__builtin_ctz(found);
    }
#endif
    while (at < len && JSON_PLAIN[s[at]])
        at++;
    return at;
}

void text_append_json(struct text *text, const char *bytes, size_t len)
{
    const uint8_t *s = (const uint8_t *)bytes;
    text_append_char(text, '"');
    for (size_t i = 0; i < len;) {
        size_t plain = json_plain_end(s, i, len);
        text_append(text, bytes + i, plain - i);
        i = plain;
        if (i == len)
            break;
        size_t sequence = utf8_sequence_len(s + i, len - i);
        if (sequence >= 2)
            text_append(text, bytes + i, sequence);
        else if (sequence == 1)
            append_json_special(text, s[i]);
        else
            text_append(text, UTF8_REPLACEMENT, sizeof UTF8_REPLACEMENT - 1);
        i += sequence ? sequence : 1;
    }
    text_append_char(text, '"');
}

void text_append_utf8(struct text *text, const char *bytes, size_t len)
{
    size_t begin = 0, at = 0;
    while (at < len) {
        size_t sequence = utf8_sequence_len((const uint8_t *)bytes + at, len - at);
        if (sequence) {
            at += sequence;
            continue;
        }
        text_append(text, bytes + begin, at - begin);
        text_append(text, UTF8_REPLACEMENT, sizeof UTF8_REPLACEMENT - 1);
        begin = ++at;
    }
    text_append(text, bytes + begin, len - begin);
}

bool text_is_name(const char *name, size_t len, const char *lower)
{
    for (size_t i = 0; i < len; i++) {
        char c = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 32) : name[i];
        if (c != lower[i] || !c)
            return false;
    }
    return lower[len] == '\0';
}

char *text_terminate(struct text *text)
{
    if (text->len == text->capacity) {
        text->len--;
        text->overflowed = true;
    }
    text->bytes[text->len] = '\0';
    return text->bytes;
}
