/* environment.h - what the command finds in its environment beside what we found in ours. */
#ifndef RUN_TRACED_LAUNCHER_ENVIRONMENT_H
#define RUN_TRACED_LAUNCHER_ENVIRONMENT_H

#include <stdbool.h>

struct environment {
    const char *library;      /* added to LD_PRELOAD; NULL: nothing is preloaded */
    const char *exporters;    /* RUN_TRACED_EXPORTER */
    const char *ring_path;    /* RUN_TRACED_RING; NULL: removed */
    const char *process_spans; /* RUN_TRACED_PROCESS_SPANS; NULL: left as it is */
    bool has_process_args;     /* RUN_TRACED_PROCESS_ARGS becomes on; false: left as it is */
    const char *service_name; /* OTEL_SERVICE_NAME; NULL: left as it is */
    const char *stacktrace;   /* RUN_TRACED_STACKTRACE; NULL: left as it is */
    const char *trace_per;    /* RUN_TRACED_TRACE_PER; NULL: left as it is */
};

/* environment_apply - changes our own environment, which the command is then started with. Nothing
 * but these variables is touched. Returns 0 or a negative errno. */
int environment_apply(const struct environment *environment);

#endif
