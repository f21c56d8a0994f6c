/* The formats that are a line a span: the native one, and one for people. */
#include "backend/format.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "export/format_native.h"
#include "export/span_facts.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static void lines_begin(struct batch *batch)
{
    (void)batch;
}

static struct text *lines_finish(struct batch *batch, struct text *out)
{
    (void)out;
    return &batch->text;
}

static int native_add(struct batch *batch, const struct span *span, const struct resource *resource, bool is_same_group)
{
    (void)is_same_group;
    return native_format(span, resource, &batch->text);
}

/* 12:03:04.123 order-service → GET http://h/users/42 200 7.33 ms, trace 4c24…: what a terminal can show of it. */
static void printable_append(struct text *text, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        text_append_char(text, (uint8_t)bytes[i] < 0x20 || bytes[i] == 0x7f ? '?' : bytes[i]);
}

static void time_append(struct text *text, const struct span *span)
{
    char clock[32];
    time_t seconds = (time_t)(span->start_unix_nano / NANOS_PER_SECOND);
    struct tm local;
    if (!localtime_r(&seconds, &local))
        return;
    size_t len = strftime(clock, sizeof clock, "%H:%M:%S", &local);
    len += (size_t)snprintf(clock + len, sizeof clock - len, ".%03u ",
                            (unsigned)(span->start_unix_nano % NANOS_PER_SECOND / NANOS_PER_MILLI));
    text_append(text, clock, len);
}

struct outcome {
    struct attribute what, error;
    int64_t status_code;
};

static struct outcome outcome_of(const struct span *span)
{
    struct outcome outcome = {.status_code = 0};
    struct attribute_iterator iterator;
    struct attribute attribute;
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, &attribute)) {
        if (attribute.key == ATTRIBUTE_URL_FULL || attribute.key == ATTRIBUTE_URL_PATH ||
            (attribute.key == ATTRIBUTE_SERVER_ADDRESS && !outcome.what.len))
            outcome.what = attribute;
        else if (attribute.key == ATTRIBUTE_ERROR_TYPE)
            outcome.error = attribute;
        else if (attribute.key == ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE)
            outcome.status_code = attribute.number;
    }
    return outcome;
}

static void console_append(struct text *text, const struct span *span, const struct resource *resource)
{
    struct outcome outcome = outcome_of(span);
    struct attribute_element name = span_name(span);
    char duration[32];
    time_append(text, span);
    printable_append(text, resource->service_name, MIN(resource->service_name_len, sizeof resource->service_name));
    text_append_string(text, span->kind == SPAN_KIND_CLIENT ? " → " : " ");
    printable_append(text, name.bytes, name.len);
    if (outcome.what.len) {
        text_append_char(text, ' ');
        printable_append(text, outcome.what.string, outcome.what.len);
    }
    if (outcome.status_code) {
        text_append_char(text, ' ');
        text_append_decimal(text, outcome.status_code);
    }
    snprintf(duration, sizeof duration, " %.3g ms", (double)span_duration_us(span) / 1000);
    text_append_string(text, duration);
    if (span->status == SPAN_STATUS_ERROR) {
        text_append_string(text, " ERROR ");
        printable_append(text, outcome.error.string, outcome.error.len);
        text_append_string(text, span_message_len(span) ? ": " : "");
        printable_append(text, span->message, span_message_len(span));
    }
    text_append_string(text, " trace=");
    text_append_hex(text, span->trace_id, TRACE_ID_LEN);
    text_append_char(text, '\n');
}

static int console_add(struct batch *batch, const struct span *span, const struct resource *resource,
                       bool is_same_group)
{
    struct text line = batch->text;
    (void)is_same_group;
    if (!span_is_valid(span))
        return -EINVAL;
    console_append(&line, span, resource);
    if (line.overflowed)
        return -ENOSPC;
    batch->text = line;
    return 0;
}

const struct format FORMAT_NATIVE = {.name = "native", .begin = lines_begin, .add = native_add, .finish = lines_finish};
const struct format FORMAT_CONSOLE = {.name = "console", .begin = lines_begin, .add = console_add, .finish = lines_finish};
