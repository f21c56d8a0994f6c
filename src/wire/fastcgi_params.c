#include "wire/fastcgi_params.h"

#include "base/compiler.h"

#include <string.h>

enum { LENGTH_IS_LONG = 0x80, LENGTH_LONG_LEN = 4 };

enum state { STATE_NAME_LENGTH, STATE_VALUE_LENGTH, STATE_NAME, STATE_VALUE };

void fastcgi_params_init(struct fastcgi_params *params)
{
    memset(params, 0, offsetof(struct fastcgi_params, length));
}

bool fastcgi_params_is_between(const struct fastcgi_params *params)
{
    return params->state == STATE_NAME_LENGTH && params->had == 0;
}

static void state_enter(struct fastcgi_params *params, enum state state)
{
    params->state = (uint8_t)state;
    params->had = 0;
}

/* One byte, or four of which the first has its highest bit set. Returns true when all of it is there. */
static bool length_take(struct fastcgi_params *params, uint8_t byte, uint32_t *len)
{
    uint8_t *bytes = params->length;
    bytes[params->had++] = byte;
    if (!(bytes[0] & LENGTH_IS_LONG)) {
        *len = bytes[0];
        return true;
    }
    if (params->had < LENGTH_LONG_LEN)
        return false;
    *len = (uint32_t)(bytes[0] & ~LENGTH_IS_LONG) << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    return true;
}

/* Returns how many of @len bytes belong to a part of @part_len; as many as fit are in @room. */
static size_t part_take(struct fastcgi_params *params, uint32_t part_len, char *room, size_t capacity,
                        const char *bytes, size_t len)
{
    size_t part = MIN(len, (size_t)(part_len - params->had));
    if (params->had < capacity)
        memcpy(room + params->had, bytes, MIN(part, capacity - params->had));
    params->had += (uint32_t)part;
    return part;
}

static void pair_fill(const struct fastcgi_params *params, const char *value, struct fastcgi_pair *pair)
{
    pair->is_complete = true;
    pair->name = params->name;
    pair->name_len = params->name_len <= sizeof params->name ? params->name_len : 0;
    pair->value = value;
    pair->is_cut = value == params->value && params->value_len > sizeof params->value;
    pair->value_len = pair->is_cut ? sizeof params->value : params->value_len;
    pair->offset = params->offset;
}

/* Where the value lies: a header or padding may come in its middle. */
static void value_place_note(struct fastcgi_params *params, uint64_t offset, size_t part)
{
    if (params->had == 0)
        params->offset = offset;
    else if (offset != params->value_end)
        params->offset = FASTCGI_NO_OFFSET;
    params->value_end = offset + part;
}

static size_t value_take(struct fastcgi_params *params, const char *bytes, size_t len, uint64_t offset,
                         struct fastcgi_pair *pair)
{
    bool is_whole = params->had == 0 && len >= params->value_len;
    size_t part = MIN(len, (size_t)(params->value_len - params->had));
    if (part || is_whole)
        value_place_note(params, offset, part);
    if (is_whole)
        params->had = params->value_len;
    else
        part_take(params, params->value_len, params->value, sizeof params->value, bytes, part);
    if (params->had == params->value_len) {
        pair_fill(params, is_whole ? bytes : params->value, pair);
        state_enter(params, STATE_NAME_LENGTH);
    }
    return part;
}

static size_t step(struct fastcgi_params *params, const char *bytes, size_t len, uint64_t offset,
                   struct fastcgi_pair *pair)
{
    size_t taken;
    switch ((enum state)params->state) {
    case STATE_NAME_LENGTH:
        if (length_take(params, (uint8_t)*bytes, &params->name_len))
            state_enter(params, STATE_VALUE_LENGTH);
        return 1;
    case STATE_VALUE_LENGTH:
        if (length_take(params, (uint8_t)*bytes, &params->value_len))
            state_enter(params, params->name_len ? STATE_NAME : STATE_VALUE);
        return 1;
    case STATE_NAME:
        taken = part_take(params, params->name_len, params->name, sizeof params->name, bytes, len);
        if (params->had == params->name_len)
            state_enter(params, STATE_VALUE);
        return taken;
    default:
        return value_take(params, bytes, len, offset, pair);
    }
}

/* A pair without a value is complete without further input. */
static bool is_due(const struct fastcgi_params *params)
{
    return params->state == STATE_VALUE && params->value_len == 0;
}

size_t fastcgi_params_next(struct fastcgi_params *params, const char *bytes, size_t len, uint64_t offset,
                           struct fastcgi_pair *pair)
{
    size_t at = 0;
    *pair = (struct fastcgi_pair){.is_complete = false};
    while ((at < len || is_due(params)) && !pair->is_complete)
        at += step(params, bytes + at, len - at, offset + at, pair);
    return at;
}
