#include "base/raw.h"

#include <stdatomic.h>

/* Enough for a table of descriptors and a chunk of everything that is handed out in chunks. */
enum { SET_ASIDE_LEN = 32 << 20, ALIGNMENT = 4096 };

bool g_raw_is_forbidden;

static char *g_set_aside;
static _Atomic size_t g_taken_len;

void raw_set_aside(void)
{
    if (!g_set_aside)
        g_set_aside = raw_map_anonymous(SET_ASIDE_LEN);
}

void *raw_take_set_aside(size_t len)
{
    size_t rounded = (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!g_set_aside || len > SET_ASIDE_LEN)
        return NULL;
    size_t at = atomic_fetch_add_explicit(&g_taken_len, rounded, memory_order_relaxed);
    if (at + rounded > SET_ASIDE_LEN) {
        atomic_fetch_sub_explicit(&g_taken_len, rounded, memory_order_relaxed);
        return NULL;
    }
    return g_set_aside + at;
}
