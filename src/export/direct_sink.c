#include "export/direct_sink.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "base/slab.h"
#include "export/exporter.h"
#include "export/file_sink.h"
#include "export/format_native.h"
#include "export/run_stats.h"
#include "export/socket_sink.h"

/* 65,536 open spans: 128 MB if all are in use at once, nothing before the first. */
enum { SPANS_PER_CHUNK = 64, SPAN_CHUNKS_MAX = 1024 };
/* One line buffer for each thread that ends a span at this moment. */
enum { LINE_BUFFERS_MAX = 256 };

static BULKY_DATA struct slab g_spans =
    SLAB_INITIALIZER(sizeof(struct span), SPANS_PER_CHUNK, SPAN_CHUNKS_MAX);
static BULKY_DATA struct slab g_lines = SLAB_INITIALIZER(NATIVE_LINE_LEN_MAX, 1, LINE_BUFFERS_MAX);

/* Written by direct_sink_init() alone; the sinks guard themselves. */
static BULKY struct exporter g_exporters[EXPORTER_COUNT_MAX];
static struct output {
    bool is_file;
    struct file_sink file;
    struct socket_sink socket;
} g_outputs[EXPORTER_COUNT_MAX];
static unsigned g_output_count;

static struct own_fd *output_fd(struct output *output)
{
    return output->is_file ? &output->file.fd : &output->socket.fd;
}

static struct span *direct_claim(void)
{
    uint32_t index;
    struct span *span = slab_alloc(&g_spans, &index);
    if (UNLIKELY(!span)) {
        run_stats_count_drop(DROP_NO_MEMORY, 0);
        return NULL;
    }
    /* Another thread may still look for a link there (slab_alloc). */
    __atomic_store_n(&span->index, index, __ATOMIC_RELAXED);
    return span;
}

/* The first to end or abandon a span has it; a second one must not give the record back twice. */
static bool span_take(struct span *span)
{
    return atomic_exchange_explicit(&span->state, SPAN_FREE, memory_order_acq_rel) == SPAN_OPEN;
}

/* Every output gets its try. True if at least one took the line. */
static bool outputs_write(const char *line, size_t len)
{
    bool is_taken = false;
    for (unsigned i = 0; i < g_output_count; i++) {
        struct output *output = &g_outputs[i];
        int error = output->is_file ? file_sink_write(&output->file, line, len, NULL)
                                    : socket_sink_write(&output->socket, line, len);
        is_taken = is_taken || error == 0;
    }
    return is_taken;
}

static void span_export(const struct span *span, char *buffer)
{
    const struct resource *resource = resource_current();
    struct text line = text_on(buffer, NATIVE_LINE_LEN_MAX);
    int error = native_format(span, resource, &line);
    const struct span_note note = run_stats_note(span, resource);
    if (error)
        run_stats_count_drop(DROP_DAMAGED, -error);
    else if (outputs_write(line.bytes, line.len))
        run_stats_count_span(&note);
}

static void direct_publish(struct span *span)
{
    if (!span_take(span))
        return;
    uint32_t line_index;
    char *buffer = slab_alloc(&g_lines, &line_index);
    if (LIKELY(buffer)) {
        span_export(span, buffer);
        slab_free(&g_lines, line_index);
    } else {
        run_stats_count_drop(DROP_NO_MEMORY, 0);
    }
    slab_free(&g_spans, span->index);
}

static void direct_abandon(struct span *span)
{
    if (span_take(span))
        slab_free(&g_spans, span->index);
}

const struct span_sink *direct_sink_init(const char *exporters)
{
    static const struct span_sink sink = {direct_claim, direct_publish, direct_abandon};
    if (!exporters || !*exporters)
        return NULL;
    process_pid(); /* before there is a vfork child that could be taken for this process */
    g_output_count = exporter_list_parse(exporters, g_exporters, EXPORTER_COUNT_MAX);
    for (unsigned i = 0; i < g_output_count; i++) {
        g_outputs[i].is_file = g_exporters[i].kind == EXPORTER_FILE;
        g_outputs[i].file.path = g_exporters[i].path;
        g_outputs[i].file.is_guest = true;
        g_outputs[i].socket.exporter = &g_exporters[i];
    }
    return g_output_count ? &sink : NULL;
}

void direct_sink_prepare(void)
{
    for (unsigned i = 0; i < g_output_count; i++) {
        if (g_outputs[i].is_file)
            file_sink_prepare(&g_outputs[i].file);
        else
            socket_sink_prepare(&g_outputs[i].socket);
    }
}

void direct_sink_flush(int timeout_ms)
{
    /* A vfork child that is about to exec: what is pending is its parent's. */
    if (process_is_vfork_child())
        return;
    uint64_t deadline_ns = clock_monotonic_ns() + (uint64_t)MAX(timeout_ms, 0) * NANOS_PER_MILLI;
    for (unsigned i = 0; i < g_output_count; i++)
        if (!g_outputs[i].is_file)
            socket_sink_flush(&g_outputs[i].socket, deadline_ns);
}

bool direct_sink_owns(int fd)
{
    for (unsigned i = 0; i < g_output_count; i++)
        if (UNLIKELY(own_fd_is(output_fd(&g_outputs[i]), fd)))
            return true;
    return false;
}

void direct_sink_move(int fd)
{
    for (unsigned i = 0; i < g_output_count; i++) {
        struct own_fd *own = output_fd(&g_outputs[i]);
        if (own_fd_is(own, fd) && !process_is_vfork_child())
            own_fd_move(own);
    }
}
