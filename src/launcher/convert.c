#include "launcher/convert.h"

#include "backend/record_read.h"
#include "backend/target.h"
#include "launcher/message.h"
#include "view/output_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What stands around the spans of a message, so that many become one. */
static const struct envelope {
    const struct format *format;
    const char *begin, *end;
} ENVELOPES[] = {
    {&FORMAT_OTLP_JSON, "{\"resourceSpans\":[", "]}"},
    {&FORMAT_ZIPKIN, "[", "]"},
};

struct conversion {
    const struct format *format;
    const struct envelope *envelope; /* NULL: a line for each message */
    FILE *out;
    struct batch *batch;
    struct text room;       /* of a message, for formats that need it */
    uint64_t message_count; /* written */
    uint64_t cut_count, left_out_count;
};

static int lines_copy(void *out, const char *line, size_t len)
{
    fwrite(line, 1, len, out);
    if (line[len - 1] != '\n')
        putc('\n', out);
    return 0;
}

static void batch_begin(struct conversion *conversion)
{
    struct batch *batch = conversion->batch;
    batch->text.len = 0;
    batch->text.overflowed = false;
    batch->span_count = 0;
    conversion->format->begin(batch);
}

static void message_print_to(struct conversion *conversion, const struct text *text)
{
    const struct envelope *envelope = conversion->envelope;
    size_t begin = envelope ? strlen(envelope->begin) : 0, end = envelope ? strlen(envelope->end) : 0;
    if (envelope)
        fputs(conversion->message_count ? "," : envelope->begin, conversion->out);
    fwrite(text->bytes + begin, 1, text->len - begin - end, conversion->out);
    if (!envelope)
        putc('\n', conversion->out);
    conversion->message_count++;
}

static void batch_finish(struct conversion *conversion)
{
    conversion->room.len = 0;
    if (conversion->batch->span_count)
        message_print_to(conversion, conversion->format->finish(conversion->batch, &conversion->room));
}

static int record_add(struct conversion *conversion, const struct span *span, const struct resource *resource)
{
    struct batch *batch = conversion->batch;
    bool is_same = batch->span_count > 0 && batch->pid == span->pid &&
                   memcmp(&batch->resource, resource, sizeof *resource) == 0;
    if (batch->span_count == BATCH_SPANS_MAX)
        return -ENOSPC;
    int result = conversion->format->add(batch, span, resource, is_same);
    if (result < 0)
        return result;
    memcpy(batch->entries[batch->span_count++].trace_id, span->trace_id, TRACE_ID_LEN);
    batch->resource = *resource;
    batch->pid = span->pid;
    return 0;
}

/* A span that no record can hold is counted, and the others go on. */
static int line_convert(void *context, const char *line, size_t len)
{
    struct conversion *conversion = context;
    struct span span;
    struct resource resource;
    bool is_whole;
    int result = record_read(line, len, &span, &resource, &is_whole);
    if (result == 0)
        result = record_add(conversion, &span, &resource);
    if (result == -ENOSPC) {
        batch_finish(conversion);
        batch_begin(conversion);
        result = record_add(conversion, &span, &resource);
    }
    if (result == 0)
        conversion->cut_count += !is_whole;
    else
        conversion->left_out_count++;
    return 0;
}

static void losses_tell(const struct conversion *conversion)
{
    if (conversion->left_out_count)
        message_print("%llu span%s left out: of a kind that is not recorded here, or too large",
                      (unsigned long long)conversion->left_out_count, conversion->left_out_count == 1 ? "" : "s");
    if (conversion->cut_count)
        message_print("%llu span%s not whole: there is no room for all that another program wrote; the spans file has it",
                      (unsigned long long)conversion->cut_count, conversion->cut_count == 1 ? "" : "s");
}

static int spans_convert(struct conversion *conversion, const struct view_source *source)
{
    char *bytes = malloc(2 * (size_t)BATCH_LEN_MAX);
    conversion->batch = calloc(1, sizeof *conversion->batch);
    int result = bytes && conversion->batch ? 0 : -ENOMEM;
    if (result == 0) {
        conversion->batch->text = text_on(bytes, BATCH_LEN_MAX);
        conversion->room = text_on(bytes + BATCH_LEN_MAX, BATCH_LEN_MAX);
        batch_begin(conversion);
        result = view_source_read(source, line_convert, conversion);
        batch_finish(conversion);
    }
    if (result == 0 && conversion->envelope) {
        fputs(conversion->message_count ? "" : conversion->envelope->begin, conversion->out);
        fprintf(conversion->out, "%s\n", conversion->envelope->end);
    }
    free(bytes);
    free(conversion->batch);
    if (result == 0)
        losses_tell(conversion);
    return result;
}

/* OTLP's files have a line for each message; what else ends in .json is one value. */
static bool is_lines(const struct format *format, const char *path)
{
    size_t len = strlen(path);
    return format == &FORMAT_OTLP_JSON && !(len >= 5 && strcmp(path + len - 5, ".json") == 0);
}

int convert_write(const struct view_source *source, const char *path)
{
    struct conversion conversion = {.format = target_format_of_file(path)};
    struct output_file file;
    const char *beginning = "";
    for (size_t i = 0; i < ARRAY_LEN(ENVELOPES); i++)
        if (ENVELOPES[i].format == conversion.format) {
            conversion.envelope = is_lines(conversion.format, path) ? NULL : &ENVELOPES[i];
            beginning = ENVELOPES[i].begin;
        }
    int result = output_file_open(path, beginning, &file);
    if (result < 0)
        return result;
    conversion.out = file.out;
    result = conversion.format ? spans_convert(&conversion, source) : view_source_read(source, lines_copy, file.out);
    return output_file_close(&file, result);
}
