#include "base/slab.h"

#include "base/compiler.h"
#include "base/raw.h"

#include <stdbool.h>

/* Of any: a process that ends without having used one need not touch them to know. */
static _Atomic bool g_is_used;

static _Atomic uint32_t *free_link(void *object)
{
    return object;
}

/* The chunk's memory, mapped by whoever needs it first; a loser of the race unmaps its own. */
static void *chunk_at(struct slab *slab, uint32_t chunk)
{
    void *memory = atomic_load_explicit(&slab->chunks[chunk], memory_order_acquire);
    if (LIKELY(memory))
        return memory;
    size_t len = slab->object_size * slab->chunk_objects;
    void *fresh = raw_map_anonymous(len);
    if (!fresh)
        return NULL;
    if (atomic_compare_exchange_strong(&slab->chunks[chunk], &memory, fresh))
        return fresh;
    raw_munmap(fresh, len);
    return memory;
}

void *slab_at(struct slab *slab, uint32_t index)
{
    /* A division takes as long as all else here. */
    uint32_t number = LIKELY(index < slab->chunk_objects) ? 0 : index / slab->chunk_objects;
    char *chunk = atomic_load_explicit(&slab->chunks[number], memory_order_acquire);
    return chunk + slab->object_size * (index - number * slab->chunk_objects);
}

uint32_t slab_high_water(struct slab *slab)
{
    bool is_used = atomic_load_explicit(&g_is_used, memory_order_acquire);
    return is_used ? atomic_load_explicit(&slab->next, memory_order_acquire) : 0;
}

static COLD void *alloc_fresh(struct slab *slab, uint32_t *index)
{
    uint32_t limit = MIN(slab->chunks_max, SLAB_CHUNKS_MAX) * slab->chunk_objects;
    uint32_t next = atomic_load(&slab->next);
    atomic_store_explicit(&g_is_used, true, memory_order_release);
    do {
        if (next >= limit || !chunk_at(slab, next / slab->chunk_objects))
            return NULL;
    } while (!atomic_compare_exchange_weak(&slab->next, &next, next + 1));
    *index = next;
    return slab_at(slab, next);
}

void *slab_alloc(struct slab *slab, uint32_t *index)
{
    uint64_t head = atomic_load_explicit(&slab->free, memory_order_acquire);
    while ((uint32_t)head != 0) {
        uint32_t candidate = (uint32_t)head - 1;
        void *object = slab_at(slab, candidate);
        /* May read a link that another thread is overwriting: the tag makes the exchange fail then. */
        uint32_t next = atomic_load_explicit(free_link(object), memory_order_relaxed);
        uint64_t taken = ((head >> 32) + 1) << 32 | next;
        if (atomic_compare_exchange_weak_explicit(&slab->free, &head, taken, memory_order_acq_rel,
                                                  memory_order_acquire)) {
            *index = candidate;
            return object;
        }
    }
    return alloc_fresh(slab, index);
}

void slab_free(struct slab *slab, uint32_t index)
{
    _Atomic uint32_t *link = free_link(slab_at(slab, index));
    uint64_t head = atomic_load_explicit(&slab->free, memory_order_relaxed);
    uint64_t given;
    do {
        atomic_store_explicit(link, (uint32_t)head, memory_order_relaxed);
        given = ((head >> 32) + 1) << 32 | (index + 1);
    } while (!atomic_compare_exchange_weak_explicit(&slab->free, &head, given, memory_order_acq_rel,
                                                    memory_order_relaxed));
}
