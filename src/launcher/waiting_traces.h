/* waiting_traces.h - the traces that are not decided on, and their spans, as small copies. */
#ifndef RUN_TRACED_LAUNCHER_WAITING_TRACES_H
#define RUN_TRACED_LAUNCHER_WAITING_TRACES_H

#include "launcher/span_store.h"

enum { WAITING_BUCKETS = 32768 };

/* A place in a list that has the one that waits longest at its beginning. */
struct waiting_link {
    struct waiting_trace *before, *after;
};
struct waiting_list {
    struct waiting_trace *first, *last;
};

/* All of them, by when their first span came; and those whose root has ended, by when their last one did. */
enum waiting_order { WAITING_BY_FIRST, WAITING_BY_LAST, WAITING_ORDERS };

struct waiting_trace {
    uint8_t id[TRACE_ID_LEN];
    struct waiting_trace *next; /* in the same bucket */
    struct waiting_link links[WAITING_ORDERS];
    struct stored_span *spans, **spans_end;
    uint64_t first_ns, last_ns; /* when the first and the last of them came; monotonic */
    uint64_t start_ns, end_ns;  /* what the spans say */
    uint64_t route;             /* a hash of the service and the name of its root, or of the one that began first */
    bool has_root, has_error;
};

struct waiting_traces {
    struct waiting_trace *buckets[WAITING_BUCKETS];
    struct waiting_list lists[WAITING_ORDERS];
    struct span_store store; /* its memory: of all that there is here */
};

/* waiting_find - NULL: it does not wait. */
struct waiting_trace *waiting_find(const struct waiting_traces *traces, const uint8_t id[TRACE_ID_LEN]);

/* waiting_add - one more span, which came at @now_ns (monotonic), of its trace, which may be new. Returns the trace; NULL:
 * no memory, nothing has changed. */
struct waiting_trace *waiting_add(struct waiting_traces *traces, const struct span *span,
                                  const struct resource *resource, uint64_t now_ns);

/* waiting_remove - takes @trace out and frees it. @visit, which may be NULL, is called for each of its spans, in the order
 * in which they came. Returns how many there were. */
uint64_t waiting_remove(struct waiting_traces *traces, struct waiting_trace *trace,
                        void (*visit)(void *argument, const struct span *span, const struct resource *resource),
                        void *argument);

#endif
