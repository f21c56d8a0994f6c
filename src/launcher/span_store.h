/* span_store.h - spans that wait, as copies of what is used of their records (some 700 bytes); a resource once for
 * all that have it. */
#ifndef RUN_TRACED_LAUNCHER_SPAN_STORE_H
#define RUN_TRACED_LAUNCHER_SPAN_STORE_H

#include "trace/resource.h"
#include "trace/span.h"

enum { SPAN_STORE_RESOURCE_BUCKETS = 256 };

/* What processes say of themselves, one for all spans that have the same. */
struct shared_resource {
    struct shared_resource *next; /* in the same bucket */
    uint64_t span_count;
    struct resource resource;
};

struct stored_span {
    struct stored_span *next; /* its owner's */
    struct shared_resource *resource;
    size_t len;   /* of what is used of the record */
    char bytes[]; /* that */
};

/* All zero: empty. */
struct span_store {
    struct shared_resource *resources[SPAN_STORE_RESOURCE_BUCKETS];
    size_t memory; /* bytes in use */
};

/* span_store_add - keeps a copy of @span, whose lengths hold. NULL: no memory, nothing has changed. */
struct stored_span *span_store_add(struct span_store *store, const struct span *span, const struct resource *resource);

/* span_store_remove - frees it. */
void span_store_remove(struct span_store *store, struct stored_span *kept);

/* stored_span_read - @out becomes what was kept: whole, whoever looks at it. */
void stored_span_read(const struct stored_span *kept, struct span *out);

#endif
