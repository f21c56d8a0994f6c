#include "shim/site_cache.h"

enum site_state { SITE_FREE, SITE_BEING_FILLED, SITE_READY };
enum { SITE_PROBES = 8 };

bool site_is_ready(struct site *site)
{
    return atomic_load_explicit(&site->state, memory_order_acquire) == SITE_READY;
}

static bool site_claim(struct site *site)
{
    uint32_t state = SITE_FREE;
    return atomic_compare_exchange_strong_explicit(&site->state, &state, SITE_BEING_FILLED, memory_order_relaxed,
                                                   memory_order_relaxed);
}

static size_t key_hash(const struct site_key *key)
{
    uint64_t hash = 0;
#pragma GCC unroll 6
    for (size_t i = 0; i < SITE_KEY_WORDS; i++)
        hash = (hash ^ key->words[i]) * 0x9e3779b97f4a7c15ULL;
    return hash >> 32;
}

struct site *site_find(struct site_cache *cache, const struct site_key *key)
{
    size_t home = key_hash(key);
    for (size_t i = 0; i < SITE_PROBES; i++) {
        struct site *site = &cache->sites[(home + i) % SITES_MAX];
        if (site_is_ready(site)) {
            if (site_key_is_same(&site->key, key))
                return site;
        } else if (site_claim(site)) {
            return site;
        }
    }
    return NULL;
}

void site_publish(struct site *site, const struct site_key *key)
{
    site->key = *key;
    atomic_store_explicit(&site->state, SITE_READY, memory_order_release);
}
