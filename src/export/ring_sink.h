/* ring_sink.h - the sink of a process whose spans a collector exports: claiming and publishing a
 * record takes a few atomic operations, no system call, no lock, no allocation. */
#ifndef RUN_TRACED_EXPORT_RING_SINK_H
#define RUN_TRACED_EXPORT_RING_SINK_H

#include "export/ring.h"
#include "trace/sink.h"

/* ring_sink_init - maps the ring at @path, the value of RUN_TRACED_RING. Returns the sink for
 * span_sink_set(), or NULL where there is none to map (NULL, empty, no right to, not a ring). Library
 * start-up only, after resource_init(); three system calls. The mapping outlives a change of user. */
const struct span_sink *ring_sink_init(const char *path);

/* ring_sink_ring - the ring, or NULL: there is none (any more). Hot path, signal-safe. */
struct ring *ring_sink_ring(void);

/* ring_sink_release - the process is about to limit its address space (RLIMIT_AS), in which the ring takes
 * some hundred megabytes: it is given back if no span has been made yet but the program's own, and none will be.
 * Returns whether it is: then the program's own must not be touched any more. Not in a vfork child. */
bool ring_sink_release(void);

/* Of the span that stands for the program itself (shim/program.h); all at start-up alone, after ring_sink_init: */

/* ring_sink_is_used - there is a ring. */
bool ring_sink_is_used(void);

/* ring_sink_keeps_environment - programs that are started with an environment of their own are to be traced as well. */
bool ring_sink_keeps_environment(void);

/* ring_sink_has_programs - it is wanted. */
bool ring_sink_has_programs(void);

/* ring_sink_take_root - this process is the command, and has not done so before: @out becomes what its span is to be. */
bool ring_sink_take_root(struct ring_program *out);

/* ring_sink_parent_runs_tests - may the arguments of our parent, process @pid, say which test we are? False if it is a
 * program that has the span @span_id, which TRACEPARENT names, and is no runner that does so. */
bool ring_sink_parent_runs_tests(int pid, const uint8_t span_id[SPAN_ID_LEN]);

/* ring_sink_recognise_parent - process @pid is our parent, by its number in our pid namespace. If it has that number
 * in the ring too, and the span @span_id that TRACEPARENT names, then its namespace is ours, which is not asked for
 * again. */
void ring_sink_recognise_parent(int pid, const uint8_t span_id[SPAN_ID_LEN]);

/* ring_sink_find_ancestor - @out becomes the span of the program that was executed before in this process, or of the
 * nearest ancestor that has one, or of the command. False: there is none. A system call for each generation. */
bool ring_sink_find_ancestor(struct ring_program *out);

/* ring_sink_is_command - this process is the command of the run, whichever program it executes. */
bool ring_sink_is_command(void);

/* ring_sink_predecessor - the open span of the program that this process executed before, in shared memory; NULL: there is none. */
const struct span *ring_sink_predecessor(void);

/* ring_sink_set_program - @program is going to be this process's span, and that of those which are forked from it. */
void ring_sink_set_program(const struct ring_program *program);

/* ring_sink_note_program - @span, the only one that has been claimed, is its record; NULL: there was no room for it. */
void ring_sink_note_program(const struct span *span);

/* ring_sink_claim_unseen - a record for process @pid, which executes a program that makes none (@name: its name, not
 * NUL-terminated): it stays open until the process has ended. To be filled at once. @is_certain: false where
 * the process is the calling one, and about to execute it: it may come back (ring_sink_abandon_unseen). NULL: there is no room.
 * Signal-safe, also in a vfork child. */
struct span *ring_sink_claim_unseen(int pid, bool is_certain, const struct ring_program *program, const char *name,
                                    size_t len);

/* ring_sink_abandon_unseen - the program was not executed. By the process that claimed @span, as not certain. */
void ring_sink_abandon_unseen(struct span *span);

/* ring_sink_note_killed - our child @pid has ended by a signal, as @wait_status says: told to the collector, which may have
 * come too late to see. Signal-safe; a system call at most. */
void ring_sink_note_killed(int pid, int wait_status);

/* ring_sink_mark_count - changes with each mark that any script makes. One load. */
uint32_t ring_sink_mark_count(void);

/* What a mark of this process says. */
struct ring_sink_mark {
    uint32_t version; /* another one: another mark */
    uint64_t monotonic_ns;
    size_t name_len;
    char name[RING_MARK_NAME_LEN_MAX];
};

/* ring_sink_find_mark - the newest mark of this process, copied. False: there is none. */
bool ring_sink_find_mark(struct ring_sink_mark *out);

#endif
