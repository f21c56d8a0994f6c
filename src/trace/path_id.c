#include "trace/path_id.h"

#include <string.h>

enum {
    UUID_LEN = 36,
    ULID_LEN = 26,
    HEX_LEN_MIN = 16,
    TOKEN_LEN_MIN = 20,
    PLAIN_TOKEN_LEN_MIN = 24,
    PLAIN_TOKEN_DIGITS_MIN = 4,
    EXTENSION_LEN_MAX = 5,
};

/* How many bytes of each kind there are. */
struct census {
    size_t digits, hex_letters, capitals, smalls, hyphens, marks, others;
};

static struct census census_take(const char *bytes, size_t len)
{
    struct census census = {0};
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        bool is_capital = c >= 'A' && c <= 'Z', is_small = c >= 'a' && c <= 'z';
        census.digits += c >= '0' && c <= '9';
        census.hex_letters += (is_capital || is_small) && (c | 32) <= 'f';
        census.capitals += is_capital;
        census.smalls += is_small;
        census.hyphens += c == '-';
        census.marks += c == '_' || c == '.' || c == '~' || c == '=';
    }
    census.others = len - census.digits - census.capitals - census.smalls - census.hyphens - census.marks;
    return census;
}

static bool is_uuid(const char *bytes, size_t len, const struct census *census)
{
    return len == UUID_LEN && census->digits + census->hex_letters == 32 && bytes[8] == '-' && bytes[13] == '-' &&
           bytes[18] == '-' && bytes[23] == '-';
}

/* Crockford's base 32, 128 bits: the first one is at most 7. */
static bool is_ulid(const char *bytes, size_t len, const struct census *census)
{
    if (len != ULID_LEN || bytes[0] > '7' || census->digits < 2 || census->digits + census->capitals + census->smalls != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (memchr("iIlLoOuU", bytes[i], 8))
            return false;
    return true;
}

static bool is_token(size_t len, const struct census *census)
{
    if (census->others || !census->digits || census->digits + census->capitals + census->smalls == 0)
        return false;
    if (len >= TOKEN_LEN_MIN && census->capitals && census->smalls)
        return true;
    return len >= PLAIN_TOKEN_LEN_MIN && census->digits >= PLAIN_TOKEN_DIGITS_MIN && !census->hyphens;
}

static bool is_id(const char *bytes, size_t len)
{
    struct census census = census_take(bytes, len);
    if (len && census.digits == len)
        return true;
    return (len >= HEX_LEN_MIN && census.digits + census.hex_letters == len) || is_uuid(bytes, len, &census) ||
           is_ulid(bytes, len, &census) || is_token(len, &census);
}

bool path_id_is_token(const char *bytes, size_t len)
{
    struct census census = census_take(bytes, len);
    return is_token(len, &census) || (len >= HEX_LEN_MIN && census.digits + census.hex_letters == len);
}

size_t path_id_len(const char *segment, size_t len)
{
    const char *dot = len ? memrchr(segment, '.', len) : NULL;
    size_t stem = dot ? (size_t)(dot - segment) : 0, extension = dot ? len - stem - 1 : 0;
    bool has_extension = extension && extension <= EXTENSION_LEN_MAX && (dot[1] | 32) >= 'a' && (dot[1] | 32) <= 'z';
    if (has_extension && is_id(segment, stem))
        return stem;
    return is_id(segment, len) ? len : 0;
}
