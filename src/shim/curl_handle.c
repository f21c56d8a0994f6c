#include "shim/curl_handle.h"

#include "base/compiler.h"
#include "trace/url.h"

#include <string.h>

enum { SLOT_COUNT = 8192 };

static BULKY _Atomic(struct handle_object *) g_slots[SLOT_COUNT];

static void handle_init(void *object)
{
    struct curl_handle *handle = object;
    handle->multi = NULL;
    handle->is_begun = false;
    handle->span = NULL;
    handle->active.source = ACTIVE_NONE;
    curl_handle_clear(handle);
}

static BULKY_DATA struct slab g_objects = SLAB_INITIALIZER(sizeof(struct curl_handle), 16, 512);
static const struct handle_map g_handles = {
    .slab = &g_objects,
    .slots = g_slots,
    .slot_count = SLOT_COUNT,
    .init = handle_init,
};

struct curl_handle *curl_handle_find(CURL *easy)
{
    return handle_map_find(&g_handles, easy);
}

struct curl_handle *curl_handle_get(CURL *easy)
{
    return handle_map_get(&g_handles, easy);
}

void curl_handle_forget(CURL *easy)
{
    handle_map_forget(&g_handles, easy);
}

void curl_handle_clear(struct curl_handle *handle)
{
    handle->headers = NULL;
    handle->is_connect_only = false;
    handle->url_len = 0;
}

void curl_handle_each(void (*visit)(struct curl_handle *handle, void *state), void *state)
{
    if (slab_high_water(&g_objects) == 0)
        return; /* most programs never had one */
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        struct curl_handle *handle = (struct curl_handle *)atomic_load_explicit(&g_slots[i], memory_order_acquire);
        if (handle)
            visit(handle, state);
    }
}

void curl_handle_note_url(struct curl_handle *handle, const char *url)
{
    handle->url_len = (uint16_t)(url ? url_cut_len(url, strlen(url), sizeof handle->url) : 0);
    if (handle->url_len)
        memcpy(handle->url, url, handle->url_len);
}
