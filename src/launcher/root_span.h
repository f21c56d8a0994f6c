/* root_span.h - the span of the command, which all others hang under: chosen before the command starts, made by the
 * command itself. */
#ifndef RUN_TRACED_LAUNCHER_ROOT_SPAN_H
#define RUN_TRACED_LAUNCHER_ROOT_SPAN_H

#include "launcher/keep.h"
#include "launcher/process_spans.h"

/* root_span_mode - the mode that @asked names (--process-spans, RUN_TRACED_PROCESS_SPANS; NULL, empty or unknown:
 * auto), as it is to be: instead of auto there are none where it is decided for each trace whether it is kept, since
 * all of the run would be one trace; and none at all where nothing is recorded. */
enum process_spans_mode root_span_mode(const char *asked, const struct keep *keep);

/* root_span_choose - has @ring tell the processes of the run to make spans: chooses the ids of the command's, a child
 * of what TRACEPARENT names, and puts them there and into TRACEPARENT. Returns @mode; or NONE, nothing done, where
 * TRACEPARENT says that nothing is to be recorded. */
enum process_spans_mode root_span_choose(enum process_spans_mode mode, struct ring *ring);

#endif
