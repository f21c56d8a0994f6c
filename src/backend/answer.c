#include "backend/answer.h"

#include "base/compiler.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_otlp(const struct format *format)
{
    return format == &FORMAT_OTLP_PROTOBUF || format == &FORMAT_OTLP_JSON;
}

static bool is_temporary(const struct format *format, long status)
{
    if (is_otlp(format))
        return status == 429 || (status >= 502 && status <= 504);
    return status == 408 || status == 429 || status >= 500;
}

/* What is to be seen of it, on one line. */
static void reason_set(struct delivery *out, const char *before, const char *text, size_t len)
{
    size_t at = (size_t)snprintf(out->reason, sizeof out->reason, "%s", before);
    for (size_t i = 0; i < len && at + 1 < MIN(sizeof out->reason, 200U); i++)
        out->reason[at++] = (uint8_t)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
    while (at > 0 && out->reason[at - 1] == ' ')
        at--;
    out->reason[at] = 0;
}

/* ---- a partial success ---- */

struct protobuf_reader {
    const uint8_t *at, *end;
};

struct protobuf_field {
    uint64_t number, varint;
    const uint8_t *bytes; /* NULL: it is a varint */
    size_t len;
};

static bool varint_read(struct protobuf_reader *reader, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* Varints and bytes alone: what else comes ends the reading. */
static bool field_read(struct protobuf_reader *reader, struct protobuf_field *field)
{
    uint64_t key, len;
    if (!varint_read(reader, &key))
        return false;
    *field = (struct protobuf_field){.number = key >> 3};
    if ((key & 7) == 0)
        return varint_read(reader, &field->varint);
    if ((key & 7) != 2 || !varint_read(reader, &len) || len > (uint64_t)(reader->end - reader->at))
        return false;
    field->bytes = reader->at;
    field->len = (size_t)len;
    reader->at += len;
    return true;
}

/* ExportTraceServiceResponse { partial_success = 1 { rejected_spans = 1, error_message = 2 } } */
static void partial_read_protobuf(const char *body, size_t len, struct delivery *out)
{
    struct protobuf_reader outer = {(const uint8_t *)body, (const uint8_t *)body + len};
    struct protobuf_field partial, field;
    if (!field_read(&outer, &partial) || partial.number != 1 || !partial.bytes)
        return;
    struct protobuf_reader inner = {partial.bytes, partial.bytes + partial.len};
    while (field_read(&inner, &field))
        if (field.number == 1 && !field.bytes)
            out->rejected_count = field.varint;
        else if (field.number == 2 && field.bytes)
            reason_set(out, "", (const char *)field.bytes, field.len);
}

static void partial_read_json(const char *body, size_t len, struct delivery *out)
{
    cJSON *root = cJSON_ParseWithLength(body, len);
    const cJSON *partial = cJSON_GetObjectItemCaseSensitive(root, "partialSuccess");
    const cJSON *rejected = cJSON_GetObjectItemCaseSensitive(partial, "rejectedSpans");
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(partial, "errorMessage"));
    if (cJSON_IsString(rejected))
        out->rejected_count = strtoull(rejected->valuestring, NULL, 10);
    else if (cJSON_IsNumber(rejected) && rejected->valuedouble > 0)
        out->rejected_count = (uint64_t)rejected->valuedouble;
    if (message)
        reason_set(out, "", message, strlen(message));
    cJSON_Delete(root);
}

static const char *advice(long status)
{
    switch (status) {
    case 401:
    case 403:
        return " (OTEL_EXPORTER_OTLP_HEADERS may carry what it wants)";
    case 404:
        return " (a path in the URL replaces the usual one)";
    case 415:
        return " (?format=otlp-json or otlp-protobuf chooses)";
    default:
        return "";
    }
}

void answer_read(const struct format *format, long status, const char *body, size_t len, struct delivery *out)
{
    char before[96];
    if (status >= 200 && status < 300) {
        out->outcome = DELIVERY_DONE;
        if (format == &FORMAT_OTLP_PROTOBUF)
            partial_read_protobuf(body, len, out);
        else if (format == &FORMAT_OTLP_JSON)
            partial_read_json(body, len, out);
        return;
    }
    out->outcome = is_temporary(format, status) ? DELIVERY_LATER : DELIVERY_REFUSED;
    snprintf(before, sizeof before, "HTTP %ld%s%s", status, advice(status), len ? ": " : "");
    reason_set(out, before, body, len);
}
