#include "launcher/span_store.h"

#include "export/run_stats.h"

#include <stdlib.h>
#include <string.h>

static struct shared_resource **resource_bucket(struct span_store *store, const struct resource *resource)
{
    uint64_t hash = run_stats_service_hash(resource->service_name, resource->service_name_len) ^
                    run_stats_service_hash(resource->attributes, resource->attributes_len);
    return &store->resources[(hash ^ hash >> 32) % SPAN_STORE_RESOURCE_BUCKETS];
}

static struct shared_resource *resource_share(struct span_store *store, const struct resource *resource)
{
    struct shared_resource **bucket = resource_bucket(store, resource), *shared = *bucket;
    while (shared && memcmp(&shared->resource, resource, sizeof *resource) != 0)
        shared = shared->next;
    if (shared)
        return shared;
    shared = malloc(sizeof *shared);
    if (!shared)
        return NULL;
    shared->span_count = 0;
    shared->next = *bucket;
    memcpy(&shared->resource, resource, sizeof *resource);
    *bucket = shared;
    store->memory += sizeof *shared;
    return shared;
}

static void resource_release(struct span_store *store, struct shared_resource *shared)
{
    struct shared_resource **link = resource_bucket(store, &shared->resource);
    if (shared->span_count)
        return;
    while (*link != shared)
        link = &(*link)->next;
    *link = shared->next;
    store->memory -= sizeof *shared;
    free(shared);
}

struct stored_span *span_store_add(struct span_store *store, const struct span *span, const struct resource *resource)
{
    size_t len = offsetof(struct span, bytes) + span->tracestate_len +
                 atomic_load_explicit(&span->attributes_len, memory_order_relaxed);
    struct shared_resource *shared = resource_share(store, resource);
    struct stored_span *kept = shared ? malloc(sizeof *kept + len) : NULL;
    if (!kept) {
        if (shared)
            resource_release(store, shared);
        return NULL;
    }
    *kept = (struct stored_span){.resource = shared, .len = len};
    memcpy(kept->bytes, span, len);
    shared->span_count++;
    store->memory += sizeof *kept + len;
    return kept;
}

void span_store_remove(struct span_store *store, struct stored_span *kept)
{
    kept->resource->span_count--;
    resource_release(store, kept->resource);
    store->memory -= sizeof *kept + kept->len;
    free(kept);
}

void stored_span_read(const struct stored_span *kept, struct span *out)
{
    memcpy(out, kept->bytes, kept->len);
}
