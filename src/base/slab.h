/* slab.h - fixed-size objects from our own memory, for a process whose malloc we must not call.
 *
 * Lock-free: a free list whose head carries a tag against the ABA problem. Memory is never given
 * back, so an object's address stays readable and of the same type for the life of the process; a
 * stale pointer is told apart by a generation the object itself keeps. */
#ifndef RUN_TRACED_BASE_SLAB_H
#define RUN_TRACED_BASE_SLAB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { SLAB_CHUNKS_MAX = 1024 };

struct slab {
    size_t object_size;      /* bytes; set by SLAB_INITIALIZER */
    uint32_t chunk_objects;  /* objects that one chunk holds */
    uint32_t chunks_max;     /* bound on memory: at most chunks_max * chunk_objects objects */
    _Atomic uint64_t free;   /* tag << 32 | (index + 1); 0 in the low half: the list is empty */
    _Atomic uint32_t next;   /* first index that was never handed out */
    _Atomic(void *) chunks[SLAB_CHUNKS_MAX];
};

/* The object's first four bytes hold the free-list link while it is free. */
#define SLAB_INITIALIZER(size, per_chunk, max_chunks)                                              \
    {                                                                                              \
        .object_size = (((size) + 63) & ~(size_t)63), .chunk_objects = (per_chunk),                \
        .chunks_max = (max_chunks)                                                                 \
    }

/* slab_alloc - one object, its content unspecified, or NULL when the bound is reached or the kernel
 * gives no memory. Maps a chunk (one system call) each chunk_objects allocations at most. Hot path,
 * signal-safe, fork-safe. @index receives the number to free it by. */
void *slab_alloc(struct slab *slab, uint32_t *index);

/* slab_free - gives back the object with number @index. Hot path, signal-safe. */
void slab_free(struct slab *slab, uint32_t index);

/* slab_at - the object with number @index, which must have been handed out. */
void *slab_at(struct slab *slab, uint32_t index);

/* slab_high_water - how many numbers have ever been handed out: 0 .. that - 1 are readable. */
uint32_t slab_high_water(struct slab *slab);

#endif
