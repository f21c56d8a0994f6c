/* sink.h - where span records come from and go to. One sink a process, set before any span. */
#ifndef RUN_TRACED_TRACE_SINK_H
#define RUN_TRACED_TRACE_SINK_H

#include "trace/span.h"

struct span_sink {
    /* An unused record with its index set, or NULL (and a drop is counted). */
    struct span *(*claim)(void);
    /* Takes an ended record; frees it in its own time. Must not block. */
    void (*publish)(struct span *span);
    /* Takes back a record that is not to be reported. */
    void (*abandon)(struct span *span);
};

/* span_sink_set - @sink must outlive the process. NULL: no spans are made. */
void span_sink_set(const struct span_sink *sink);

/* span_sink_claim, _publish, _abandon - the current sink's calls. Hot path, signal-safe. */
struct span *span_sink_claim(void);
void span_sink_publish(struct span *span);
void span_sink_abandon(struct span *span);

#endif
