#include "trace/attribute_block.h"

#include <string.h>

static bool add(struct attribute_block *block, int key, enum attribute_type type, const void *value, size_t len)
{
    struct attribute_header header = {.key = (uint8_t)key, .type = (uint8_t)type, .len = (uint16_t)len};
    size_t room = sizeof block->bytes - block->len;
    if (len > room || sizeof header > room - len)
        return false;
    memcpy(block->bytes + block->len, &header, sizeof header);
    memmove(block->bytes + block->len + sizeof header, value, len); /* it may be there already */
    block->len = (uint16_t)(block->len + sizeof header + len);
    return true;
}

bool attribute_block_add_string(struct attribute_block *block, enum attribute_key key, const char *value, size_t len)
{
    return add(block, (int)key, ATTRIBUTE_STRING, value, len);
}

bool attribute_block_add_text(struct attribute_block *block, enum attribute_key key, const struct text *text)
{
    return !text->overflowed && add(block, (int)key, ATTRIBUTE_STRING, text->bytes, text->len);
}

bool attribute_block_add_int(struct attribute_block *block, enum attribute_key key, int64_t value)
{
    return add(block, (int)key, ATTRIBUTE_INT, &value, sizeof value);
}

bool attribute_block_add_part(struct attribute_block *block, enum span_part part, const void *bytes, size_t len)
{
    return add(block, (int)part, ATTRIBUTE_BOOL, bytes, len);
}
