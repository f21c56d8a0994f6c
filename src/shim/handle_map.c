#include "shim/handle_map.h"

#include "base/compiler.h"

#include <stdbool.h>

enum { PROBE_COUNT = 16 };

static _Atomic(struct handle_object *) *slot_at(const struct handle_map *map, const void *handle, size_t probe)
{
    size_t hash = (size_t)((uintptr_t)handle * 0x9e3779b97f4a7c15ULL >> 40);
    return &map->slots[(hash + probe) % map->slot_count];
}

/* The slot that holds @handle's object, or NULL. Slots of others may fill and empty meanwhile. */
static _Atomic(struct handle_object *) *slot_find(const struct handle_map *map, const void *handle)
{
    for (size_t i = 0; i < PROBE_COUNT; i++) {
        _Atomic(struct handle_object *) *slot = slot_at(map, handle, i);
        struct handle_object *object = atomic_load_explicit(slot, memory_order_acquire);
        if (object && object->handle == handle)
            return slot;
    }
    return NULL;
}

void *handle_map_find(const struct handle_map *map, const void *handle)
{
    _Atomic(struct handle_object *) *slot = slot_find(map, handle);
    return slot ? atomic_load_explicit(slot, memory_order_acquire) : NULL;
}

void *handle_map_get(const struct handle_map *map, void *handle)
{
    uint32_t index;
    struct handle_object *object = handle_map_find(map, handle);
    if (object || !(object = slab_alloc(map->slab, &index)))
        return object;
    object->index = index;
    object->handle = handle;
    map->init(object);
    for (size_t i = 0; i < PROBE_COUNT; i++) {
        struct handle_object *expected = NULL;
        if (atomic_compare_exchange_strong(slot_at(map, handle, i), &expected, object))
            return object;
    }
    slab_free(map->slab, index);
    return NULL;
}

void handle_map_forget(const struct handle_map *map, const void *handle)
{
    _Atomic(struct handle_object *) *slot = slot_find(map, handle);
    struct handle_object *object = slot ? atomic_exchange(slot, NULL) : NULL;
    if (!object)
        return;
    object->handle = NULL;
    slab_free(map->slab, object->index);
}
