/* random.h - the same random numbers each time (SplitMix64), so that what fails can be repeated. */
#ifndef RUN_TRACED_TESTS_RANDOM_H
#define RUN_TRACED_TESTS_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *seed)
{
    uint64_t x = *seed += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

/* random_below - 0 .. @limit - 1. */
static inline size_t random_below(uint64_t *seed, size_t limit)
{
    return (size_t)(random_next(seed) % limit);
}

/* random_chance - true once in @n. */
static inline bool random_chance(uint64_t *seed, size_t n)
{
    return random_below(seed, n) == 0;
}

#endif
