/* callsite.h - which code made a call. Finding out needs the unwinder, which is the shim's business;
 * those who start CLIENT spans only ask. */
#ifndef RUN_TRACED_TRACE_CALLSITE_H
#define RUN_TRACED_TRACE_CALLSITE_H

#include "trace/span.h"

/* callsite_set_recorder - @record adds the code.* attributes of the calling thread's call to a span.
 * NULL: call sites are not recorded. Library start-up only. */
void callsite_set_recorder(void (*record)(struct span *span));

/* callsite_record - to be called on the thread and within the call that the span stands for. */
void callsite_record(struct span *span);

#endif
