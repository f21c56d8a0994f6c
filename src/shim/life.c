#include "shim/life.h"

#include "base/memory.h"
#include "base/process.h"
#include "export/direct_sink.h"
#include "export/ring_sink.h"
#include "export/run_stats.h"
#include "shim/callsite_record.h"
#include "shim/curl_transfer.h"
#include "shim/kept_environment.h"
#include "shim/custom_span.h"
#include "shim/mark.h"
#include "shim/module.h"
#include "shim/node.h"
#include "shim/program.h"
#include "shim/program_arguments.h"
#include "shim/pytest.h"
#include "shim/python.h"
#include "shim/real.h"
#include "shim/ruby.h"
#include "shim/shell_request.h"
#include "shim/test_output.h"
#include "trace/active.h"
#include "trace/baggage.h"
#include "trace/ignore.h"
#include "trace/propagator.h"
#include "trace/redact.h"
#include "trace/resource.h"
#include "trace/sampler.h"
#include "trace/trace_per.h"
#include "wire/connection.h"

#include <string.h>

/* How long the end of a process may be held up by an exporter that is slow to take its spans. */
enum { FLUSH_TIMEOUT_MS = 100 };

static bool g_is_tracing;

/* By layout.ld: what is changed at the start. */
extern char __bss_start[], run_traced_start_end[] __attribute__((visibility("hidden")));

EARLY bool shim_is_tracing(void)
{
    return g_is_tracing;
}

/* OpenTelemetry SDK configuration: only "true", in any case, disables. */
static bool is_disabled(void)
{
    const char *disabled = getenv("OTEL_SDK_DISABLED");
    return disabled && strcasecmp(disabled, "true") == 0;
}

static void fork_prepare(void)
{
    mark_notice();
    exchange_fork_prepare();
}

static void fork_parent(void)
{
    exchange_fork_parent();
    process_note_fork();
}

/* At once, whoever comes next: a vfork child, say, would be taken for this process. */
static void fork_child(void)
{
    process_pid();
}

/* Are we in a run-traced that is traced itself? The requests that take its spans to backends are nobody's spans. */
static bool is_launcher(void)
{
    return _r_debug.r_map && module_exports(_r_debug.r_map, "run_traced_launcher");
}

/* Into the ring if it can be mapped; a process that has no right to it may still write by itself. */
static void tracing_begin(const char *ring, const char *exporters, char *const argv[])
{
    resource_init();
    const struct span_sink *sink = ring_sink_init(ring);
    if (!sink) {
        sink = direct_sink_init(exporters);
        run_stats_open(secure_getenv("RUN_TRACED_STATS"));
    }
    if (!sink)
        return;
    run_stats_count_process();
    if (is_launcher())
        return;
    g_is_tracing = true;
    span_sink_set(sink);
    pthread_atfork(fork_prepare, fork_parent, fork_child); /* daemon(3) too comes here */
    redact_init();
    sampler_init_from_environment();
    trace_per_init_from_environment();
    ignore_init();
    propagators_init_from_environment();
    http_extras_init();
    baggage_init();
    shell_request_adopt(argv);
    active_init_from_environment();
    program_arguments_init();
    program_begin(argv);
    callsite_init();
    mark_begin();
}

/* glibc gives constructors what it gives main(). */
__attribute__((constructor)) static void life_begin(int argc, char **argv)
{
    (void)argc;
    int saved = errno;
    memory_bring_in(__bss_start, (size_t)(run_traced_start_end - __bss_start));
    real_resolve();
    /* A setuid program's environment is a stranger's: it does not say where to write. */
    const char *ring = secure_getenv("RUN_TRACED_RING");
    const char *exporters = secure_getenv("RUN_TRACED_EXPORTER");
    if ((ring || exporters) && !is_disabled())
        tracing_begin(ring, exporters, argv);
    kept_environment_begin();
    if (g_is_tracing) {
        test_output_begin();
        node_begin(argv);
        python_begin();
        ruby_begin();
    }
    errno = saved;
}

void life_end(void)
{
    if (!g_is_tracing || process_is_vfork_child())
        return;
    mark_exit();
    pytest_exit();
    custom_span_exit_all();
    connection_exit_all();
    curl_transfer_exit_all();
    direct_sink_flush(FLUSH_TIMEOUT_MS);
}

__attribute__((destructor)) static void life_destructor(void)
{
    int saved = errno;
    life_end();
    errno = saved;
}
