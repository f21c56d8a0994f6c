#include "shim/mark.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "export/ring_sink.h"
#include "shim/test_span.h"

static uint32_t g_seen_count;
static uint32_t g_version; /* of the mark that we are at */
static uint64_t g_begin_ns;
static custom_span_id g_step;
static int g_step_pid; /* a fork child's steps are parts of its parent's */

void mark_begin(void)
{
    g_seen_count = ring_sink_mark_count();
    g_begin_ns = clock_monotonic_ns();
}

static void step_end(uint64_t end_ns)
{
    if (g_step_pid == process_pid())
        custom_span_end(g_step, end_ns);
}

static COLD void look(void)
{
    struct ring_sink_mark mark;
    if (!ring_sink_find_mark(&mark) || mark.version == g_version || mark.monotonic_ns < g_begin_ns)
        return;
    struct test_name name = {.name = mark.name, .name_len = mark.name_len};
    g_version = mark.version;
    step_end(mark.monotonic_ns);
    g_step = test_span_begin(&name, mark.monotonic_ns);
    g_step_pid = process_pid();
}

void mark_notice(void)
{
    uint32_t count = ring_sink_mark_count();
    if (LIKELY(count == g_seen_count))
        return;
    g_seen_count = count;
    look();
}

void mark_exit(void)
{
    mark_notice();
    step_end(0);
}
