/* callsite.h - which code made a call. Finding out needs the unwinder, which is the shim's business;
 * those who start CLIENT spans only ask. */
#ifndef RUN_TRACED_TRACE_CALLSITE_H
#define RUN_TRACED_TRACE_CALLSITE_H

#include "trace/span.h"

/* callsite_set_recorder - @record adds what is known of the calling thread's call to a span, at its start;
 * @note_error the stack, when the span becomes an error. NULL: that is not recorded. Library start-up only. */
void callsite_set_recorder(void (*record)(struct span *span), void (*note_error)(struct span *span));

/* callsite_record - to be called on the thread and within the call that the span stands for. */
void callsite_record(struct span *span);

/* callsite_note_error - to be called on the thread that has got to know of the error. */
void callsite_note_error(struct span *span);

#endif
