#include "shim/life.h"

#include "base/process.h"
#include "export/direct_sink.h"
#include "export/run_stats.h"
#include "shim/callsite_record.h"
#include "shim/real.h"
#include "trace/active.h"
#include "trace/redact.h"
#include "trace/resource.h"
#include "wire/connection.h"

#include <string.h>

/* How long the end of a process may be held up by an exporter that is slow to take its spans. */
enum { FLUSH_TIMEOUT_MS = 100 };

THREAD_LOCAL int t_silence;

static bool g_is_tracing;

bool shim_is_tracing(void)
{
    return g_is_tracing;
}

/* OpenTelemetry SDK configuration: only "true", in any case, disables. */
static bool is_disabled(void)
{
    const char *disabled = getenv("OTEL_SDK_DISABLED");
    return disabled && strcasecmp(disabled, "true") == 0;
}

__attribute__((constructor)) static void life_begin(void)
{
    int saved = errno;
    real_resolve();
    /* A setuid program's environment is a stranger's: it does not say where to write. */
    const char *exporters = is_disabled() ? NULL : secure_getenv("RUN_TRACED_EXPORTER");
    if (exporters) {
        resource_init();
        redact_init();
        active_init_from_environment();
        run_stats_open(secure_getenv("RUN_TRACED_STATS"));
        run_stats_count_process();
        const struct span_sink *sink = direct_sink_init(exporters);
        span_sink_set(sink);
        g_is_tracing = sink != NULL;
    }
    if (g_is_tracing)
        callsite_init();
    errno = saved;
}

void life_end(void)
{
    if (!g_is_tracing || process_is_vfork_child())
        return;
    connection_exit_all();
    direct_sink_flush(FLUSH_TIMEOUT_MS);
}

__attribute__((destructor)) static void life_destructor(void)
{
    int saved = errno;
    life_end();
    errno = saved;
}
