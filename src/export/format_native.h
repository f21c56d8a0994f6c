/* format_native.h - the native format: one JSON line a span. */
#ifndef RUN_TRACED_EXPORT_FORMAT_NATIVE_H
#define RUN_TRACED_EXPORT_FORMAT_NATIVE_H

#include "base/text.h"
#include "trace/resource.h"
#include "trace/span.h"

/* No line is longer: each byte of a record and a resource becomes at most the six of \u001f, and
 * what stands around them is less than 4 KiB. */
enum { NATIVE_LINE_LEN_MAX = 6 * (SPAN_RECORD_LEN + (int)sizeof(struct resource)) + 4096 };

/* native_format - adds @span as one line with its '\n'.
 * @span: any bytes whatever; nothing outside the record is read. It must not change meanwhile:
 * what lies in memory that another process can write is to be copied first.
 * Returns 0; -EINVAL where this is no span (an id is all zero, a kind or status unknown),
 * -ENOSPC where the line did not fit; @text is as before then. Hot path, signal-safe; about a
 * microsecond. */
int native_format(const struct span *span, const struct resource *resource, struct text *text);

#endif
