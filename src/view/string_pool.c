#include "view/string_pool.h"

#include "base/compiler.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 64, CHUNK_LEN = 16384 };

struct string_pool_chunk {
    struct string_pool_chunk *next;
    size_t used; /* bytes */
    size_t capacity;
    char bytes[];
};

uint64_t string_hash(const char *bytes, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3ULL;
    return hash;
}

/* The slot that holds the string, or the free one where it belongs. */
static struct string_pool_slot *slot_find(struct string_pool *pool, uint64_t hash,
                                          const char *bytes, size_t len)
{
    /* FNV's low bits are its weakest. */
    size_t mask = pool->capacity - 1;
    for (size_t i = (hash ^ hash >> 32) & mask;; i = (i + 1) & mask) {
        struct string_pool_slot *slot = &pool->slots[i];
        pool->probe_count++;
        if (!slot->string)
            return slot;
        if (slot->hash == hash && strncmp(slot->string, bytes, len) == 0 &&
            slot->string[len] == '\0')
            return slot;
    }
}

static bool pool_grow(struct string_pool *pool)
{
    struct string_pool grown = {.capacity = MAX(pool->capacity * 2, (size_t)CAPACITY_MIN)};
    grown.slots = calloc(grown.capacity, sizeof *grown.slots);
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < pool->capacity; i++) {
        struct string_pool_slot *slot = &pool->slots[i];
        if (slot->string)
            *slot_find(&grown, slot->hash, slot->string, strlen(slot->string)) = *slot;
    }
    free(pool->slots);
    pool->slots = grown.slots;
    pool->capacity = grown.capacity;
    pool->probe_count += grown.probe_count;
    return true;
}

static const char *string_store(struct string_pool *pool, const char *bytes, size_t len)
{
    struct string_pool_chunk *chunk = pool->chunks;
    if (!chunk || chunk->capacity - chunk->used <= len) {
        size_t capacity = MAX(len + 1, (size_t)CHUNK_LEN);
        chunk = malloc(sizeof *chunk + capacity);
        if (!chunk)
            return NULL;
        *chunk = (struct string_pool_chunk){.next = pool->chunks, .capacity = capacity};
        pool->chunks = chunk;
    }
    char *copy = chunk->bytes + chunk->used;
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    chunk->used += len + 1;
    return copy;
}

const char *string_pool_intern(struct string_pool *pool, const char *bytes, size_t len)
{
    /* At most three quarters full, so that a lookup looks at a few slots only. */
    if (pool->count * 4 >= pool->capacity * 3 && !pool_grow(pool)) {
        pool->is_out_of_memory = true;
        return "";
    }
    uint64_t hash = string_hash(bytes, len);
    struct string_pool_slot *slot = slot_find(pool, hash, bytes, len);
    if (slot->string)
        return slot->string;
    const char *copy = string_store(pool, bytes, len);
    if (!copy) {
        pool->is_out_of_memory = true;
        return "";
    }
    *slot = (struct string_pool_slot){.string = copy, .hash = hash};
    pool->count++;
    return copy;
}

void string_pool_free(struct string_pool *pool)
{
    while (pool->chunks) {
        struct string_pool_chunk *next = pool->chunks->next;
        free(pool->chunks);
        pool->chunks = next;
    }
    free(pool->slots);
    *pool = (struct string_pool){0};
}
