#include "base/hash.h"

#include <string.h>

uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed)
{
    uint64_t hash = seed ^ 0x9e3779b97f4a7c15ULL, word;
    const char *at = bytes;
    for (; len >= sizeof word; len -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, at, len);
    hash = (hash ^ word) * 0xc4ceb9fe1a85ec53ULL;
    return hash ^ hash >> 29 ?: 1;
}
