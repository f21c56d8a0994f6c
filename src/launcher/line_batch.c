#include "launcher/line_batch.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "export/exporter.h"
#include "export/file_sink.h"
#include "export/format_native.h"
#include "export/run_stats.h"
#include "export/socket_sink.h"
#include "export/span_facts.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_LEN = 256 * 1024, BATCH_LINES_MAX = 1024 };
static const uint64_t FINISH_MAX_NS = 2 * NANOS_PER_SECOND;

struct output {
    struct exporter exporter;
    struct file_sink file;
    struct socket_sink socket;
    bool is_mended; /* the file was looked at for a line that another left unfinished */
};

struct line_batch {
    struct text text;
    unsigned line_count;
    unsigned output_count;
    struct output outputs[EXPORTER_COUNT_MAX];
    struct span_note notes[BATCH_LINES_MAX];
    bool is_taken[BATCH_LINES_MAX];
    char bytes[BATCH_LEN];
};

struct line_batch *line_batch_new(const char *exporters)
{
    static struct exporter parsed[EXPORTER_COUNT_MAX];
    struct line_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->text = text_on(batch->bytes, sizeof batch->bytes);
    batch->output_count = exporter_list_parse(exporters, parsed, EXPORTER_COUNT_MAX);
    for (unsigned i = 0; i < batch->output_count; i++) {
        struct output *output = &batch->outputs[i];
        output->exporter = parsed[i];
        output->file.path = output->exporter.path;
        output->socket.exporter = &output->exporter;
        if (output->exporter.kind == EXPORTER_FILE)
            file_sink_prepare(&output->file); /* while there are descriptors */
    }
    return batch;
}

void line_batch_add(struct line_batch *batch, const struct span *span,
                    const struct resource *resource, bool is_taken)
{
    const struct span_note note = run_stats_note(span, resource);
    if (batch->output_count == 0) {
        if (is_taken)
            run_stats_count_span(&note);
        else if (!span_is_valid(span))
            run_stats_count_drop(DROP_DAMAGED, 0);
        return;
    }
    if (batch->text.capacity - batch->text.len < NATIVE_LINE_LEN_MAX ||
        batch->line_count == BATCH_LINES_MAX)
        line_batch_flush(batch);
    int error = native_format(span, resource, &batch->text);
    if (error) {
        run_stats_count_drop(DROP_DAMAGED, -error);
        return;
    }
    batch->is_taken[batch->line_count] = is_taken;
    batch->notes[batch->line_count++] = note;
}

/* Line by line: a socket keeps or loses whole lines. Returns how many it took. */
static unsigned socket_write(struct socket_sink *socket, const char *lines, size_t len)
{
    unsigned count = 0;
    while (len > 0) {
        size_t line_len = (size_t)((const char *)memchr(lines, '\n', len) - lines) + 1;
        count += socket_sink_write(socket, lines, line_len) == 0;
        lines += line_len;
        len -= line_len;
    }
    return count;
}

static unsigned output_write(struct output *output, const struct text *lines)
{
    unsigned count;
    if (output->exporter.kind != EXPORTER_FILE)
        return socket_write(&output->socket, lines->bytes, lines->len);
    if (!output->is_mended)
        file_sink_mend(&output->file);
    output->is_mended = true;
    file_sink_write(&output->file, lines->bytes, lines->len, &count);
    return count;
}

static void outputs_push(struct line_batch *batch)
{
    for (unsigned i = 0; i < batch->output_count; i++)
        if (batch->outputs[i].exporter.kind != EXPORTER_FILE)
            socket_sink_push(&batch->outputs[i].socket);
}

void line_batch_flush(struct line_batch *batch)
{
    unsigned taken = 0;
    if (batch->line_count == 0) {
        outputs_push(batch);
        return;
    }
    for (unsigned i = 0; i < batch->output_count; i++) {
        unsigned count = output_write(&batch->outputs[i], &batch->text);
        taken = MAX(taken, count);
    }
    for (unsigned i = 0; i < batch->line_count; i++)
        if (i < taken || batch->is_taken[i])
            run_stats_count_span(&batch->notes[i]);
    batch->text.len = 0;
    batch->line_count = 0;
}

void line_batch_finish(struct line_batch *batch)
{
    uint64_t deadline_ns = clock_monotonic_ns() + FINISH_MAX_NS;
    line_batch_flush(batch);
    for (unsigned i = 0; i < batch->output_count; i++)
        if (batch->outputs[i].exporter.kind != EXPORTER_FILE)
            socket_sink_flush(&batch->outputs[i].socket, deadline_ns);
    free(batch);
}
