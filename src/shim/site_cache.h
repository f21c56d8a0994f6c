/* site_cache.h - places that call, and what spans say of them: filled by whoever needs one first, never changed. No
 * locks; signal-safe. */
#ifndef RUN_TRACED_SHIM_SITE_CACHE_H
#define RUN_TRACED_SHIM_SITE_CACHE_H

#include "trace/span.h"

enum { SITE_KEY_WORDS = 6, SITES_MAX = 512 };

/* What tells one place from all others, also from what may lie there later. */
struct site_key {
    uintptr_t words[SITE_KEY_WORDS];
};

/* site_key_is_same - compared word by word, in place. */
static inline bool site_key_is_same(const struct site_key *a, const struct site_key *b)
{
    uintptr_t difference = 0;
#pragma GCC unroll 6
    for (int i = 0; i < SITE_KEY_WORDS; i++)
        difference |= a->words[i] ^ b->words[i];
    return difference == 0;
}

enum site_kind {
    SITE_CALLER,   /* who wants something */
    SITE_PLUMBING, /* who does it on behalf of a caller */
    SITE_LOOP,     /* who runs what others have queued: no caller is to be found beyond */
};

struct site {
    _Atomic uint32_t state; /* site_cache.c */
    enum site_kind kind;
    struct site_key key;
    struct attribute_block block;
};

struct site_cache {
    struct site sites[SITES_MAX];
};

/* site_find - the site of that key, or one that the caller is to fill and publish, or NULL: there are too many, or
 * somebody is just filling it. */
struct site *site_find(struct site_cache *cache, const struct site_key *key);

/* site_is_ready - it is filled. */
bool site_is_ready(struct site *site);

/* site_publish - the caller has filled in the kind and the block. */
void site_publish(struct site *site, const struct site_key *key);

#endif
