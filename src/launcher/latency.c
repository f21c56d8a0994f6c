#include "launcher/latency.h"

#include "base/compiler.h"

#include <stddef.h>
#include <stdlib.h>

/* Each bucket reaches an eighth of an octave or so: the top bits of the duration are its number. */
enum { STEPS_PER_OCTAVE = 8, STEP_BITS = 3, BUCKETS = (64 - STEP_BITS) * STEPS_PER_OCTAVE };

struct route {
    uint64_t hash; /* 0: unused */
    uint32_t count;
    uint16_t buckets[BUCKETS];
};

struct latencies {
    struct route routes[LATENCY_ROUTES_MAX];
};

_Static_assert(LATENCY_COUNT_MAX <= UINT16_MAX, "a bucket may have them all");

struct latencies *latencies_new(void)
{
    return calloc(1, sizeof(struct latencies));
}

static unsigned bucket_of(uint64_t ns)
{
    if (ns < STEPS_PER_OCTAVE)
        return (unsigned)ns;
    unsigned octave = 63 - (unsigned)__builtin_clzll(ns);
    unsigned step = (unsigned)(ns >> (octave - STEP_BITS)) & (STEPS_PER_OCTAVE - 1);
    return (octave - STEP_BITS + 1) * STEPS_PER_OCTAVE + step;
}

static struct route *route_find(struct latencies *latencies, uint64_t hash)
{
    for (unsigned i = 0; i < LATENCY_ROUTES_MAX; i++) {
        struct route *route = &latencies->routes[(hash + i) % LATENCY_ROUTES_MAX];
        if (!route->hash)
            route->hash = hash;
        if (route->hash == hash)
            return route;
    }
    return NULL;
}

/* The bucket in which the slowest hundredth begins. */
static unsigned p99_of(const struct route *route)
{
    uint32_t above = 0;
    unsigned bucket = BUCKETS;
    while (bucket > 0 && above + route->buckets[bucket - 1] <= route->count / 100)
        above += route->buckets[--bucket];
    return bucket > 0 ? bucket - 1 : 0;
}

static void route_age(struct route *route)
{
    route->count = 0;
    for (unsigned i = 0; i < BUCKETS; i++)
        route->count += route->buckets[i] /= 2;
}

bool latencies_note(struct latencies *latencies, uint64_t hash, uint64_t duration_ns)
{
    struct route *route = route_find(latencies, hash);
    unsigned bucket = bucket_of(duration_ns);
    if (!route)
        return false;
    bool is_slow = route->count >= LATENCY_COUNT_MIN && bucket > p99_of(route);
    if (route->count == LATENCY_COUNT_MAX)
        route_age(route);
    route->buckets[bucket]++;
    route->count++;
    return is_slow;
}
