#include "backend/environment.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/percent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { QUEUE_MEMORY_MAX = 32 * 1024 * 1024 };
#define QUEUE_SPILL_MAX (1ULL << 30)

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* OTEL_EXPORTER_OTLP_TRACES_NAME, else OTEL_EXPORTER_OTLP_NAME. */
static const char *otlp_variable(const char *name)
{
    char traces[64], all[64];
    snprintf(traces, sizeof traces, "OTEL_EXPORTER_OTLP_TRACES_%s", name);
    snprintf(all, sizeof all, "OTEL_EXPORTER_OTLP_%s", name);
    return variable(traces) ? variable(traces) : variable(all);
}

static uint64_t number_of(const char *value, uint64_t usual)
{
    char *end;
    if (!value)
        return usual;
    unsigned long long number = strtoull(value, &end, 10);
    return *value >= '0' && *value <= '9' && !*end && number > 0 && number < 1ULL << 40 ? number : usual;
}

/* ---- headers: NAME=VALUE,NAME=VALUE, values percent-encoded, as baggage is ---- */

static void header_append(struct text *headers, const char *part, size_t len)
{
    const char *equals = memchr(part, '=', len);
    char bytes[2048];
    struct text line = text_on(bytes, sizeof bytes);
    if (!equals)
        return;
    const char *value = equals + 1;
    size_t name_len = (size_t)(equals - part), value_len = len - name_len - 1;
    text_trim(&part, &name_len);
    text_trim(&value, &value_len);
    text_append(&line, part, name_len);
    text_append_string(&line, ": ");
    bool is_well = name_len && !percent_decode(value, value_len, &line) && !line.overflowed;
    for (size_t i = 0; i < line.len; i++)
        is_well = is_well && (uint8_t)line.bytes[i] >= 0x20 && line.bytes[i] != 0x7f;
    if (is_well && headers->capacity - headers->len > line.len + 1) {
        text_append(headers, line.bytes, line.len);
        text_append_char(headers, '\0');
    }
}

static void headers_apply(struct target *target)
{
    const char *list = otlp_variable("HEADERS");
    struct text headers = text_on(target->headers, TARGET_HEADERS_LEN_MAX - 1);
    for (const char *at = list ? list : ""; *at;) {
        const char *part = at;
        size_t len = strcspn(at, ",");
        at += len + (at[len] == ',');
        text_trim(&part, &len);
        header_append(&headers, part, len);
    }
    text_append_char(&headers, '\0');
}

static bool is_otlp(const struct target *target)
{
    return target->format == &FORMAT_OTLP_PROTOBUF || target->format == &FORMAT_OTLP_JSON;
}

void backend_environment_apply(struct target *target)
{
    if (target->kind != TARGET_HTTP || !is_otlp(target))
        return;
    const char *compression = otlp_variable("COMPRESSION"), *timeout = otlp_variable("TIMEOUT");
    headers_apply(target);
    if (compression)
        target->is_compressed = strcmp(compression, "gzip") == 0;
    if (timeout)
        target->timeout_ns = number_of(timeout, 10000) * NANOS_PER_MILLI;
    target->certificate = otlp_variable("CERTIFICATE");
    target->client_certificate = otlp_variable("CLIENT_CERTIFICATE");
    target->client_key = otlp_variable("CLIENT_KEY");
}

/* ---- which backends ---- */

static const struct format *otlp_format(void)
{
    const char *protocol = otlp_variable("PROTOCOL");
    return protocol && strcmp(protocol, "http/json") == 0 ? &FORMAT_OTLP_JSON : &FORMAT_OTLP_PROTOBUF;
}

static bool is_http(const char *url)
{
    size_t len = strncasecmp(url, "http://", 7) == 0 ? 7 : strncasecmp(url, "https://", 8) == 0 ? 8 : 0;
    return len && url[len] && !strchr("/?#", url[len]);
}

static bool otlp_add(struct target *out)
{
    const char *traces = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), *base = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
    char url[TARGET_URL_LEN_MAX];
    if (!is_http(traces ? traces : base ? base : "http://localhost"))
        return false;
    if (traces) {
        snprintf(url, sizeof url, "%s", traces);
    } else {
        base = base ? base : "http://localhost:4318";
        int len = (int)strlen(base);
        snprintf(url, sizeof url, "%.*s/v1/traces", len && base[len - 1] == '/' ? len - 1 : len, base);
    }
    target_post_to(url, otlp_format(), out);
    backend_environment_apply(out);
    return true;
}

static bool zipkin_add(struct target *out)
{
    const char *url = variable("OTEL_EXPORTER_ZIPKIN_ENDPOINT");
    if (url && !is_http(url))
        return false;
    target_post_to(url ? url : "http://localhost:9411/api/v2/spans", &FORMAT_ZIPKIN, out);
    out->timeout_ns = number_of(variable("OTEL_EXPORTER_ZIPKIN_TIMEOUT"), 10000) * NANOS_PER_MILLI;
    return true;
}

static bool named_add(const char *name, size_t len, struct target *out)
{
    if (len == 4 && memcmp(name, "otlp", 4) == 0)
        return otlp_add(out);
    if (len == 6 && memcmp(name, "zipkin", 6) == 0)
        return zipkin_add(out);
    if (len == 7 && memcmp(name, "console", 7) == 0)
        return target_parse("console:", out, &(struct text){0}) == 0;
    return false;
}

unsigned backend_environment_targets(struct target *out, unsigned max)
{
    const char *list = variable("OTEL_TRACES_EXPORTER");
    unsigned count = 0;
    if (!list)
        list = otlp_variable("ENDPOINT") ? "otlp" : "";
    for (const char *at = list; *at && count < max;) {
        const char *part = at;
        size_t len = strcspn(at, ",");
        at += len + (at[len] == ',');
        text_trim(&part, &len);
        count += named_add(part, len, &out[count]);
    }
    return count;
}

struct backend_limits backend_environment_limits(void)
{
    const char *folder = variable("TMPDIR");
    struct backend_limits limits = {
        .batch_spans = BATCH_SPANS_MAX / 2,
        .delay_ns = NANOS_PER_SECOND,
        .flush_ns = 5 * NANOS_PER_SECOND,
        .memory_max = QUEUE_MEMORY_MAX,
        .spill_max = QUEUE_SPILL_MAX,
        .spill_path = folder ? folder : "/var/tmp",
    };
    limits.batch_spans = (uint32_t)MIN(number_of(variable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"), limits.batch_spans),
                                       (uint64_t)BATCH_SPANS_MAX);
    limits.memory_spans = number_of(variable("OTEL_BSP_MAX_QUEUE_SIZE"), UINT64_MAX);
    limits.delay_ns = number_of(variable("OTEL_BSP_SCHEDULE_DELAY"), 1000) * NANOS_PER_MILLI;
    limits.flush_ns = number_of(variable("OTEL_BSP_EXPORT_TIMEOUT"), 5000) * NANOS_PER_MILLI;
    return limits;
}
