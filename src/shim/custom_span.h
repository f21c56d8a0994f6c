/* custom_span.h - spans that the program begins and ends by itself (run_traced.h), and tests, where it or its runner says so in
 * any way. All functions: signal-safe; also without a sink, and in a fork child, which goes on in the name of what its parent
 * has open but ends none of it. */
#ifndef RUN_TRACED_SHIM_CUSTOM_SPAN_H
#define RUN_TRACED_SHIM_CUSTOM_SPAN_H

#include "trace/span.h"

/* Names a span that was begun, and none after its end; 0: none. */
typedef uint64_t custom_span_id;

enum custom_span_kind {
    CUSTOM_SPAN_PLAIN, /* what the thread does from now on belongs to it */
    CUSTOM_SPAN_TEST,  /* the same, and what threads do of which nothing else is known */
};

/* custom_span_begin - begins a span of kind INTERNAL at @start_ns on the monotonic clock (0: now), a child of what the calling
 * thread works for; a test is the root of a trace of its own, with a link to that, if RUN_TRACED_TRACE_PER asks for it. The thread
 * works for the span from now on. Returns 0 if there is no room or nothing is traced. */
custom_span_id custom_span_begin(enum custom_span_kind kind, const char *name, size_t len, uint64_t start_ns);

/* custom_span_use - calls @use with the record of the span, unless it has ended, is not recorded or is another process's:
 * nobody else ends it meanwhile. */
void custom_span_use(custom_span_id id, void (*use)(struct span *span, const void *argument), const void *argument);

/* custom_span_end - the span is over at @end_ns (0: now). The calling thread goes on with what it worked for before, if it still
 * works for the span. No more than once: later calls do nothing. */
void custom_span_end(custom_span_id id, uint64_t end_ns);

/* custom_span_exit_all - the process ends: what is open is reported, and says so. */
void custom_span_exit_all(void);

#endif
