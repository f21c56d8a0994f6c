#include "backend/protobuf.h"

#include "base/utf8.h"

#include <endian.h>

void protobuf_append_long_varint(struct text *text, uint64_t value)
{
    char bytes[PROTOBUF_VARINT_LEN_MAX];
    text_append(text, bytes, (size_t)(protobuf_put_varint(bytes, value) - bytes));
}

void protobuf_append_fixed64(struct text *text, unsigned field, uint64_t value)
{
    char bytes[1 + sizeof value] = {PROTOBUF_TAG(field, PROTOBUF_FIXED64)};
    value = htole64(value);
    memcpy(bytes + 1, &value, sizeof value);
    text_append(text, bytes, sizeof bytes);
}

COLD char *protobuf_put_bad(char *at, const char *bytes, size_t len, size_t repaired_len)
{
    struct text room = text_on(at, repaired_len);
    text_append_utf8(&room, bytes, len);
    return at + repaired_len;
}

void protobuf_append_string(struct text *text, unsigned field, const char *bytes, size_t len)
{
    size_t repaired_len = utf8_repaired_len(bytes, len);
    char *at = protobuf_room(text, 1 + PROTOBUF_VARINT_LEN_MAX + repaired_len);
    if (UNLIKELY(!at))
        return;
    *at++ = PROTOBUF_TAG(field, PROTOBUF_LEN);
    at = protobuf_put_varint(at, repaired_len);
    protobuf_room_use(text, protobuf_put_repaired(at, bytes, len, repaired_len));
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
