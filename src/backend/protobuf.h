/* protobuf.h - writing Protocol Buffers into a text: fields, and messages within messages.
 *
 * A message's length stands before it. Where it is not known in time, room is reserved: PROTOBUF_LEN_WIDTH bytes, a
 * varint with leading zeros in effect ("padded"), which every decoder reads. Protocol Buffers, "Encoding". */
#ifndef RUN_TRACED_BACKEND_PROTOBUF_H
#define RUN_TRACED_BACKEND_PROTOBUF_H

#include "base/text.h"

enum { PROTOBUF_VARINT = 0, PROTOBUF_FIXED64 = 1, PROTOBUF_LEN = 2, PROTOBUF_FIXED32 = 5 };

enum { PROTOBUF_VARINT_LEN_MAX = 10 };

/* Four times seven bits: more than any batch. */
enum { PROTOBUF_LEN_WIDTH = 4, PROTOBUF_LEN_MAX = (1 << 28) - 1 };

/* The tag of a field below 16 with its wire type: one byte. */
#define PROTOBUF_TAG(field, wire_type) ((char)((field) << 3 | (wire_type)))

/* protobuf_varint_len - bytes of @value as a varint: 1 to 10. */
static inline size_t protobuf_varint_len(uint64_t value)
{
    return ((size_t)(63 - __builtin_clzll(value | 1)) * 9 + 73) / 64;
}

/* protobuf_append_long_varint - any value; for the ones that need several bytes. */
void protobuf_append_long_varint(struct text *text, uint64_t value);

/* protobuf_append_varint - a varint without a tag. */
static inline void protobuf_append_varint(struct text *text, uint64_t value)
{
    if (value < 0x80)
        text_append_char(text, (char)value);
    else
        protobuf_append_long_varint(text, value);
}

/* protobuf_append_uint - a field of type uint32, uint64, int64, enum or bool. */
static inline void protobuf_append_uint(struct text *text, unsigned field, uint64_t value)
{
    text_append_char(text, PROTOBUF_TAG(field, PROTOBUF_VARINT));
    protobuf_append_varint(text, value);
}

/* protobuf_room - room for @len bytes at once, to be written to with protobuf_put_*; NULL, and the text has overflowed, where
 * there is less. */
static inline char *protobuf_room(struct text *text, size_t len)
{
    if (LIKELY(len <= text->capacity - text->len))
        return text->bytes + text->len;
    text->len = text->capacity;
    text->overflowed = true;
    return NULL;
}

/* protobuf_room_use - it was written up to @end. */
static inline void protobuf_room_use(struct text *text, const char *end)
{
    text->len = (size_t)(end - text->bytes);
}

/* protobuf_put_varint - writes @value at @at. Returns where it ends. */
static ALWAYS_INLINE char *protobuf_put_varint(char *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (char)(value | 0x80);
    *at++ = (char)value;
    return at;
}

/* protobuf_put_bad - the bytes of a string that is no UTF-8, with U+FFFD for what is none. */
char *protobuf_put_bad(char *at, const char *bytes, size_t len, size_t repaired_len);

/* protobuf_put_repaired - the bytes of a string, which must be UTF-8. @repaired_len: utf8_repaired_len() of it. */
static ALWAYS_INLINE char *protobuf_put_repaired(char *at, const char *bytes, size_t len, size_t repaired_len)
{
    if (UNLIKELY(repaired_len != len))
        return protobuf_put_bad(at, bytes, len, repaired_len);
    memcpy(at, bytes, len);
    return at + len;
}

/* protobuf_append_fixed64 - a field of type fixed64. */
void protobuf_append_fixed64(struct text *text, unsigned field, uint64_t value);

/* protobuf_append_bytes - a field of type bytes, or a string that is known to be UTF-8. */
static inline void protobuf_append_bytes(struct text *text, unsigned field, const void *bytes, size_t len)
{
    text_append_char(text, PROTOBUF_TAG(field, PROTOBUF_LEN));
    protobuf_append_varint(text, len);
    text_append(text, bytes, len);
}

/* protobuf_append_string - a field of type string, which must be UTF-8: bytes that are not become U+FFFD. */
void protobuf_append_string(struct text *text, unsigned field, const char *bytes, size_t len);

/* protobuf_message_begin - a field that is a message: what is added until protobuf_message_end() belongs to it. Returns
 * where it begins, for that. @field: below 16, as in all of these. */
static inline size_t protobuf_message_begin(struct text *text, unsigned field)
{
    const char head[1 + PROTOBUF_LEN_WIDTH] = {PROTOBUF_TAG(field, PROTOBUF_LEN)};
    text_append(text, head, sizeof head);
    return text->len;
}

/* protobuf_message_end - its length is known. May be said again when it has grown. Nothing happens to a text that
 * overflowed. */
void protobuf_message_end(struct text *text, size_t begin);

/* protobuf_message_len - the length that was noted for the message at @begin. */
size_t protobuf_message_len(const struct text *text, size_t begin);

#endif
