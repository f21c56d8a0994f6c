#include "shim/curl_handle.h"

#include "base/compiler.h"
#include "base/slab.h"

#include <string.h>

enum { SLOT_COUNT = 8192, PROBE_COUNT = 16 };

static struct slab g_handles = SLAB_INITIALIZER(sizeof(struct curl_handle), 16, 512);
static _Atomic(struct curl_handle *) g_slots[SLOT_COUNT];

static size_t slot_of(const CURL *easy)
{
    return (size_t)((uintptr_t)easy * 0x9e3779b97f4a7c15ULL >> 40) % SLOT_COUNT;
}

/* The slot that holds @easy's handle, or NULL. Slots of others may fill and empty meanwhile. */
static _Atomic(struct curl_handle *) *slot_find(const CURL *easy)
{
    for (size_t i = 0; i < PROBE_COUNT; i++) {
        _Atomic(struct curl_handle *) *slot = &g_slots[(slot_of(easy) + i) % SLOT_COUNT];
        struct curl_handle *handle = atomic_load_explicit(slot, memory_order_acquire);
        if (handle && handle->easy == easy)
            return slot;
    }
    return NULL;
}

struct curl_handle *curl_handle_find(CURL *easy)
{
    _Atomic(struct curl_handle *) *slot = slot_find(easy);
    return slot ? atomic_load_explicit(slot, memory_order_acquire) : NULL;
}

void curl_handle_clear(struct curl_handle *handle)
{
    handle->headers = NULL;
    handle->is_connect_only = false;
    handle->url_len = 0;
}

struct curl_handle *curl_handle_get(CURL *easy)
{
    uint32_t index;
    struct curl_handle *handle = curl_handle_find(easy);
    if (handle || !(handle = slab_alloc(&g_handles, &index)))
        return handle;
    handle->index = index;
    handle->easy = easy;
    handle->multi = NULL;
    handle->span = NULL;
    handle->active.source = ACTIVE_NONE;
    curl_handle_clear(handle);
    for (size_t i = 0; i < PROBE_COUNT; i++) {
        struct curl_handle *expected = NULL;
        if (atomic_compare_exchange_strong(&g_slots[(slot_of(easy) + i) % SLOT_COUNT], &expected,
                                           handle))
            return handle;
    }
    slab_free(&g_handles, index);
    return NULL;
}

void curl_handle_forget(CURL *easy)
{
    _Atomic(struct curl_handle *) *slot = slot_find(easy);
    struct curl_handle *handle = slot ? atomic_exchange(slot, NULL) : NULL;
    if (!handle)
        return;
    handle->easy = NULL;
    slab_free(&g_handles, handle->index);
}

void curl_handle_each(CURLM *multi, void (*visit)(struct curl_handle *handle, void *state), void *state)
{
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        struct curl_handle *handle = atomic_load_explicit(&g_slots[i], memory_order_acquire);
        if (handle && (multi ? handle->multi == multi : handle->span != NULL))
            visit(handle, state);
    }
}

void curl_handle_note_url(struct curl_handle *handle, const char *url)
{
    handle->url_len = (uint16_t)(url ? strnlen(url, sizeof handle->url) : 0);
    if (handle->url_len)
        memcpy(handle->url, url, handle->url_len);
}
