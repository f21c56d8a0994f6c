/* latency.h - how long traces usually take, by what they begin with: running estimates of a fixed size. */
#ifndef RUN_TRACED_LAUNCHER_LATENCY_H
#define RUN_TRACED_LAUNCHER_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

/* Before so many have been seen, nothing is said of the slowest hundredth; and where a route has so many times more, the
 * older ones count for half. */
enum { LATENCY_COUNT_MIN = 100, LATENCY_COUNT_MAX = 20000, LATENCY_ROUTES_MAX = 512 };

struct latencies;

/* latencies_new - NULL: no memory. About 500 KB. To be given to free(3). */
struct latencies *latencies_new(void);

/* latencies_note - another trace of @route, a hash that is not 0, took @duration_ns. Returns whether that is longer than
 * 99 % of those that came before, by a ninth at least; false if too few have, or there are too many routes. */
bool latencies_note(struct latencies *latencies, uint64_t route, uint64_t duration_ns);

#endif
