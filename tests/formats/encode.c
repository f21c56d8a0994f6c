/* encode DIRECTORY - writes the same spans in the native format and in those of backends: DIRECTORY/native,
 * DIRECTORY/otlp-json and so on. For test_formats.py, which reads them by other people's decoders. */
#include "backend/format.h"
#include "export/format_native.h"
#include "support/random.h"
#include "support/sample_batch.h"

#include "base/compiler.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>

enum { RANDOM_SPANS = 3000, PROCESSES = 3 };

static const struct format *const FORMATS[] = {&FORMAT_OTLP_JSON, &FORMAT_OTLP_PROTOBUF, &FORMAT_ZIPKIN};

struct output {
    const struct format *format; /* NULL: native */
    struct batch *batch;
    struct text text;
};

static struct output g_outputs[ARRAY_LEN(FORMATS) + 1];

static void file_write(const char *directory, const char *name, const struct text *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    if (!file || fwrite(text->bytes, 1, text->len, file) != text->len || fclose(file))
        err(1, "%s", path);
}

static void outputs_begin(void)
{
    for (size_t i = 0; i < ARRAY_LEN(FORMATS); i++) {
        g_outputs[i].format = FORMATS[i];
        g_outputs[i].batch = sample_batch(FORMATS[i], 8 * BATCH_LEN_MAX);
    }
    g_outputs[ARRAY_LEN(FORMATS)].text = text_on(malloc(8 * BATCH_LEN_MAX), 8 * BATCH_LEN_MAX);
}

/* All formats take the same spans. */
static void span_add(const struct span *span, const struct resource *resource)
{
    int results[ARRAY_LEN(g_outputs)];
    for (size_t i = 0; i < ARRAY_LEN(g_outputs); i++) {
        struct output *o = &g_outputs[i];
        results[i] = o->format ? sample_batch_add(o->format, o->batch, span, resource)
                               : native_format(span, resource, &o->text);
        if (results[i] != results[0] || (results[i] && results[i] != -EINVAL))
            errx(1, "%s: %d, not %d", o->format ? o->format->name : "native", results[i], results[0]);
    }
}

/* Attributes of a span in a random order, some twice, with any bytes. */
static void span_attributes_randomise(struct span *span, uint64_t *seed)
{
    static const char *const names[] = {"http.request.header.a", "x", "q\"\\", "run_traced.y"};
    char bytes[300];
    for (size_t count = random_below(seed, 20); count > 0; count--) {
        size_t len = random_chance(seed, 8) ? random_below(seed, sizeof bytes) : random_below(seed, 24);
        const char *name = names[random_below(seed, ARRAY_LEN(names))];
        enum attribute_key key = (enum attribute_key)random_below(seed, ATTRIBUTE_COUNT);
        struct attribute_element elements[] = {{bytes, len / 2}, {bytes + len / 2, len - len / 2}};
        bool is_plain = random_chance(seed, 2);
        for (size_t i = 0; i < len; i++)
            bytes[i] = is_plain ? (char)(' ' + random_below(seed, 95)) : (char)random_next(seed);
        switch (random_below(seed, 5)) {
        case 0: span_set_int(span, key, (int64_t)random_next(seed) >> random_below(seed, 64)); break;
        case 1: span_set_true(span, key); break;
        case 2: span_set_custom(span, name, strlen(name), bytes, len); break;
        case 3: span_set_custom_array(span, name, strlen(name), elements, random_below(seed, 3)); break;
        default: span_set_string(span, key, bytes, len);
        }
    }
}

static void span_randomise(struct span *span, uint64_t *seed)
{
    sample_span(span);
    for (size_t i = 0; i < TRACE_ID_LEN; i++)
        span->trace_id[i] = (uint8_t)random_next(seed);
    for (size_t i = 0; i < SPAN_ID_LEN; i++)
        span->span_id[i] = (uint8_t)random_next(seed);
    if (random_chance(seed, 4))
        memset(span->parent_span_id, 0, SPAN_ID_LEN);
    span->kind = (uint8_t)random_below(seed, 3);
    span->status = (uint8_t)random_below(seed, 3);
    span->message_len = span->status == SPAN_STATUS_ERROR ? span->message_len : 0;
    span->trace_flags = (uint8_t)random_below(seed, 4);
    span->end_ns = span->start_ns + (random_next(seed) >> (20 + random_below(seed, 44)));
    span->name[0] = random_chance(seed, 10) ? (char)random_next(seed) : 'P';
    span_attributes_randomise(span, seed);
}

int main(int argc, char **argv)
{
    struct resource resources[PROCESSES];
    struct span span;
    uint64_t seed = 1;
    if (argc != 2)
        errx(2, "encode DIRECTORY");
    outputs_begin();
    for (int i = 0; i < PROCESSES; i++)
        sample_resource(&resources[i])->service_name[0] = (char)(i == 2 ? 0xff : 'a' + i);
    sample_span(&span);
    span_add(&span, &resources[0]);
    sample_span_small(&span);
    span_add(&span, &resources[0]);
    for (int i = 0; i < RANDOM_SPANS; i++) {
        span_randomise(&span, &seed);
        span.pid = 100 + i / 8 % PROCESSES;
        span_add(&span, &resources[i / 16 % PROCESSES]);
    }
    for (size_t i = 0; i < ARRAY_LEN(g_outputs); i++) {
        struct output *o = &g_outputs[i];
        struct text out = text_on(malloc(8 * BATCH_LEN_MAX), 8 * BATCH_LEN_MAX);
        file_write(argv[1], o->format ? o->format->name : "native",
                   o->format ? o->format->finish(o->batch, &out) : &o->text);
    }
    return 0;
}
