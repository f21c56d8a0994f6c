/* record_read.h - a native line turned back into the record that it was made from. */
#ifndef RUN_TRACED_BACKEND_RECORD_READ_H
#define RUN_TRACED_BACKEND_RECORD_READ_H

#include "trace/resource.h"
#include "trace/span.h"

#include <stdbool.h>

/* record_read - reads a line of @len bytes and a NUL. Of what this program writes, all comes back but nanoseconds and trace
 * flags, which lines do not have. Of lines by others, a record may not hold all: @is_whole says so, and attributes that are
 * missing are counted in the record. Returns 0, -EINVAL where it is no span that a record can hold, or -ENOMEM; @span and
 * @resource are unspecified then. */
int record_read(const char *line, size_t len, struct span *span, struct resource *resource, bool *is_whole);

#endif
