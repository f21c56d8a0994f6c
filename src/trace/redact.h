/* redact.h - what may be secret does not leave the process, nor does it come into a span's record, which another process
 * reads. */
#ifndef RUN_TRACED_TRACE_REDACT_H
#define RUN_TRACED_TRACE_REDACT_H

#include "trace/url.h"

/* What was set up. */
struct redact_choices {
    bool has_patterns; /* RUN_TRACED_REDACT */
    bool has_routes;   /* RUN_TRACED_URL_ROUTES */
};
extern struct redact_choices g_redact_choices;

/* redact_init - reads RUN_TRACED_URL_QUERY ("redact", the default, or "keep"), RUN_TRACED_URL_QUERY_KEEP (keys whose
 * values are recorded), RUN_TRACED_URL_ROUTES ("on": ids in paths become {id}) and RUN_TRACED_REDACT (patterns of the
 * user's own). Library start-up. */
void redact_init(void);

/* redact_append_query - adds a query string (without '?'), each value replaced by REDACTED but those that are to be kept.
 * Where they are, those of keys known to be secrets are replaced still, unless RUN_TRACED_URL_QUERY_KEEP has that very key,
 * and so are those with userinfo or such a key in them. A part without '=' is a value. Hot path, signal-safe. OpenTelemetry semantic
 * conventions, url.query: these keys SHOULD be redacted by default; an override is allowed. */
void redact_append_query(struct text *text, const char *query, size_t len);

/* redact_append_path - adds the path of a URL, without the userinfo of a URL within it; the values of parameters
 * (";jsessionid=…") are redacted as those of a query. Ids become {id}, if that is asked for. Hot path, signal-safe. */
void redact_append_path(struct text *text, const char *path, size_t len);

/* redact_append_url - adds a URL (trace/url.h) without userinfo and fragment, its path and query redacted. An
 * authority that may be a part of a password becomes REDACTED, and all behind it is left out. Hot path, signal-safe.
 * OpenTelemetry semantic conventions, url.full. */
void redact_append_url(struct text *text, const char *url, size_t len);

/* redact_append_host - adds the value of a Host field as host and port: nothing that is no part of these. */
void redact_append_host(struct text *text, const char *host, size_t len);

/* redact_plain_len - how much of a path redact_append_path would add as it is, for sure. */
static inline size_t redact_plain_len(const char *path, size_t len)
{
    return UNLIKELY(g_redact_choices.has_routes) ? 0 : url_plain_len(path, len);
}

/* redact_append_header - adds the value of a header field that was asked for: a credential becomes REDACTED, a URL is
 * redacted as one. @name: lower case, NUL-terminated. */
void redact_append_header(struct text *text, const char *name, const char *value, size_t len);

/* redact_append_member - adds the decoded value of a member of baggage. @is_named: its key was asked for by name; else what
 * is known to be a secret becomes REDACTED. */
void redact_append_member(struct text *text, const char *key, size_t key_len, bool is_named, const char *value, size_t len);

/* redact_append_by_patterns - adds @bytes with REDACTED in place of what RUN_TRACED_REDACT matches. To be asked only where
 * g_redact_choices.has_patterns. Signal-safe. */
void redact_append_by_patterns(struct text *text, const char *bytes, size_t len);

/* redact_matches - RUN_TRACED_REDACT matches something of it. */
bool redact_matches(const char *bytes, size_t len);

#endif
