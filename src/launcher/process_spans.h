/* process_spans.h - which of the spans of processes are reported: all, or those of processes in which something was
 * seen, and of those that they come from.
 *
 * What has ended waits here until something below it is seen, or the run is over. Memory is bounded: beyond
 * PROCESS_SPANS_MEMORY_MAX what has waited longest is not reported. The span of the command comes last, with what was
 * lost in the run. */
#ifndef RUN_TRACED_LAUNCHER_PROCESS_SPANS_H
#define RUN_TRACED_LAUNCHER_PROCESS_SPANS_H

#include "export/ring.h"

#include <sys/types.h>

#define PROCESS_SPANS_MEMORY_MAX ((size_t)64 << 20)

enum process_spans_mode { PROCESS_SPANS_NONE, PROCESS_SPANS_AUTO, PROCESS_SPANS_ALL };

struct process_spans;

/* Takes what is reported. The span does not change meanwhile, and is gone afterwards. */
typedef void process_spans_output(void *argument, const struct span *span, const struct resource *resource);

/* process_spans_new - @mode: not NONE. @root: the command's; not set: there is none. NULL: no memory. */
struct process_spans *process_spans_new(enum process_spans_mode mode, const struct ring_program *root,
                                        process_spans_output *output, void *argument);

/* process_spans_note - something was seen under the span @span_id: it will be reported, and what it comes from. */
void process_spans_note(struct process_spans *spans, const uint8_t span_id[SPAN_ID_LEN]);

/* process_spans_add - one more has ended, a copy with lengths that hold. */
void process_spans_add(struct process_spans *spans, const struct span *span, const struct resource *resource);

/* The command, as who starts it knows it. */
struct process_command {
    pid_t pid;         /* 0: there is none */
    const char *path;  /* of its file */
    const char *blind; /* why nothing can be seen of it: the value of run_traced.process.blind; NULL: something can */
    const char *service_name; /* NULL: the file's */
    uint64_t start_ns; /* monotonic */
};

/* What is known of the command in the end. */
struct process_spans_end {
    const struct run_stats *stats;
    const struct process_command *command;
    bool has_status;
    int wait_status;   /* as waitpid(2) gives it */
    uint64_t end_ns;   /* when it ended, monotonic; 0: not known */
};

/* process_spans_finish - reports the command's span if anything is to be told by it, also if it made none itself;
 * drops the rest, and frees @spans. */
void process_spans_finish(struct process_spans *spans, const struct process_spans_end *end);

#endif
