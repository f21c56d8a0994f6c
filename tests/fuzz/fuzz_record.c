/* fuzz_record.c - a span record and a resource as a hostile process may leave them in the ring: out comes
 * an error or one line of valid JSON, and a valid message in each of the formats for backends.
 *
 * The input: the record up to its bytes[]; the four lengths of the resource; the first 16 bytes of each of
 * its names; a length (little-endian, two bytes) and that many of the record's bytes[]; then attributes of
 * the resource. What is missing is zero. */
#include "fuzz.h"

#include "backend/format.h"
#include "base/compiler.h"
#include "export/format_native.h"
#include "launcher/broken_off.h"
#include "support/json_check.h"
#include "support/otlp_check.h"
#include "support/wire_dump.h"
#include "view/span_decode.h"

#include <cjson/cJSON.h>
#include <errno.h>

/* In memory of exactly their size. */
struct ring_part {
    struct span *span;
    struct resource *resource;
};

static const uint8_t *take(const uint8_t *at, const uint8_t *end, void *out, size_t len)
{
    size_t taken = MIN(len, (size_t)(end - at));
    memcpy(out, at, taken);
    return at + taken;
}

static struct ring_part part_make(const uint8_t *at, const uint8_t *end)
{
    struct ring_part part = {calloc(1, sizeof *part.span), calloc(1, sizeof *part.resource)};
    struct resource *resource = part.resource;
    uint8_t bytes_len[2] = {0, 0};
    FUZZ_CHECK(part.span && resource, "no memory");
    at = take(at, end, part.span, offsetof(struct span, bytes));
    at = take(at, end, resource, offsetof(struct resource, service_name));
    at = take(at, end, resource->service_name, 16);
    at = take(at, end, resource->executable_name, 16);
    at = take(at, end, resource->host_name, 16);
    at = take(at, end, bytes_len, sizeof bytes_len);
    size_t len = (size_t)bytes_len[0] | (size_t)bytes_len[1] << 8;
    at = take(at, end, part.span->bytes, MIN(len, sizeof part.span->bytes));
    take(at, end, resource->attributes, sizeof resource->attributes);
    return part;
}

static void part_free(struct ring_part *part)
{
    free(part->span);
    free(part->resource);
}

static void line_bytes_check(const char *line, size_t len)
{
    FUZZ_CHECK(len > 0 && line[len - 1] == '\n', "no line");
    for (size_t i = 0; i < len - 1;) {
        size_t sequence = utf8_len((const uint8_t *)line + i, len - 1 - i);
        FUZZ_CHECK(sequence, "no UTF-8 at %zu: %.*s", i, (int)len, line);
        FUZZ_CHECK((uint8_t)line[i] >= ' ' && line[i] != 0x7f, "byte %02x at %zu: %.*s", line[i], i,
                   (int)len, line);
        i += sequence;
    }
}

static bool time_is_shown(uint64_t us)
{
    return us <= 1ULL << 53;
}

/* @line: NUL-terminated. Our own reader takes it, unless a time is beyond what JSON's numbers hold. */
static void reader_check(const struct span *span, const char *line, size_t len)
{
    struct string_pool pool = {0};
    struct view_span seen;
    uint64_t duration_ns = span->end_ns > span->start_ns ? span->end_ns - span->start_ns : 0;
    enum skip_reason reason = span_decode(line, len, &pool, &seen);
    bool is_shown = time_is_shown(span->start_unix_nano / NANOS_PER_MICRO) &&
                    time_is_shown(duration_ns / NANOS_PER_MICRO + (duration_ns % NANOS_PER_MICRO >= 500));
    FUZZ_CHECK(reason == (is_shown ? SKIP_NONE : SKIP_WRONG_TYPE), "%s: %s",
               skip_reason_text(reason), line);
    if (reason == SKIP_NONE)
        FUZZ_CHECK(memcmp(seen.trace_id, span->trace_id, TRACE_ID_LEN) == 0 &&
                       memcmp(seen.span_id, span->span_id, SPAN_ID_LEN) == 0 &&
                       memcmp(seen.parent_span_id, span->parent_span_id, SPAN_ID_LEN) == 0 &&
                       seen.kind == span->kind && seen.is_error == (span->status == SPAN_STATUS_ERROR),
                   "another span: %s", line);
    string_pool_free(&pool);
}

static void line_check(const struct span *span, char *line, size_t len)
{
    const char *end = NULL;
    line_bytes_check(line, len);
    line[len] = '\0';
    cJSON *json = cJSON_ParseWithLengthOpts(line, len + 1, &end, 1);
    FUZZ_CHECK(json && cJSON_IsObject(json), "no JSON at '%.20s': %s", end ? end : "", line);
    FUZZ_CHECK(cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(json, "attributes")) &&
                   cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(json, "resource")),
               "%s", line);
    cJSON_Delete(json);
    reader_check(span, line, len);
}

/* Less room than is needed, for the line or for a part of it: nothing is added. */
static void small_room_check(const struct ring_part *part, size_t line_len)
{
    size_t capacity = part->span->start_ns % 2 ? line_len - 1 : part->span->start_ns % line_len;
    char *bytes = malloc(capacity + 1);
    FUZZ_CHECK(bytes, "no memory");
    struct text text = text_on(bytes, capacity);
    int result = native_format(part->span, part->resource, &text);
    FUZZ_CHECK(result == -ENOSPC && text.len == 0 && !text.overflowed, "%d, %zu bytes of %zu",
               result, text.len, capacity);
    free(bytes);
}

static void message_check(const struct format *format, const struct text *message, unsigned span_count)
{
    struct otlp_count count = {.spans = span_count};
    const char *problem = format == &FORMAT_OTLP_PROTOBUF ? otlp_problem(message->bytes, message->len, &count)
                                                          : json_problem(message->bytes, message->len);
    FUZZ_CHECK(!problem && count.spans == span_count && !message->overflowed, "%s: %s, %u spans", format->name,
               problem ? problem : "no problem", count.spans);
}

/* The span, again, and as another process's, in @capacity bytes at @room: returns how many were used. What was refused has left
 * no trace. */
static size_t batch_check(const struct format *format, const struct ring_part *part, char *room, size_t capacity, int expected)
{
    static struct batch batch;
    batch.span_count = 0;
    batch.text = text_on(room, capacity);
    format->begin(&batch);
    for (int i = 0; i < 3; i++) {
        size_t len = batch.text.len;
        int result = format->add(&batch, part->span, part->resource, i == 1 && batch.span_count == 1);
        FUZZ_CHECK(result == expected || result == -ENOSPC, "%s: %d", format->name, result);
        FUZZ_CHECK(!batch.text.overflowed && (result == 0 || batch.text.len == len), "%s: %d", format->name, result);
        FUZZ_CHECK(result != 0 || capacity - batch.text.len >= BATCH_END_LEN_MAX, "%s: %zu bytes of %zu", format->name,
                   batch.text.len, capacity);
        batch.span_count += result == 0;
    }
    size_t used = batch.text.len;
    struct text unused = text_on(NULL, 0);
    if (batch.span_count)
        message_check(format, format->finish(&batch, &unused), batch.span_count);
    return used;
}

/* All of them with room enough, and one with less. @expected: what native_format() said. */
static void formats_check(const struct ring_part *part, int expected)
{
    static const struct format *const formats[] = {&FORMAT_OTLP_JSON, &FORMAT_OTLP_PROTOBUF, &FORMAT_ZIPKIN};
    enum { ROOM = 3 * 2 * NATIVE_LINE_LEN_MAX, BEGIN_LEN_MAX = 32 };
    static char room[ROOM];
    size_t used[ARRAY_LEN(formats)], chosen = part->span->end_ns % ARRAY_LEN(formats);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        used[i] = batch_check(formats[i], part, room, sizeof room, expected);
    size_t capacity = BEGIN_LEN_MAX + part->span->start_ns % (used[chosen] + BATCH_END_LEN_MAX);
    char *small = malloc(capacity);
    FUZZ_CHECK(small, "no memory");
    batch_check(formats[chosen], part, small, capacity, expected);
    free(small);
}

static bool is_msgpack(const struct text *message)
{
    char unseen[1];
    struct text out = text_on(unseen, 0);
    return msgpack_dump_all(message, &out);
}

static bool is_thrift(const struct text *message)
{
    char unseen[1];
    struct text out = text_on(unseen, 0);
    return thrift_dump_all(message, &out);
}

static bool is_datagram(const struct text *message)
{
    static const char header[] = "{\"format\": \"json\", \"version\": 1}\n";
    size_t header_len = sizeof header - 1;
    const char *end = NULL;
    if (message->len > 65507 || message->len < header_len || memcmp(message->bytes, header, header_len) != 0)
        return false;
    for (size_t i = 0; i < message->len;) {
        size_t sequence = utf8_len((const uint8_t *)message->bytes + i, message->len - i);
        if (!sequence)
            return false;
        i += sequence;
    }
    cJSON *json = cJSON_ParseWithLengthOpts(message->bytes + header_len, message->len - header_len, &end, 0);
    bool is_whole = cJSON_IsObject(json) && end == message->bytes + message->len;
    cJSON_Delete(json);
    return is_whole;
}

static const struct {
    const struct format *format;
    bool (*is_valid)(const struct text *message);
} BACKENDS[] = {{&FORMAT_DATADOG, is_msgpack}, {&FORMAT_JAEGER_THRIFT, is_thrift}, {&FORMAT_XRAY, is_datagram}};

/* Into a batch with room for @capacity bytes; of each format that is valid, or nothing is added. */
static void backends_check(const struct ring_part *part, size_t capacity)
{
    static struct batch batch;
    char *room = malloc(capacity + 1), *out_room = malloc(capacity + 1);
    FUZZ_CHECK(room && out_room, "no memory");
    for (size_t i = 0; i < ARRAY_LEN(BACKENDS); i++) {
        const struct format *format = BACKENDS[i].format;
        struct text out = text_on(out_room, capacity);
        batch.text = text_on(room, capacity);
        batch.span_count = 0;
        format->begin(&batch);
        size_t begun_len = batch.text.len;
        int result = format->add(&batch, part->span, part->resource, false);
        FUZZ_CHECK(result == 0 || result == -EINVAL || (result == -ENOSPC && capacity < 1 << 17), "%s: %d", format->name,
                   result);
        FUZZ_CHECK(result == 0 || batch.text.len == begun_len, "%s: %zu bytes added", format->name,
                   batch.text.len - begun_len);
        if (result)
            continue;
        memcpy(batch.entries[0].trace_id, part->span->trace_id, TRACE_ID_LEN);
        batch.span_count = 1;
        struct text *message = format->finish(&batch, &out);
        FUZZ_CHECK(!message->overflowed && BACKENDS[i].is_valid(message), "%s: %zu bytes", format->name, message->len);
    }
    free(room);
    free(out_room);
}

/* Returns what native_format does. */
static int part_check(const struct ring_part *part)
{
    char *line = malloc(NATIVE_LINE_LEN_MAX + 1);
    FUZZ_CHECK(line, "no memory");
    struct text text = text_on(line, NATIVE_LINE_LEN_MAX);
    int result = native_format(part->span, part->resource, &text);
    FUZZ_CHECK(result == 0 || (result == -EINVAL && text.len == 0), "%d, %zu bytes", result,
               text.len);
    if (result == 0)
        line_check(part->span, line, text.len);
    if (result == 0)
        small_room_check(part, text.len);
    free(line);
    return result;
}

/* What the collector makes of a record that its process left open. */
static void part_break_off(struct ring_part *part)
{
    static const struct exit_reason reasons[] = {
        {.is_known = false}, {.is_known = true, .wait_status = 9}, {.is_known = true, .is_exec = true}};
    const struct exit_reason *reason = &reasons[part->span->end_ns % ARRAY_LEN(reasons)];
    bool is_known = part->span->kind <= SPAN_KIND_CLIENT; /* the status becomes ERROR */
    bool is_request = part->span->kind != SPAN_KIND_INTERNAL && part->span->role != SPAN_ROLE_PROCESS;
    broken_off_complete(part->span, reason, part->span->end_ns);
    int result = part_check(part); /* ids and status of others stay as they are */
    FUZZ_CHECK(!is_request || (result == 0) == is_known, "kind %d", part->span->kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct ring_part part = part_make(input, input + len);
    formats_check(&part, part_check(&part));
    backends_check(&part, 1 << 17);
    part_break_off(&part);
    backends_check(&part, part.span->start_ns % 4096);
    part_free(&part);
    return 0;
}
