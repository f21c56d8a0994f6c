/* ring_sink.h - the sink of a process whose spans a collector exports: claiming and publishing a
 * record takes a few atomic operations, no system call, no lock, no allocation. */
#ifndef RUN_TRACED_EXPORT_RING_SINK_H
#define RUN_TRACED_EXPORT_RING_SINK_H

#include "trace/sink.h"

/* ring_sink_init - maps the ring at @path, the value of RUN_TRACED_RING. Returns the sink for
 * span_sink_set(), or NULL where there is none to map (NULL, empty, no right to, not a ring). Library
 * start-up only, after resource_init(); three system calls. The mapping outlives a change of user. */
const struct span_sink *ring_sink_init(const char *path);

/* ring_sink_release - the process is about to limit its address space (RLIMIT_AS), in which the ring takes
 * some hundred megabytes: it is given back if no span has been made yet, and none will be. Not in a vfork
 * child. */
void ring_sink_release(void);

#endif
