/* trace_per.h - what has a trace of its own: RUN_TRACED_TRACE_PER. */
#ifndef RUN_TRACED_TRACE_TRACE_PER_H
#define RUN_TRACED_TRACE_TRACE_PER_H

enum trace_per {
    TRACE_PER_RUN,     /* all that belongs together, from the command on */
    TRACE_PER_PROCESS, /* each program that is started */
    TRACE_PER_TEST,    /* each test: its span is a root, with a link to what it would be a child of */
};

/* The one in use. To be changed by the function below alone. */
extern enum trace_per g_trace_per;

/* trace_per_init_from_environment - library start-up only. What is not known counts as run. */
void trace_per_init_from_environment(void);

#endif
