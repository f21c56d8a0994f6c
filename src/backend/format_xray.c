/* format_xray.c - segment documents for AWS X-Ray's daemon: each span is one datagram of its own, entries[] tell where.
 * AWS X-Ray Developer Guide, "Sending segment documents to X-Ray" and "X-Ray segment documents"; what becomes of
 * OpenTelemetry's parts is as in the OpenTelemetry collector's awsxrayexporter.
 *
 * A trace id's first eight digits are the time where X-Ray makes it; it accepts W3C's random ones as well. Nothing is said
 * of the AWS resource (origin, aws), which is not known here. */
#include "backend/format.h"
#include "backend/json_object.h"
#include "backend/span_text.h"
#include "backend/xray_metadata.h"
#include "export/span_facts.h"

#include <errno.h>

enum {
    TRACE_TIME_LEN = 4,
    DATAGRAM_LEN_MAX = 64 * 1024 - 1 - 28, /* without the headers of IP and UDP */
    NAME_LEN_MAX = 200,
    STATUS_TOO_MANY_REQUESTS = 429,
};

/* Each byte of a record is shown twice at most (a URL whole, and its address), of a resource once, and is six as JSON. */
_Static_assert(6 * (2 * SPAN_RECORD_LEN + (int)sizeof(struct resource)) + 4096 < DATAGRAM_LEN_MAX, "a span fits");

static void append_id(struct text *text, const char *key, const uint8_t id[SPAN_ID_LEN])
{
    json_append_key(text, key);
    text_append_literal(text, "\"");
    text_append_hex(text, id, SPAN_ID_LEN);
    text_append_literal(text, "\"");
}

static void append_trace_id(struct text *text, const uint8_t trace_id[TRACE_ID_LEN])
{
    json_append_key(text, "trace_id");
    text_append_literal(text, "\"1-");
    text_append_hex(text, trace_id, TRACE_TIME_LEN);
    text_append_literal(text, "-");
    text_append_hex(text, trace_id + TRACE_TIME_LEN, TRACE_ID_LEN - TRACE_TIME_LEN);
    text_append_literal(text, "\"");
}

static bool is_subsegment(const struct span *span)
{
    return span->kind != SPAN_KIND_SERVER && !span_is_root(span);
}

static bool is_name_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr(" _.:/%&#=+\\-@", c));
}

/* Letters beyond ASCII are allowed, but which those are takes Unicode's tables: they become a _ like all that is not. */
static void append_name(struct text *text, const char *name, size_t len)
{
    char room[NAME_LEN_MAX];
    struct text clean = text_on(room, sizeof room);
    for (size_t i = 0; i < len && clean.len < sizeof room; i++)
        if (((unsigned char)name[i] & 0xc0) != 0x80) /* one _ for a sequence of UTF-8 */
            text_append_char(&clean, is_name_char(name[i]) ? name[i] : '_');
    json_append_string(text, "name", clean.len ? clean.bytes : "unknown", clean.len ? clean.len : 7);
}

/* A segment is named by the service that it tells of, a call by whom it goes to. */
static void append_who(struct text *text, const struct span *span, const struct resource *resource,
                       const struct span_values *values)
{
    const struct attribute *address = span_value(values, ATTRIBUTE_SERVER_ADDRESS, ATTRIBUTE_STRING);
    const char *service;
    struct attribute_element name = span_name(span);
    size_t service_len = resource_service(resource, &service);
    if (!is_subsegment(span))
        append_name(text, service, service_len);
    else if (span->kind == SPAN_KIND_CLIENT && address && address->len)
        append_name(text, address->string, address->len);
    else
        append_name(text, name.bytes, name.len);
    append_id(text, "id", span->span_id);
    append_trace_id(text, span->trace_id);
    if (!span_is_root(span))
        append_id(text, "parent_id", span->parent_span_id);
    json_append_seconds(text, "start_time", span->start_unix_nano);
    json_append_seconds(text, "end_time", span_end_unix_nano(span));
    if (is_subsegment(span))
        json_append_string(text, "type", "subsegment", 10);
    if (is_subsegment(span) && span->kind == SPAN_KIND_CLIENT)
        json_append_string(text, "namespace", "remote", 6);
}

static void append_cause(struct text *text, const struct span *span, const struct span_values *values)
{
    const struct attribute *type = span_value(values, ATTRIBUTE_ERROR_TYPE, ATTRIBUTE_STRING);
    uint8_t id[SPAN_ID_LEN]; /* to be unique in the trace, as the span's is */
    for (size_t i = 0; i < sizeof id; i++)
        id[i] = (uint8_t)~span->span_id[i];
    text_append_literal(text, ",\"cause\":{\"exceptions\":[{");
    append_id(text, "id", id);
    if (span_message_len(span))
        json_append_string(text, "message", span->message, span_message_len(span));
    if (type)
        json_append_string(text, "type", type->string, type->len);
    if (span->kind == SPAN_KIND_CLIENT)
        json_append_true(text, "remote");
    text_append_literal(text, "}]}");
}

/* "Segment fields", error, throttle, fault: the status decides where there is one. */
static void append_outcome(struct text *text, const struct span *span, const struct span_values *values)
{
    const struct attribute *status = span_value(values, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, ATTRIBUTE_INT);
    int64_t code = status ? status->number : 0;
    if (code >= 400 && code <= 499) {
        json_append_true(text, "error");
        if (code == STATUS_TOO_MANY_REQUESTS)
            json_append_true(text, "throttle");
    } else if ((code >= 500 && code <= 599) || span->status == SPAN_STATUS_ERROR) {
        json_append_true(text, "fault");
    }
    if (span->status == SPAN_STATUS_ERROR && (!status || span_message_len(span)))
        append_cause(text, span, values);
}

static void append_if_string(struct text *text, const char *key, const struct span_values *values, enum attribute_key from)
{
    const struct attribute *value = span_value(values, from, ATTRIBUTE_STRING);
    if (value)
        json_append_string(text, key, value->string, value->len);
}

static void append_if_number(struct text *text, const char *key, const struct span_values *values, enum attribute_key from)
{
    const struct attribute *value = span_value(values, from, ATTRIBUTE_INT);
    if (value)
        json_append_number(text, key, value->number);
}

/* "HTTP request data". */
static void append_http(struct text *text, const struct span_values *values)
{
    char room[SPAN_RECORD_LEN];
    struct text url = text_on(room, sizeof room);
    bool is_any = false;
    for (unsigned key = 0; key < ATTRIBUTE_COUNT; key++)
        is_any = is_any || (values->has[key] && xray_is_in_http(values, &values->known[key]));
    if (!is_any)
        return;
    span_append_url(&url, values);
    text_append_literal(text, ",\"http\":{\"request\":{");
    append_if_string(text, "method", values, ATTRIBUTE_HTTP_REQUEST_METHOD);
    if (url.len)
        json_append_string(text, "url", url.bytes, url.len);
    append_if_string(text, "client_ip", values, ATTRIBUTE_CLIENT_ADDRESS);
    append_if_string(text, "user_agent", values, ATTRIBUTE_USER_AGENT_ORIGINAL);
    text_append_literal(text, "},\"response\":{");
    append_if_number(text, "status", values, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE);
    append_if_number(text, "content_length", values, ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE);
    text_append_literal(text, "}}");
}

static void append_links(struct text *text, const struct span *span)
{
    struct span_link links[SPAN_LINKS_MAX];
    size_t count = span_links_valid(span, links);
    for (size_t i = 0; i < count; i++) {
        text_append_string(text, i ? ",{" : ",\"links\":[{");
        append_trace_id(text, links[i].trace_id);
        append_id(text, "id", links[i].span_id);
        text_append_literal(text, "}");
    }
    if (count)
        text_append_literal(text, "]");
}

static void append_document(struct text *text, const struct span *span, const struct resource *resource)
{
    struct span_values values;
    span_values_read(&values, span);
    text_append_literal(text, "{\"format\": \"json\", \"version\": 1}\n{");
    append_who(text, span, resource, &values);
    append_outcome(text, span, &values);
    append_http(text, &values);
    append_links(text, span);
    xray_append_annotations(text, &values);
    xray_append_metadata(text, span, resource, &values);
    text_append_literal(text, "}");
}

static int xray_add(struct batch *batch, const struct span *span, const struct resource *resource, bool is_same_group)
{
    struct text text = batch->text;
    (void)is_same_group;
    if (!span_is_valid(span))
        return -EINVAL;
    if (batch->span_count == BATCH_SPANS_MAX)
        return -ENOSPC;
    append_document(&text, span, resource);
    if (text.overflowed || text.capacity - text.len < BATCH_END_LEN_MAX)
        return -ENOSPC;
    batch->entries[batch->span_count].offset = (uint32_t)batch->text.len;
    batch->entries[batch->span_count].len = (uint32_t)(text.len - batch->text.len);
    batch->text = text;
    return 0;
}

static struct text *xray_finish(struct batch *batch, struct text *out)
{
    (void)out;
    return &batch->text;
}

static void xray_begin(struct batch *batch)
{
    (void)batch;
}

const struct format FORMAT_XRAY = {
    .name = "xray",
    .content_type = "application/json", /* of a document; a datagram has no type */
    .usual_path = "",
    .begin = xray_begin,
    .add = xray_add,
    .finish = xray_finish,
};
