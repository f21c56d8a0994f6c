/* redact.h - what may be secret does not leave the process. */
#ifndef RUN_TRACED_TRACE_REDACT_H
#define RUN_TRACED_TRACE_REDACT_H

#include "base/text.h"

/* redact_init - reads RUN_TRACED_URL_QUERY: "redact" (the default) or "keep". Library start-up. */
void redact_init(void);

/* redact_append_query - adds a query string (without '?'), each value replaced by REDACTED unless
 * queries are to be kept. A part without '=' is a value. Hot path, signal-safe.
 * OpenTelemetry semantic conventions, url.query. */
void redact_append_query(struct text *text, const char *query, size_t len);

/* redact_append_url - adds an absolute URL without userinfo and fragment, its query redacted.
 * OpenTelemetry semantic conventions, url.full. */
void redact_append_url(struct text *text, const char *url, size_t len);

#endif
