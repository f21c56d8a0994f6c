#include "launcher/decisions.h"

#include <string.h>

enum { KEPT = 1 };

/* Even, and never 0. */
static uint64_t hash_of(const uint8_t trace_id[TRACE_ID_LEN])
{
    uint64_t halves[2];
    memcpy(halves, trace_id, sizeof halves);
    uint64_t hash = (halves[0] ^ (halves[1] >> 29) ^ (halves[1] << 35)) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 32;
    return (hash | 2) & ~(uint64_t)KEPT;
}

static size_t set_of(uint64_t hash)
{
    return (hash >> 2) % DECISION_SETS;
}

bool decisions_find(const struct decisions *decisions, const uint8_t trace_id[TRACE_ID_LEN], bool *is_kept)
{
    uint64_t hash = hash_of(trace_id);
    const uint64_t *set = decisions->words[set_of(hash)];
    for (int i = 0; i < DECISIONS_PER_SET; i++)
        if ((set[i] & ~(uint64_t)KEPT) == hash) {
            *is_kept = set[i] & KEPT;
            return true;
        }
    return false;
}

void decisions_note(struct decisions *decisions, const uint8_t trace_id[TRACE_ID_LEN], bool is_kept)
{
    uint64_t hash = hash_of(trace_id);
    uint64_t *set = decisions->words[set_of(hash)];
    memmove(set + 1, set, (DECISIONS_PER_SET - 1) * sizeof *set);
    set[0] = hash | (is_kept ? KEPT : 0);
}
