#include "launcher/environment.h"

#include "launcher/library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int variable_set(const char *name, const char *value)
{
    int result = value ? setenv(name, value, 1) : unsetenv(name);
    return result < 0 ? -errno : 0;
}

static int preload_add(const char *library)
{
    const char *existing = getenv("LD_PRELOAD");
    size_t size = (existing ? strlen(existing) : 0) + strlen(library) + 2;
    char *value = malloc(size);
    if (!value)
        return -ENOMEM;
    int error = library_preload_value(existing, library, value, size);
    if (!error)
        error = variable_set("LD_PRELOAD", value);
    free(value);
    return error;
}

/* AddressSanitizer's runtime refuses to run where another library was loaded before it. It works all the
 * same: its interceptors are what our calls go on to. Programs without it do not know the variable. */
static int asan_options_add(void)
{
    static const char option[] = "verify_asan_link_order";
    const char *existing = getenv("ASAN_OPTIONS");
    char *value;
    if (existing && strstr(existing, option))
        return 0;
    if (asprintf(&value, "%s%s%s=0", existing ? existing : "", existing && *existing ? ":" : "",
                 option) < 0)
        return -ENOMEM;
    int error = variable_set("ASAN_OPTIONS", value);
    free(value);
    return error;
}

int environment_apply(const struct environment *environment)
{
    int error = environment->library ? preload_add(environment->library) : 0;
    if (!error && environment->library)
        error = asan_options_add();
    if (!error)
        error = variable_set("RUN_TRACED_EXPORTER", environment->exporters);
    if (!error)
        error = variable_set("RUN_TRACED_RING", environment->ring_path);
    if (!error && environment->process_spans)
        error = variable_set("RUN_TRACED_PROCESS_SPANS", environment->process_spans);
    if (!error && environment->has_process_args)
        error = variable_set("RUN_TRACED_PROCESS_ARGS", "on");
    if (!error && environment->service_name)
        error = variable_set("OTEL_SERVICE_NAME", environment->service_name);
    if (!error && environment->stacktrace)
        error = variable_set("RUN_TRACED_STACKTRACE", environment->stacktrace);
    if (!error && environment->trace_per)
        error = variable_set("RUN_TRACED_TRACE_PER", environment->trace_per);
    return error;
}
