/* format_datadog.c - traces for Datadog's agent: MessagePack, an array of chunks, each an array of the spans of one trace.
 * Datadog, "Tracing Agent API", /v0.4/traces; what becomes of OpenTelemetry's names is as in Datadog's "OTLP ingest".
 *
 * What is said of the whole chunk stands at its first span, and which that is is not known before finish(): add() leaves
 * the two maps at a span's end without what begins them, behind a struct encoded that tells of them.
 *
 * The sender adds the headers X-Datadog-Trace-Count (how many traces there are), Datadog-Meta-Tracer-Version,
 * Datadog-Meta-Lang, and Datadog-Client-Computed-Top-Level: yes, without which the agent does not heed _dd.top_level. */
#include "backend/format.h"
#include "backend/packing.h"
#include "backend/span_text.h"
#include "export/span_facts.h"

#include <errno.h>
#include <stdlib.h>

enum {
    HALF_LEN = TRACE_ID_LEN / 2,
    /* What finish() adds to a span: what begins its maps, and what is said of a chunk. */
    SPAN_GROWTH_MAX = 96,
    SPAN_FIELDS = 12,
};

struct encoded {
    uint32_t metrics_at, meta_at; /* from the beginning of this */
    uint32_t metrics_count, meta_count;
};

static uint64_t id_number(const uint8_t id[HALF_LEN])
{
    uint64_t number = 0;
    for (int i = 0; i < HALF_LEN; i++)
        number = number << 8 | id[i];
    return number;
}

/* As OTLP ingest names them; "tls" is no operation, but a span's name. */
static const char *operation_name(const struct span *span, const struct span_values *values)
{
    bool is_http = values->has[ATTRIBUTE_HTTP_REQUEST_METHOD];
    if (span->kind == SPAN_KIND_SERVER)
        return is_http ? "http.server.request" : "server.request";
    if (span->kind == SPAN_KIND_CLIENT)
        return is_http ? "http.client.request" : "client.request";
    return "internal";
}

static void pack_names(struct packing *p, const struct span *span, const struct resource *resource,
                       const struct span_values *values)
{
    static const char *const types[] = {
        [SPAN_KIND_INTERNAL] = "custom", [SPAN_KIND_SERVER] = "web", [SPAN_KIND_CLIENT] = "http"};
    struct attribute_element name = span_name(span);
    const char *service;
    size_t service_len = resource_service(resource, &service);
    msgpack_pack_map(&p->packer, SPAN_FIELDS);
    packing_add_string(p, "service");
    packing_add_utf8(p, service, service_len);
    packing_add_string(p, "name");
    packing_add_string(p, operation_name(span, values));
    packing_add_string(p, "resource");
    packing_add_utf8(p, name.bytes, name.len);
    packing_add_string(p, "type");
    packing_add_string(p, types[span->kind]);
}

static void pack_ids_and_times(struct packing *p, const struct span *span)
{
    packing_add_string(p, "trace_id");
    msgpack_pack_uint64(&p->packer, id_number(span->trace_id + HALF_LEN));
    packing_add_string(p, "span_id");
    msgpack_pack_uint64(&p->packer, id_number(span->span_id));
    packing_add_string(p, "parent_id");
    msgpack_pack_uint64(&p->packer, id_number(span->parent_span_id));
    packing_add_string(p, "start"); /* an int64: the agent refuses the whole message for a larger number */
    msgpack_pack_int64(&p->packer, (int64_t)MIN(span->start_unix_nano, (uint64_t)INT64_MAX));
    packing_add_string(p, "duration");
    msgpack_pack_int64(&p->packer, (int64_t)MIN(span_duration_ns(span), (uint64_t)INT64_MAX));
    packing_add_string(p, "error");
    msgpack_pack_int(&p->packer, span->status == SPAN_STATUS_ERROR);
}

/* Which spans statistics are made of: those that a service is entered by, and those that leave it. */
static void pack_statistics(struct packing *p, const struct span *span)
{
    if (span_is_root(span) || span->kind == SPAN_KIND_SERVER)
        packing_put_number(p, "_dd.top_level", 1);
    if (span->kind == SPAN_KIND_CLIENT)
        packing_put_number(p, "_dd.measured", 1);
}

static void pack_metrics(struct packing *p, const struct span *span, const struct span_values *values)
{
    int64_t thread_id = span_thread_id(span, values);
    for (unsigned key = 0; key < ATTRIBUTE_COUNT; key++)
        if (values->has[key] && values->known[key].type == ATTRIBUTE_INT)
            packing_put_number(p, attribute_name(key), (double)values->known[key].number);
    if (thread_id)
        packing_put_number(p, "thread.id", (double)thread_id);
    if (span->dropped_attributes_count)
        packing_put_number(p, "otel.dropped_attributes_count", span->dropped_attributes_count);
    packing_put_number(p, "process_id", span->pid);
    pack_statistics(p, span);
}

static bool is_key(const struct resource_attribute *attribute, const char *key)
{
    return attribute->key_len == strlen(key) && memcmp(attribute->key, key, attribute->key_len) == 0;
}

/* Datadog, "Unified Service Tagging": env and version have names of their own. */
static void pack_resource(struct packing *p, const struct resource *resource)
{
    struct resource_attribute attribute;
    for (size_t at = 0; resource_string_next(resource, &at, &attribute);) {
        packing_add_utf8(p, attribute.key, attribute.key_len);
        packing_add_utf8(p, attribute.value, attribute.value_len);
        p->count++;
        if (is_key(&attribute, "deployment.environment.name") || is_key(&attribute, "deployment.environment"))
            packing_put_string(p, "env", attribute.value, attribute.value_len);
        else if (is_key(&attribute, "service.version"))
            packing_put_string(p, "version", attribute.value, attribute.value_len);
    }
}

static void pack_attribute(struct packing *p, const struct attribute *attribute)
{
    char room[PACKING_STRING_LEN_MAX];
    struct text value = text_on(room, sizeof room);
    size_t key_len;
    const char *key = attribute_key_text(attribute, &key_len);
    if (attribute->type == ATTRIBUTE_INT)
        return; /* a metric */
    attribute_append_text(&value, attribute);
    packing_add_utf8(p, key, key_len);
    packing_add_text(p, &value);
    p->count++;
}

/* Datadog's names for what HTTP requests have. */
static void pack_http(struct packing *p, const struct span_values *values)
{
    static const struct {
        enum attribute_key key;
        const char *name;
    } names[] = {{ATTRIBUTE_HTTP_REQUEST_METHOD, "http.method"},
                 {ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, "http.status_code"},
                 {ATTRIBUTE_USER_AGENT_ORIGINAL, "http.useragent"},
                 {ATTRIBUTE_CLIENT_ADDRESS, "http.client_ip"}};
    char room[PACKING_STRING_LEN_MAX];
    struct text value = text_on(room, sizeof room);
    span_append_url(&value, values);
    if (value.len)
        packing_put_string(p, "http.url", value.bytes, value.len);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!values->has[names[i].key])
            continue;
        value.len = 0;
        attribute_append_text(&value, &values->known[names[i].key]);
        packing_put_string(p, names[i].name, value.bytes, value.len);
    }
}

static void pack_events(struct packing *p, const struct span *span)
{
    char room[PACKING_STRING_LEN_MAX];
    struct text text = text_on(room, sizeof room);
    const struct span_event *sorted[SPAN_EVENT_COUNT];
    unsigned count = span_events_sort(span, sorted);
    for (unsigned i = 0; i < count; i++) {
        text_append_string(&text, i ? ",{\"time_unix_nano\":" : "[{\"time_unix_nano\":");
        text_append_decimal(&text, (int64_t)span_event_unix_nano(span, sorted[i]));
        text_append_string(&text, ",\"name\":\"");
        text_append_string(&text, span_event_name(span, sorted[i]->id));
        text_append_string(&text, "\"}");
    }
    text_append_string(&text, "]");
    if (count)
        packing_put_string(p, "events", text.bytes, text.len);
}

static void pack_links(struct packing *p, const struct span *span)
{
    char room[PACKING_STRING_LEN_MAX];
    struct text text = text_on(room, sizeof room);
    struct span_link links[SPAN_LINKS_MAX];
    size_t count = span_links_valid(span, links);
    for (size_t i = 0; i < count; i++) {
        text_append_string(&text, i ? ",{\"trace_id\":\"" : "[{\"trace_id\":\"");
        text_append_hex(&text, links[i].trace_id, TRACE_ID_LEN);
        text_append_string(&text, "\",\"span_id\":\"");
        text_append_hex(&text, links[i].span_id, SPAN_ID_LEN);
        text_append_string(&text, "\"}");
    }
    text_append_string(&text, "]");
    if (count)
        packing_put_string(p, "_dd.span_links", text.bytes, text.len);
}

static void pack_all_meta(struct packing *p, const struct span *span, const struct resource *resource,
                          const struct span_values *values)
{
    struct attribute_iterator iterator;
    struct attribute attribute;
    const char *tracestate;
    size_t tracestate_len = span_tracestate(span, &tracestate);
    pack_resource(p, resource);
    for (attribute_begin(&iterator, span); attribute_next(&iterator, &attribute);)
        pack_attribute(p, &attribute);
    pack_http(p, values);
    pack_events(p, span);
    pack_links(p, span);
    if (tracestate_len)
        packing_put_string(p, "w3c.tracestate", tracestate, tracestate_len);
    if (span->status == SPAN_STATUS_ERROR && span_message_len(span))
        packing_put_string(p, "error.message", span->message, span_message_len(span));
    packing_put_string(p, "span.kind", span_kind_text(span), strlen(span_kind_text(span)));
    packing_put_string(p, "language", "c", 1); /* of the tracer */
}

static void pack_span(struct packing *p, const struct span *span, const struct resource *resource)
{
    struct span_values values;
    struct encoded encoded = {0};
    size_t begin = p->text.len;
    span_values_read(&values, span);
    text_append(&p->text, (const char *)&encoded, sizeof encoded);
    pack_names(p, span, resource, &values);
    pack_ids_and_times(p, span);
    encoded.metrics_at = (uint32_t)(p->text.len - begin);
    pack_metrics(p, span, &values);
    encoded.metrics_count = p->count;
    encoded.meta_at = (uint32_t)(p->text.len - begin);
    pack_all_meta(p, span, resource, &values);
    encoded.meta_count = p->count - encoded.metrics_count;
    if (!p->text.overflowed)
        memcpy(p->text.bytes + begin, &encoded, sizeof encoded);
}

static int datadog_add(struct batch *batch, const struct span *span, const struct resource *resource, bool is_same_group)
{
    size_t begin = batch->text.len, reserved_len = BATCH_END_LEN_MAX + (batch->span_count + 1) * (size_t)SPAN_GROWTH_MAX;
    struct packing p;
    (void)is_same_group;
    /* A zero is no id here, even if the half that this does not show is none. */
    if (!span_is_valid(span) || !id_number(span->trace_id + HALF_LEN))
        return -EINVAL;
    if (batch->span_count == BATCH_SPANS_MAX)
        return -ENOSPC;
    packing_init(&p, &batch->text);
    pack_span(&p, span, resource);
    if (p.text.overflowed || p.text.capacity - p.text.len < reserved_len)
        return -ENOSPC;
    batch->entries[batch->span_count].offset = (uint32_t)begin;
    batch->entries[batch->span_count].len = (uint32_t)(p.text.len - begin);
    batch->text = p.text;
    return 0;
}

/* By trace, and within it as they came. */
static int entry_compare(const void *a, const void *b)
{
    const struct batch_entry *left = *(const struct batch_entry *const *)a;
    const struct batch_entry *right = *(const struct batch_entry *const *)b;
    int order = memcmp(left->trace_id, right->trace_id, TRACE_ID_LEN);
    return order ? order : (left > right) - (left < right);
}

static bool is_same_trace(const struct batch_entry *a, const struct batch_entry *b)
{
    return memcmp(a->trace_id, b->trace_id, TRACE_ID_LEN) == 0;
}

static void pack_trace_id_high(struct packing *p, const uint8_t *trace_id)
{
    char digits[2 * HALF_LEN];
    struct text text = text_on(digits, sizeof digits);
    text_append_hex(&text, trace_id, HALF_LEN);
    packing_put_string(p, "_dd.p.tid", text.bytes, text.len);
}

/* @bytes: what add() made of it. What was sampled out does not come here: the rest is to be kept, priority 1. */
static void finish_span(struct packing *p, const struct batch_entry *entry, const char *bytes, bool is_first)
{
    struct encoded encoded;
    bool has_high = is_first && !span_id_is_zero(entry->trace_id, HALF_LEN);
    memcpy(&encoded, bytes, sizeof encoded);
    text_append(&p->text, bytes + sizeof encoded, encoded.metrics_at - sizeof encoded);
    packing_add_string(p, "metrics");
    msgpack_pack_map(&p->packer, encoded.metrics_count + is_first);
    text_append(&p->text, bytes + encoded.metrics_at, encoded.meta_at - encoded.metrics_at);
    if (is_first)
        packing_put_number(p, "_sampling_priority_v1", 1);
    packing_add_string(p, "meta");
    msgpack_pack_map(&p->packer, encoded.meta_count + has_high);
    text_append(&p->text, bytes + encoded.meta_at, entry->len - encoded.meta_at);
    if (has_high)
        pack_trace_id_high(p, entry->trace_id);
}

static struct text *datadog_finish(struct batch *batch, struct text *out)
{
    const struct batch_entry *order[BATCH_SPANS_MAX];
    size_t count = MIN(batch->span_count, BATCH_SPANS_MAX), trace_count = 0;
    struct packing p;
    for (size_t i = 0; i < count; i++)
        order[i] = &batch->entries[i];
    qsort(order, count, sizeof *order, entry_compare);
    for (size_t i = 0; i < count; i++)
        trace_count += i == 0 || !is_same_trace(order[i - 1], order[i]);
    packing_init(&p, out);
    msgpack_pack_array(&p.packer, trace_count);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && is_same_trace(order[i], order[end]);)
            end++;
        msgpack_pack_array(&p.packer, end - i);
        for (size_t at = i; at < end; at++)
            finish_span(&p, order[at], batch->text.bytes + order[at]->offset, at == i);
    }
    *out = p.text;
    return out;
}

static void datadog_begin(struct batch *batch)
{
    (void)batch;
}

const struct format FORMAT_DATADOG = {
    .name = "datadog",
    .content_type = "application/msgpack",
    .usual_path = "/v0.4/traces",
    .begin = datadog_begin,
    .add = datadog_add,
    .finish = datadog_finish,
};
