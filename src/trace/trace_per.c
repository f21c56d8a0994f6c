#include "trace/trace_per.h"

#include <stdlib.h>
#include <string.h>

enum trace_per g_trace_per;

void trace_per_init_from_environment(void)
{
    const char *value = getenv("RUN_TRACED_TRACE_PER");
    if (value && strcmp(value, "process") == 0)
        g_trace_per = TRACE_PER_PROCESS;
    else if (value && strcmp(value, "test") == 0)
        g_trace_per = TRACE_PER_TEST;
}
