/* attribute_block.h - attributes that are made once, for many spans. Hot path, signal-safe. */
#ifndef RUN_TRACED_TRACE_ATTRIBUTE_BLOCK_H
#define RUN_TRACED_TRACE_ATTRIBUTE_BLOCK_H

#include "trace/span.h"

/* attribute_block_add_string - whole, or not at all. Returns if there was room. */
bool attribute_block_add_string(struct attribute_block *block, enum attribute_key key, const char *value, size_t len);

/* attribute_block_add_int - the same for a number. */
bool attribute_block_add_int(struct attribute_block *block, enum attribute_key key, int64_t value);

/* attribute_block_add_part - the same for what only the collector reads. */
bool attribute_block_add_part(struct attribute_block *block, enum span_part part, const void *bytes, size_t len);

#endif
