/* fastcgi_bytes.h - FastCGI records to be sent, put together piece by piece. FastCGI Specification 1.0. */
#ifndef RUN_TRACED_TESTS_FASTCGI_BYTES_H
#define RUN_TRACED_TESTS_FASTCGI_BYTES_H

#include "base/compiler.h"
#include "wire/fastcgi.h"

#include <criterion/criterion.h>
#include <string.h>

struct fastcgi_bytes {
    char bytes[1 << 16];
    size_t len;
};

static inline void fastcgi_add(struct fastcgi_bytes *to, const void *bytes, size_t len)
{
    cr_assert_leq(to->len + len, sizeof to->bytes);
    memcpy(to->bytes + to->len, bytes, len);
    to->len += len;
}

/* fastcgi_add_record - with @padding_len bytes of padding that look like a record. */
static inline void fastcgi_add_record(struct fastcgi_bytes *to, int type, int request_id, const void *content,
                                      size_t len, size_t padding_len)
{
    const unsigned char header[FASTCGI_HEADER_LEN] = {1, (unsigned char)type, (unsigned char)(request_id >> 8),
                                                      (unsigned char)request_id, (unsigned char)(len >> 8),
                                                      (unsigned char)len, (unsigned char)padding_len, 0};
    static const char padding[16] = {1, FASTCGI_END_REQUEST, 0, 1, 0, 8};
    fastcgi_add(to, header, sizeof header);
    fastcgi_add(to, content, len);
    fastcgi_add(to, padding, padding_len);
}

static inline void fastcgi_add_begin(struct fastcgi_bytes *to, int request_id)
{
    fastcgi_add_record(to, FASTCGI_BEGIN_REQUEST, request_id, "\0\1\1\0\0\0\0", 8, 0);
}

static inline void fastcgi_add_end(struct fastcgi_bytes *to, int request_id, int protocol_status)
{
    const char body[8] = {0, 0, 0, 0, (char)protocol_status};
    fastcgi_add_record(to, FASTCGI_END_REQUEST, request_id, body, sizeof body, 0);
}

static inline void fastcgi_add_length(struct fastcgi_bytes *to, size_t len)
{
    const unsigned char bytes[] = {(unsigned char)(len >> 24 | 0x80), (unsigned char)(len >> 16),
                                   (unsigned char)(len >> 8), (unsigned char)len};
    if (len > 127)
        fastcgi_add(to, bytes, sizeof bytes);
    else
        fastcgi_add(to, bytes + 3, 1);
}

/* fastcgi_add_pair - to the content of a PARAMS record. */
static inline void fastcgi_add_pair(struct fastcgi_bytes *content, const char *name, const char *value)
{
    fastcgi_add_length(content, strlen(name));
    fastcgi_add_length(content, strlen(value));
    fastcgi_add(content, name, strlen(name));
    fastcgi_add(content, value, strlen(value));
}

/* A request's parameters: name, value, name, ..., NULL. */
static inline void fastcgi_add_pairs(struct fastcgi_bytes *content, const char *const *pairs)
{
    for (; *pairs; pairs += 2)
        fastcgi_add_pair(content, pairs[0], pairs[1]);
}

/* fastcgi_add_stream - @content in records of @record_len bytes at most, and the empty one that ends the stream. */
static inline void fastcgi_add_stream(struct fastcgi_bytes *to, int type, int request_id, const char *content,
                                      size_t len, size_t record_len)
{
    for (size_t at = 0; at < len; at += record_len)
        fastcgi_add_record(to, type, request_id, content + at, MIN(record_len, len - at), at % 8);
    fastcgi_add_record(to, type, request_id, "", 0, 0);
}

#endif
