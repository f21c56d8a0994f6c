/* http_common.h - the attributes that the requests on one connection have in common: both ends, the
 * server's name, the user agent. They are made once, and copied from then on. All functions: with the
 * connection's lock held; hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_HTTP_COMMON_H
#define RUN_TRACED_WIRE_HTTP_COMMON_H

#include "wire/http_head.h"

struct http_common;

/* http_common_add - gives @span what was kept for requests with this head. Returns false if nothing was,
 * or for another head. @common may be NULL. */
bool http_common_add(const struct http_common *common, const struct http_head *head,
                     struct span *span);

/* http_common_keep - keeps what was added to @span since its attributes ended at @from
 * (span_attributes_end), for the next request with such a head. Makes *@common if it is NULL. */
void http_common_keep(struct http_common **common, const struct http_head *head,
                      const struct span *span, uint32_t from);

/* http_common_free - *@common may be NULL, and is so then. */
void http_common_free(struct http_common **common);

#endif
