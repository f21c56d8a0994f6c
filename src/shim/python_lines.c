#include "shim/python_lines.h"

/* Pairs: so many bytes on, so many lines on. */
static int line_by_lnotab(const unsigned char *table, size_t len, int line, size_t at)
{
    size_t address = 0;
    for (size_t i = 0; i + 1 < len; i += 2) {
        address += table[i];
        if (address > at)
            break;
        line += (signed char)table[i + 1];
    }
    return line;
}

/* Pairs: so many lines on, and that for so many bytes. */
static int line_by_linetable(const unsigned char *table, size_t len, int line, size_t at)
{
    enum { NO_LINE = -128 };
    size_t end = 0;
    for (size_t i = 0; i + 1 < len; i += 2) {
        int delta = (signed char)table[i + 1];
        end += table[i];
        if (delta != NO_LINE)
            line += delta;
        if (at < end)
            return delta == NO_LINE ? 0 : line;
    }
    return 0;
}

/* Six bits a byte, the lowest first; the sign is the lowest of all. */
static int signed_number(const unsigned char *at, const unsigned char *end)
{
    unsigned value = 0;
    for (unsigned shift = 0; at < end && shift < 30; at++, shift += 6) {
        value |= (*at & 63u) << shift;
        if (!(*at & 64))
            break;
    }
    return value & 1 ? -(int)(value >> 1) : (int)(value >> 1);
}

/* Entries, each of which begins with a byte that has the highest bit set: a code, and for how many units of two
 * bytes. */
static int line_by_locations(const unsigned char *table, size_t len, int line, size_t at)
{
    enum { ONE_LINE_0 = 10, ONE_LINE_2 = 12, NO_COLUMNS = 13, LONG = 14, NO_LOCATION = 15 };
    const unsigned char *entry = table, *end = table + len;
    size_t behind = 0;
    while (entry < end) {
        unsigned code = *entry >> 3 & 15;
        behind += ((*entry & 7u) + 1) * 2;
        if (code == NO_COLUMNS || code == LONG)
            line += signed_number(entry + 1, end);
        else if (code >= ONE_LINE_0 && code <= ONE_LINE_2)
            line += (int)(code - ONE_LINE_0);
        if (at < behind)
            return code == NO_LOCATION ? 0 : line;
        do
            entry++;
        while (entry < end && !(*entry & 128));
    }
    return 0;
}

int python_line(enum python_lines kind, const unsigned char *table, size_t len, int first_line, size_t at)
{
    switch (kind) {
    case PYTHON_LNOTAB:
        return line_by_lnotab(table, len, first_line, at);
    case PYTHON_LINETABLE:
        return line_by_linetable(table, len, first_line, at);
    default:
        return line_by_locations(table, len, first_line, at);
    }
}
