/* direct_sink.h - the sink of a process that exports its own spans: each ended span is formatted
 * and handed to the exporters at once, by the thread that ended it, without ever blocking it. */
#ifndef RUN_TRACED_EXPORT_DIRECT_SINK_H
#define RUN_TRACED_EXPORT_DIRECT_SINK_H

#include "trace/sink.h"

#include <stdbool.h>

/* direct_sink_init - sets up the exporters; opens nothing yet.
 * @exporters: the value of RUN_TRACED_EXPORTER, see exporter_list_parse(); NULL or empty: none.
 * Returns the sink for span_sink_set(), or NULL where there is no exporter to write to: tracing is
 * off then. Library start-up only, once; resource_init() comes before it. */
const struct span_sink *direct_sink_init(const char *exporters);

/* direct_sink_prepare - opens what would otherwise be opened at the first span: to be called just
 * before the program gives up the right to (setuid and its kin, chroot). Costs one fstat(2) an
 * exporter where it is open already. Signal-safe. */
void direct_sink_prepare(void);

/* direct_sink_flush - waits at most @timeout_ms in all until the sockets have taken what is
 * pending, then counts the rest as dropped, span by span. At exit and before exec; a file has
 * nothing pending. Signal-safe. */
void direct_sink_flush(int timeout_ms);

/* direct_sink_owns - is @fd, in this process, a descriptor of ours that the program cannot know of?
 * A few loads where it is not; one fstat(2) where the number matches, so that a number which the
 * program got anew behind our back is the program's. Hot path, signal-safe. */
bool direct_sink_owns(int fd);

/* direct_sink_move - the program is about to put a file of its own at the number @fd (dup2,
 * dup3): if that number is ours, ours goes on under another one. The old number stays open for
 * dup2 to replace. Waits, 2 ms at most, for a write on it that is under way. In a vfork child:
 * nothing, since its descriptors are a copy while its memory is the parent's. Signal-safe. */
void direct_sink_move(int fd);

#endif
