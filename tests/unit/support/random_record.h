/* random_record.h - records and resources as a hostile process may leave them: any bytes, or a few wrong ones in good ones. */
#ifndef RUN_TRACED_TESTS_RANDOM_RECORD_H
#define RUN_TRACED_TESTS_RANDOM_RECORD_H

#include "random.h"
#include "sample_batch.h"

static inline void random_bytes(void *bytes, size_t len, uint64_t *seed)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)random_next(seed);
}

/* random_record - @span: most have ids, a kind and a status. Keys of the resource come twice, too. */
static inline void random_record(struct span *span, struct resource *resource, uint64_t *seed)
{
    sample_resource(resource);
    if (random_chance(seed, 2)) {
        sample_span(span);
        atomic_store(&span->attributes_len, (uint32_t)random_below(seed, 2000));
        for (size_t count = random_below(seed, 12); count > 0; count--)
            ((uint8_t *)span)[random_below(seed, random_chance(seed, 2) ? sizeof *span : 600)] = (uint8_t)random_next(seed);
    } else {
        random_bytes(span, sizeof *span, seed);
        span->kind %= 3;
        span->status %= 3;
    }
    if (random_chance(seed, 2))
        return;
    random_bytes(resource, sizeof *resource, seed);
    for (size_t at = 0; at < sizeof resource->attributes; at += random_below(seed, 6))
        resource->attributes[at++] = (char)(random_below(seed, 3) ? 0 : 'a'); /* short ones, of few names */
}

#endif
