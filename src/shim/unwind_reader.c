#include "shim/unwind_reader.h"

#include <string.h>

/* DW_EH_PE_*: how a pointer is written, and what it is relative to. */
enum {
    FORMAT = 0x0f, FORMAT_ABSOLUTE = 0x00, FORMAT_UDATA2 = 0x02, FORMAT_UDATA4 = 0x03, FORMAT_UDATA8 = 0x04,
    FORMAT_SDATA2 = 0x0a, FORMAT_SDATA4 = 0x0b, FORMAT_SDATA8 = 0x0c,
    RELATIVE = 0x70, RELATIVE_TO_NOTHING = 0x00, RELATIVE_TO_ITSELF = 0x10, INDIRECT = 0x80,
};

uint64_t unwind_read_number(struct unwind_reader *reader, size_t len)
{
    uint64_t number = 0;
    reader->is_bad |= len > (size_t)(reader->end - reader->at);
    if (reader->is_bad)
        return 0;
    memcpy(&number, reader->at, len); /* little-endian, as all machines that we know */
    reader->at += len;
    return number;
}

static uint64_t leb_read(struct unwind_reader *reader, unsigned *bits, bool *is_negative)
{
    uint64_t number = 0, byte;
    *bits = 0;
    do {
        byte = unwind_read_number(reader, 1);
        if (*bits < 64)
            number |= (byte & 0x7f) << *bits;
        *bits += 7;
    } while (byte & 0x80);
    *is_negative = byte & 0x40;
    return number;
}

uint64_t unwind_read_uleb(struct unwind_reader *reader)
{
    unsigned bits;
    bool is_negative;
    return leb_read(reader, &bits, &is_negative);
}

int64_t unwind_read_sleb(struct unwind_reader *reader)
{
    unsigned bits;
    bool is_negative;
    uint64_t number = leb_read(reader, &bits, &is_negative);
    if (is_negative && bits < 64)
        number |= ~0ULL << bits;
    return (int64_t)number;
}

struct unwind_reader unwind_read_part(struct unwind_reader *reader, uint64_t len)
{
    reader->is_bad |= len > (size_t)(reader->end - reader->at);
    struct unwind_reader part = {.at = reader->at, .end = reader->at, .is_bad = reader->is_bad};
    if (!reader->is_bad)
        part.end = reader->at += len;
    return part;
}

const char *unwind_read_string(struct unwind_reader *reader)
{
    const uint8_t *begin = reader->at, *nul = memchr(begin, '\0', (size_t)(reader->end - begin));
    if (!nul || reader->is_bad) {
        reader->is_bad = true;
        return "";
    }
    reader->at = nul + 1;
    return (const char *)begin;
}

/* 0: no such format. */
static size_t format_len(uint8_t encoding)
{
    switch (encoding & FORMAT) {
    case FORMAT_UDATA2: case FORMAT_SDATA2:
        return 2;
    case FORMAT_UDATA4: case FORMAT_SDATA4:
        return 4;
    case FORMAT_ABSOLUTE: case FORMAT_UDATA8: case FORMAT_SDATA8:
        return 8;
    default:
        return 0;
    }
}

uintptr_t unwind_read_pointer(struct unwind_reader *reader, uint8_t encoding)
{
    uintptr_t here = (uintptr_t)reader->at;
    size_t len = format_len(encoding);
    uint64_t number = unwind_read_number(reader, len);
    if (!len || encoding & INDIRECT)
        reader->is_bad = true;
    if ((encoding & FORMAT) == FORMAT_SDATA4)
        number = (uint64_t)(int64_t)(int32_t)number;
    if ((encoding & FORMAT) == FORMAT_SDATA2)
        number = (uint64_t)(int64_t)(int16_t)number;
    if ((encoding & RELATIVE) == RELATIVE_TO_ITSELF)
        return here + number;
    reader->is_bad |= (encoding & RELATIVE) != RELATIVE_TO_NOTHING;
    return number;
}

void unwind_skip_pointer(struct unwind_reader *reader, uint8_t encoding)
{
    size_t len = format_len(encoding);
    reader->is_bad |= len == 0;
    unwind_read_number(reader, len);
}

/* .eh_frame_hdr, as all linkers write it: relative to itself, 4 bytes each, sorted. */
struct header {
    uint8_t version, frames_encoding, count_encoding, table_encoding;
    int32_t frames;
    uint32_t count;
    struct {
        int32_t begin, entry;
    } table[];
};

bool unwind_entry_find(const struct module *module, uintptr_t pc, struct unwind_reader *out)
{
    enum { PCREL_SDATA4 = 0x1b, UDATA4 = 0x03, DATAREL_SDATA4 = 0x3b };
    const struct header *header = module->eh_frame;
    const char *start = (const char *)header;
    if (!start || start < module->start || start >= module->end || (size_t)(module->end - start) < sizeof *header ||
        header->version != 1 || header->frames_encoding != PCREL_SDATA4 || header->count_encoding != UDATA4 ||
        header->table_encoding != DATAREL_SDATA4 ||
        header->count > ((size_t)(module->end - start) - sizeof *header) / sizeof header->table[0])
        return false;
    intptr_t wanted = (intptr_t)(pc - (uintptr_t)start);
    size_t low = 0, high = header->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (header->table[middle].begin <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    const char *entry = start + header->table[low - 1].entry;
    if (entry < module->start || entry >= module->end)
        return false;
    struct unwind_reader rest = {.at = (const uint8_t *)entry, .end = (const uint8_t *)module->end};
    *out = unwind_read_part(&rest, unwind_read_number(&rest, 4));
    return !rest.is_bad;
}
