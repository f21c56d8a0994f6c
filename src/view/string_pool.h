/* string_pool.h - each distinct string kept once: a million spans have a handful of services. */
#ifndef RUN_TRACED_VIEW_STRING_POOL_H
#define RUN_TRACED_VIEW_STRING_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct string_pool_slot {
    const char *string; /* NULL: free */
    uint64_t hash;
};

/* All zero: an empty pool. */
struct string_pool {
    struct string_pool_slot *slots;
    size_t capacity; /* slots; a power of two */
    size_t count;    /* distinct strings */
    struct string_pool_chunk *chunks;
    size_t probe_count; /* slots looked at: what lookups have cost so far */
    bool is_out_of_memory;
};

/* string_pool_intern - the one copy of @len bytes without a NUL, NUL-terminated. Equal strings give
 * equal pointers. The copy lives as long as the pool. Without memory: "", and is_out_of_memory. */
const char *string_pool_intern(struct string_pool *pool, const char *bytes, size_t len);

/* string_pool_free - gives back all memory; every string of the pool is gone then. */
void string_pool_free(struct string_pool *pool);

/* string_hash - FNV-1a of a string: the same on every machine and in every run. */
uint64_t string_hash(const char *bytes, size_t len);

#endif
