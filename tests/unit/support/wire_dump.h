/* wire_dump.h - strict readers of MessagePack and of Thrift's binary protocol: what they read is shown as JSON, a Thrift
 * field by its number. False for what is malformed or holds text that is not valid UTF-8. */
#ifndef RUN_TRACED_TESTS_WIRE_DUMP_H
#define RUN_TRACED_TESTS_WIRE_DUMP_H

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct wire {
    const uint8_t *at, *end;
    struct text *out;
};

static bool wire_number(struct wire *wire, size_t len, uint64_t *out)
{
    if ((size_t)(wire->end - wire->at) < len)
        return false;
    for (*out = 0; len > 0; len--)
        *out = *out << 8 | *wire->at++;
    return true;
}

/* What would become U+FFFD grows. */
static bool wire_string(struct wire *wire, uint64_t len)
{
    if (len > (size_t)(wire->end - wire->at) || len > 1 << 20)
        return false;
    char *clean = malloc(3 * len + 1);
    struct text text = text_on(clean, 3 * len);
    text_append_utf8(&text, (const char *)wire->at, len);
    bool is_valid = text.len == len && memcmp(clean, wire->at, len) == 0;
    text_append_json(wire->out, (const char *)wire->at, len);
    free(clean);
    wire->at += len;
    return is_valid;
}

static void wire_print(struct wire *wire, const char *format, double real, uint64_t number)
{
    char digits[40];
    if (format)
        snprintf(digits, sizeof digits, format, real);
    else
        snprintf(digits, sizeof digits, "%" PRIu64, number);
    text_append_string(wire->out, digits);
}

static bool msgpack_dump(struct wire *wire, int depth);

static bool msgpack_many_dump(struct wire *wire, uint64_t count, bool is_map, int depth)
{
    text_append_string(wire->out, is_map ? "{" : "[");
    for (uint64_t i = 0; i < count; i++) {
        if (i)
            text_append_string(wire->out, ",");
        if (is_map && (wire->at == wire->end || (*wire->at >> 5 != 5 && (*wire->at < 0xd9 || *wire->at > 0xdb)) ||
                       !msgpack_dump(wire, depth + 1)))
            return false; /* keys are strings */
        if (is_map)
            text_append_string(wire->out, ":");
        if (!msgpack_dump(wire, depth + 1))
            return false;
    }
    text_append_string(wire->out, is_map ? "}" : "]");
    return true;
}

static bool msgpack_double_dump(struct wire *wire)
{
    uint64_t bits;
    double real;
    if (!wire_number(wire, sizeof bits, &bits))
        return false;
    memcpy(&real, &bits, sizeof real);
    wire_print(wire, "%.17g", real, 0);
    return true;
}

/* What our formats need of MessagePack's specification, section "Formats". */
static bool msgpack_dump(struct wire *wire, int depth)
{
    uint64_t lead, number = 0;
    if (depth > 8 || !wire_number(wire, 1, &lead))
        return false;
    if (lead < 0x80) {
        wire_print(wire, NULL, 0, lead);
        return true;
    }
    if (lead < 0xa0)
        return msgpack_many_dump(wire, lead & 15, lead < 0x90, depth);
    if (lead < 0xc0)
        return wire_string(wire, lead & 31);
    if (lead == 0xcb)
        return msgpack_double_dump(wire);
    if (lead >= 0xcc && lead <= 0xcf) {
        bool is_whole = wire_number(wire, (size_t)1 << (lead - 0xcc), &number);
        wire_print(wire, NULL, 0, number);
        return is_whole;
    }
    if (lead >= 0xd9 && lead <= 0xdb)
        return wire_number(wire, (size_t)1 << (lead - 0xd9), &number) && wire_string(wire, number);
    if (lead >= 0xdc && lead <= 0xdf)
        return wire_number(wire, lead & 1 ? 4 : 2, &number) && msgpack_many_dump(wire, number, lead >= 0xde, depth);
    return false;
}

static bool thrift_dump(struct wire *wire, uint64_t type, int depth);

static bool thrift_struct_dump(struct wire *wire, int depth)
{
    uint64_t type, id;
    const char *separator = "{";
    while (wire_number(wire, 1, &type)) {
        if (type == 0) {
            text_append_string(wire->out, *separator == '{' ? "{}" : "}");
            return true;
        }
        if (!wire_number(wire, 2, &id))
            return false;
        text_append_string(wire->out, separator);
        wire_print(wire, NULL, 0, id);
        text_append_string(wire->out, ":");
        separator = ",";
        if (!thrift_dump(wire, type, depth + 1))
            return false;
    }
    return false;
}

static bool thrift_list_dump(struct wire *wire, int depth)
{
    uint64_t type, count;
    if (!wire_number(wire, 1, &type) || !wire_number(wire, 4, &count))
        return false;
    text_append_string(wire->out, "[");
    for (uint64_t i = 0; i < count; i++) {
        if (i)
            text_append_string(wire->out, ",");
        if (!thrift_dump(wire, type, depth + 1))
            return false;
    }
    text_append_string(wire->out, "]");
    return true;
}

static bool thrift_dump(struct wire *wire, uint64_t type, int depth)
{
    uint64_t number = 0;
    if (depth > 8)
        return false;
    switch (type) {
    case 2:
    case 8:
    case 10:
        if (!wire_number(wire, type == 2 ? 1 : type == 8 ? 4 : 8, &number))
            return false;
        wire_print(wire, NULL, 0, number);
        return true;
    case 11:
        return wire_number(wire, 4, &number) && wire_string(wire, number);
    case 12:
        return thrift_struct_dump(wire, depth);
    case 15:
        return thrift_list_dump(wire, depth);
    default:
        return false;
    }
}

/* One value that takes up all of the message. */
static inline bool msgpack_dump_all(const struct text *message, struct text *out)
{
    const uint8_t *bytes = (const uint8_t *)message->bytes;
    struct wire wire = {bytes, bytes + message->len, out};
    return msgpack_dump(&wire, 0) && wire.at == wire.end;
}

static inline bool thrift_dump_all(const struct text *message, struct text *out)
{
    const uint8_t *bytes = (const uint8_t *)message->bytes;
    struct wire wire = {bytes, bytes + message->len, out};
    return thrift_struct_dump(&wire, 0) && wire.at == wire.end;
}

#endif
