#include "backend/environment.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/percent.h"
#include "launcher/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_MEMORY_MAX = 32 * 1024 * 1024 };
#define QUEUE_SPILL_MAX (1ULL << 30)

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* OTEL_EXPORTER_OTLP_TRACES_NAME, else OTEL_EXPORTER_OTLP_NAME. *@full: which of the two, until the next call. */
static const char *otlp_variable(const char *name, const char **full)
{
    static char names[2][64];
    snprintf(names[0], sizeof names[0], "OTEL_EXPORTER_OTLP_TRACES_%s", name);
    snprintf(names[1], sizeof names[1], "OTEL_EXPORTER_OTLP_%s", name);
    for (unsigned i = 0; i < 2; i++)
        if (variable(names[i])) {
            if (full)
                *full = names[i];
            return getenv(names[i]);
        }
    return NULL;
}

static uint64_t number_of(const char *name, const char *value, uint64_t usual)
{
    char *end;
    if (!value)
        return usual;
    unsigned long long number = strtoull(value, &end, 10);
    if (*value >= '0' && *value <= '9' && !*end && number > 0 && number < 1ULL << 40)
        return number;
    message_print("%s: '%s' is no positive number; using %llu", name, value, (unsigned long long)usual);
    return usual;
}

/* ---- headers: NAME=VALUE,NAME=VALUE, values percent-encoded, as baggage is ---- */

static size_t trim(const char **at, size_t len)
{
    while (len && strchr(" \t", **at))
        (*at)++, len--;
    while (len && strchr(" \t", (*at)[len - 1]))
        len--;
    return len;
}

static bool header_append(struct text *headers, const char *part, size_t len)
{
    const char *equals = memchr(part, '=', len);
    char bytes[2048];
    struct text line = text_on(bytes, sizeof bytes);
    if (!equals)
        return false;
    const char *value = equals + 1;
    size_t name_len = trim(&part, (size_t)(equals - part));
    size_t value_len = trim(&value, len - (size_t)(value - part));
    text_append(&line, part, name_len);
    text_append_string(&line, ": ");
    bool is_well = name_len && !percent_decode(value, value_len, &line) && !line.overflowed;
    for (size_t i = 0; i < line.len; i++)
        is_well = is_well && (uint8_t)line.bytes[i] >= 0x20 && line.bytes[i] != 0x7f;
    if (is_well && headers->capacity - headers->len > line.len + 1) {
        text_append(headers, line.bytes, line.len);
        text_append_char(headers, '\0');
    }
    return is_well;
}

static void headers_apply(struct target *target)
{
    const char *name = "", *list = otlp_variable("HEADERS", &name);
    struct text headers = text_on(target->headers, TARGET_HEADERS_LEN_MAX - 1);
    for (const char *at = list ? list : ""; *at;) {
        const char *part = at;
        size_t len = strcspn(at, ",");
        at += len + (at[len] == ',');
        len = trim(&part, len);
        if (len && !header_append(&headers, part, len)) /* its value may be a secret */
            message_print("%s: an entry is left out that is not NAME=VALUE, percent-encoded", name);
    }
    text_append_char(&headers, '\0');
}

static bool is_otlp(const struct target *target)
{
    return target->format == &FORMAT_OTLP_PROTOBUF || target->format == &FORMAT_OTLP_JSON;
}

static void compression_apply(struct target *target)
{
    const char *name = "", *compression = otlp_variable("COMPRESSION", &name);
    if (!compression)
        return;
    if (strcmp(compression, "gzip") == 0)
        target->is_compressed = true;
    else if (strcmp(compression, "none") != 0)
        message_print("%s: '%s' is neither gzip nor none; using none", name, compression);
}

static void timeout_apply(struct target *target)
{
    const char *name = "", *timeout = otlp_variable("TIMEOUT", &name);
    if (timeout)
        target->timeout_ns = number_of(name, timeout, 10000) * NANOS_PER_MILLI;
}

void backend_environment_apply(struct target *target)
{
    if (target->kind != TARGET_HTTP || !is_otlp(target))
        return;
    headers_apply(target);
    compression_apply(target);
    timeout_apply(target);
    target->certificate = otlp_variable("CERTIFICATE", NULL);
    target->client_certificate = otlp_variable("CLIENT_CERTIFICATE", NULL);
    target->client_key = otlp_variable("CLIENT_KEY", NULL);
}

/* ---- which backends ---- */

static const struct format *otlp_format(void)
{
    const char *name = "", *protocol = otlp_variable("PROTOCOL", &name);
    if (protocol && strcmp(protocol, "http/json") == 0)
        return &FORMAT_OTLP_JSON;
    if (protocol && strcmp(protocol, "http/protobuf") != 0)
        message_print("%s: '%s' is not supported; using http/protobuf (port 4318 as a rule)", name, protocol);
    return &FORMAT_OTLP_PROTOBUF;
}

static bool url_is_well(const char *name, const char *url)
{
    if (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0)
        return true;
    message_print("%s: '%s' must begin with http:// or https://; nothing is sent there", name, url);
    return false;
}

static bool otlp_add(struct target *out)
{
    const char *traces = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), *base = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
    char url[TARGET_URL_LEN_MAX];
    if (traces) {
        snprintf(url, sizeof url, "%s", traces);
    } else {
        base = base ? base : "http://localhost:4318";
        int len = (int)strlen(base);
        snprintf(url, sizeof url, "%.*s/v1/traces", len && base[len - 1] == '/' ? len - 1 : len, base);
    }
    if (!url_is_well(traces ? "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" : "OTEL_EXPORTER_OTLP_ENDPOINT", url))
        return false;
    target_post_to(url, otlp_format(), out);
    backend_environment_apply(out);
    return true;
}

static bool zipkin_add(struct target *out)
{
    const char *url = variable("OTEL_EXPORTER_ZIPKIN_ENDPOINT");
    if (url && !url_is_well("OTEL_EXPORTER_ZIPKIN_ENDPOINT", url))
        return false;
    target_post_to(url ? url : "http://localhost:9411/api/v2/spans", &FORMAT_ZIPKIN, out);
    out->timeout_ns = number_of("OTEL_EXPORTER_ZIPKIN_TIMEOUT", variable("OTEL_EXPORTER_ZIPKIN_TIMEOUT"), 10000) *
                      NANOS_PER_MILLI;
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
    if (len && !(len == 4 && memcmp(name, "none", 4) == 0))
        message_print("OTEL_TRACES_EXPORTER: '%.*s' is not known; use otlp, zipkin, console or none, or -e URL", (int)len,
                      name);
    return false;
}

unsigned backend_environment_targets(struct target *out, unsigned max)
{
    const char *list = variable("OTEL_TRACES_EXPORTER");
    unsigned count = 0;
    if (!list)
        list = otlp_variable("ENDPOINT", NULL) ? "otlp" : "";
    for (const char *at = list; *at && count < max;) {
        const char *part = at;
        size_t len = strcspn(at, ",");
        at += len + (at[len] == ',');
        len = trim(&part, len);
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
    limits.batch_spans = (uint32_t)MIN(number_of("OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
                                                 variable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"), limits.batch_spans),
                                       (uint64_t)BATCH_SPANS_MAX);
    limits.delay_ns = number_of("OTEL_BSP_SCHEDULE_DELAY", variable("OTEL_BSP_SCHEDULE_DELAY"), 1000) * NANOS_PER_MILLI;
    limits.flush_ns = number_of("OTEL_BSP_EXPORT_TIMEOUT", variable("OTEL_BSP_EXPORT_TIMEOUT"), 5000) * NANOS_PER_MILLI;
    return limits;
}
