/* percent.h - percent-encoding (RFC 3986, section 2.1). */
#ifndef RUN_TRACED_BASE_PERCENT_H
#define RUN_TRACED_BASE_PERCENT_H

#include "base/text.h"

/* percent_decode - adds @bytes with each %XX replaced by the byte XX.
 * Returns 0, or -EINVAL where a '%' is not followed by two hex digits; @text is as before then.
 * What does not fit marks @text as overflowed. Signal-safe. */
int percent_decode(const char *bytes, size_t len, struct text *text);

#endif
