/* retry.h - when to try again: exponential back-off with jitter, or as the backend asks. OTLP 1.x, "OTLP/HTTP Throttling". */
#ifndef RUN_TRACED_BACKEND_RETRY_H
#define RUN_TRACED_BACKEND_RETRY_H

#include <stdint.h>

struct retry {
    uint64_t pause_ns; /* before the next try, without jitter */
    uint64_t seed;
};

/* retry_begin - of a message that has just failed for the first time. @seed: any number, for the jitter. */
struct retry retry_begin(uint64_t seed);

/* retry_next_ns - how long to wait, in nanoseconds: between half and all of a pause that doubles from 0.2 to 30 s; not less
 * than @asked_ns (0: it was not asked for), of which 5 minutes are believed. */
uint64_t retry_next_ns(struct retry *retry, uint64_t asked_ns);

#endif
