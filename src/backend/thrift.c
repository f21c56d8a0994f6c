#include "backend/thrift.h"

static void append_big_endian(struct text *text, uint64_t value, size_t len)
{
    char bytes[sizeof value];
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(value >> (8 * (len - 1 - i)));
    text_append(text, bytes, len);
}

static void patch_u32(struct text *text, size_t at, uint32_t value)
{
    if (text->overflowed)
        return; /* what is to be patched may not be there */
    struct text place = text_on(text->bytes + at, sizeof value);
    append_big_endian(&place, value, sizeof value);
}

void thrift_append_field(struct text *text, enum thrift_type type, uint16_t id)
{
    text_append_char(text, (char)type);
    append_big_endian(text, id, sizeof id);
}

void thrift_append_i32(struct text *text, uint16_t id, int32_t value)
{
    thrift_append_field(text, THRIFT_I32, id);
    append_big_endian(text, (uint32_t)value, sizeof value);
}

void thrift_append_i64(struct text *text, uint16_t id, int64_t value)
{
    thrift_append_field(text, THRIFT_I64, id);
    append_big_endian(text, (uint64_t)value, sizeof value);
}

void thrift_append_stop(struct text *text)
{
    text_append_char(text, THRIFT_STOP);
}

size_t thrift_string_begin(struct text *text, uint16_t id)
{
    thrift_append_field(text, THRIFT_STRING, id);
    size_t at = text->len;
    append_big_endian(text, 0, sizeof(uint32_t));
    return at;
}

void thrift_string_end(struct text *text, size_t at)
{
    patch_u32(text, at, (uint32_t)(text->len - at - sizeof(uint32_t)));
}

void thrift_append_utf8(struct text *text, uint16_t id, const char *bytes, size_t len)
{
    size_t at = thrift_string_begin(text, id);
    text_append_utf8(text, bytes, len);
    thrift_string_end(text, at);
}

struct thrift_list thrift_list_begin(struct text *text, uint16_t id)
{
    thrift_append_field(text, THRIFT_LIST, id);
    text_append_char(text, THRIFT_STRUCT);
    struct thrift_list list = {.count_at = text->len};
    append_big_endian(text, 0, sizeof list.count);
    return list;
}

void thrift_list_end(struct text *text, const struct thrift_list *list)
{
    patch_u32(text, list->count_at, list->count);
}
