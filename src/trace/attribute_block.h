/* attribute_block.h - attributes that are made once, for many spans. Hot path, signal-safe. */
#ifndef RUN_TRACED_TRACE_ATTRIBUTE_BLOCK_H
#define RUN_TRACED_TRACE_ATTRIBUTE_BLOCK_H

#include "base/text.h"
#include "trace/span.h"

/* attribute_block_add_string - whole, or not at all. Returns if there was room. */
bool attribute_block_add_string(struct attribute_block *block, enum attribute_key key, const char *value, size_t len);

/* attribute_block_room - where the value of a string is to be written that is added next. */
static inline struct text attribute_block_room(struct attribute_block *block)
{
    size_t used = block->len + sizeof(struct attribute_header);
    return used < sizeof block->bytes ? text_on(block->bytes + used, sizeof block->bytes - used) : text_on(NULL, 0);
}

/* attribute_block_add_text - the string that was written there; whole, or not at all. */
bool attribute_block_add_text(struct attribute_block *block, enum attribute_key key, const struct text *text);

/* attribute_block_add_int - the same for a number. */
bool attribute_block_add_int(struct attribute_block *block, enum attribute_key key, int64_t value);

/* attribute_block_add_part - the same for what only the collector reads. */
bool attribute_block_add_part(struct attribute_block *block, enum span_part part, const void *bytes, size_t len);

#endif
