/* handle_map.h - from a library's handle to what we remember of it. A handle is used by one thread at a time (the
 * library's rule); the maps, by all. No locks; not for signal handlers. */
#ifndef RUN_TRACED_SHIM_HANDLE_MAP_H
#define RUN_TRACED_SHIM_HANDLE_MAP_H

#include "base/slab.h"

#include <stdatomic.h>
#include <stdint.h>

/* What every object in a map begins with. */
struct handle_object {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    void *handle;
};

struct handle_map {
    struct slab *slab;
    _Atomic(struct handle_object *) *slots;
    size_t slot_count;
    void (*init)(void *object); /* fills in a new one, behind the handle, before others can find it */
};

/* handle_map_find - NULL if we know nothing of @handle. */
void *handle_map_find(const struct handle_map *map, const void *handle);

/* handle_map_get - the same, but makes one; NULL if there are too many. */
void *handle_map_get(const struct handle_map *map, void *handle);

/* handle_map_forget - @handle is no more. */
void handle_map_forget(const struct handle_map *map, const void *handle);

#endif
