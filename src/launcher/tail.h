/* tail.h - sampling by tail: the spans of a trace wait, whichever processes they come from, until the trace is over; then
 * it is kept or dropped as a whole, as --keep says.
 *
 * Over is a trace whose root has ended and of which nothing has come for keep.wait_ns; and any after TAIL_WAITS_MAX times
 * that. What decides by itself (a span that failed, one that is slow, an id within the share) decides at once. Memory is
 * bounded: where it is used up, the oldest traces are decided on by what is known of them, and counted. */
#ifndef RUN_TRACED_LAUNCHER_TAIL_H
#define RUN_TRACED_LAUNCHER_TAIL_H

#include "launcher/keep.h"
#include "trace/resource.h"
#include "trace/span.h"

enum { TAIL_WAITS_MAX = 5 };
#define TAIL_MEMORY_MAX ((size_t)64 << 20)

struct tail;

/* Takes what is kept. The span does not change meanwhile, and is gone afterwards. */
typedef void tail_output(void *argument, const struct span *span, const struct resource *resource);

/* tail_new - @memory_max: bytes that waiting spans may take, with what is needed to find them. NULL: no memory. */
struct tail *tail_new(const struct keep *keep, size_t memory_max, tail_output *output, void *argument);

/* tail_add - one more span that has ended, a copy with lengths that hold. @now_ns: monotonic. */
void tail_add(struct tail *tail, const struct span *span, const struct resource *resource, uint64_t now_ns);

/* tail_work - decides on the traces that are over. To be called now and then. */
void tail_work(struct tail *tail, uint64_t now_ns);

/* tail_is_waiting - there are spans of traces that are not decided on. */
bool tail_is_waiting(const struct tail *tail);

/* tail_memory - bytes in use. */
size_t tail_memory(const struct tail *tail);

/* tail_finish - decides on all that is left, and frees @tail. */
void tail_finish(struct tail *tail, uint64_t now_ns);

#endif
