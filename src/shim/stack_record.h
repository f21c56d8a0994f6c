/* stack_record.h - the whole stack of a call: Python's as text, native code's as addresses, which the collector
 * turns into text. */
#ifndef RUN_TRACED_SHIM_STACK_RECORD_H
#define RUN_TRACED_SHIM_STACK_RECORD_H

#include "trace/span.h"

/* stack_record - adds the calling thread's stack to @span: 32 frames at most, and as many as there is room for. Some
 * microseconds; signal-safe. */
void stack_record(struct span *span);

#endif
