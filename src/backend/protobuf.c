#include "backend/protobuf.h"

#include "base/utf8.h"

#include <endian.h>

void protobuf_append_long_varint(struct text *text, uint64_t value)
{
    char bytes[10];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[len++] = (char)(value | 0x80);
    bytes[len++] = (char)value;
    text_append(text, bytes, len);
}

void protobuf_append_fixed64(struct text *text, unsigned field, uint64_t value)
{
    char bytes[1 + sizeof value] = {PROTOBUF_TAG(field, PROTOBUF_FIXED64)};
    value = htole64(value);
    memcpy(bytes + 1, &value, sizeof value);
    text_append(text, bytes, sizeof bytes);
}

void protobuf_append_repaired(struct text *text, unsigned field, const char *bytes, size_t len, size_t repaired_len)
{
    if (LIKELY(repaired_len == len)) {
        protobuf_append_bytes(text, field, bytes, len);
        return;
    }
    text_append_char(text, PROTOBUF_TAG(field, PROTOBUF_LEN));
    protobuf_append_varint(text, repaired_len);
    text_append_utf8(text, bytes, len);
}

void protobuf_append_string(struct text *text, unsigned field, const char *bytes, size_t len)
{
    protobuf_append_repaired(text, field, bytes, len, utf8_repaired_len(bytes, len));
}

void protobuf_message_end(struct text *text, size_t begin)
{
    if (text->overflowed)
        return;
    size_t len = text->len - begin;
    char *at = text->bytes + begin - PROTOBUF_LEN_WIDTH;
    for (int i = 0; i < PROTOBUF_LEN_WIDTH - 1; i++, len >>= 7)
        at[i] = (char)(len | 0x80);
    at[PROTOBUF_LEN_WIDTH - 1] = (char)len;
}

size_t protobuf_message_len(const struct text *text, size_t begin)
{
    const uint8_t *at = (const uint8_t *)text->bytes + begin - PROTOBUF_LEN_WIDTH;
    size_t len = 0;
    for (int i = PROTOBUF_LEN_WIDTH - 1; i >= 0; i--)
        len = len << 7 | (at[i] & 0x7f);
    return len;
}
