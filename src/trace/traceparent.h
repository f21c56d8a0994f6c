/* traceparent.h - the traceparent and tracestate headers, to the letter of the grammar.
 * W3C Trace Context level 2, sections 3.2 and 3.3. */
#ifndef RUN_TRACED_TRACE_TRACEPARENT_H
#define RUN_TRACED_TRACE_TRACEPARENT_H

#include "trace/context.h"

#include <stddef.h>

enum { TRACEPARENT_LEN = 55 };

/* Where the parent id stands in a version 00 value: 00-<32 hex>-<16 hex>-<2 hex>. */
enum { TRACEPARENT_PARENT_ID_AT = 36, TRACEPARENT_PARENT_ID_LEN = 16 };

/* traceparent_parse - decode one traceparent value.
 * @value: bytes, not NUL-terminated; white space around it is allowed.
 * Returns 0, or -EINVAL if malformed, version ff or an all-zero id; @out untouched then. A version
 * above 00 is read as 00 when the rest begins with '-'. Sets no tracestate. Hot path, signal-safe.
 * W3C Trace Context, "traceparent Header Field Values". */
int traceparent_parse(const char *value, size_t len, struct span_context *out);

/* traceparent_format - writes the 55 bytes of a version 00 value. Hot path, signal-safe. */
void traceparent_format(const struct span_context *context, char out[TRACEPARENT_LEN]);

/* tracestate_parse - check the value of one or several joined tracestate headers and keep it.
 * @value: bytes, not NUL-terminated. Empty members are left out. A list of more than TRACESTATE_LEN_MAX
 * bytes loses whole members: from its end, those of more than 128 characters first (section 3.3.1.5).
 * Returns 0, or -EINVAL if any member is malformed, a key comes twice or there are more than 32; @context then has no
 * tracestate. Hot path, signal-safe. W3C Trace Context, "tracestate Header Field Values". */
int tracestate_parse(const char *value, size_t len, struct span_context *context);

#endif
