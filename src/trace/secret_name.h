/* secret_name.h - names whose values are nobody's business: of header fields, of keys in a query, of baggage. */
#ifndef RUN_TRACED_TRACE_SECRET_NAME_H
#define RUN_TRACED_TRACE_SECRET_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* secret_name_is_key - a query's key (or a member's of baggage) whose value is known to be a secret: what the semantic
 * conventions list for url.query (AWSAccessKeyId, Signature, sig, X-Goog-Signature), X-Amz-Credential and its kin, and
 * what has token, secret, passw, api key, ... in it. In any case; '-', '_', '.' and percent-encoding do not count.
 * Hot path, signal-safe. */
bool secret_name_is_key(const char *name, size_t len);

/* secret_name_is_header - the same of a header field: also what has auth, cookie or session in it.
 * @name: lower case, NUL-terminated. */
bool secret_name_is_header(const char *name);

/* secret_name_is_credential - a header's value that says by itself that it is one: Bearer, Basic, ... or a JSON web
 * token. */
bool secret_name_is_credential(const char *value, size_t len);

#endif
