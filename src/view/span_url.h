/* span_url.h - where a request went, from the attributes of its span. */
#ifndef RUN_TRACED_VIEW_SPAN_URL_H
#define RUN_TRACED_VIEW_SPAN_URL_H

#include "view/span_fields.h"
#include "view/string_pool.h"

/* span_url_path - url.path, else the path of url.full; without the query. NULL if there is none. */
const char *span_url_path(const struct span_fields *fields, struct string_pool *pool);

/* span_url_callee - host and port that a client spoke to, "[::1]:80" for IPv6: of server.address,
 * else network.peer.address, else url.full. NULL if none. */
const char *span_url_callee(const struct span_fields *fields, struct string_pool *pool);

#endif
