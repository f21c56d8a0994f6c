#include "backend/target.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/percent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_NS (10 * NANOS_PER_SECOND) /* OTEL_EXPORTER_OTLP_TIMEOUT's default */

static const struct scheme {
    const char *prefix;
    enum target_kind kind;
    const char *transport;
    const char *usual_port;
    const struct format *format;
} SCHEMES[] = {
    {"otlp+http://", TARGET_HTTP, "http://", "4318", &FORMAT_OTLP_PROTOBUF},
    {"otlp+https://", TARGET_HTTP, "https://", "4318", &FORMAT_OTLP_PROTOBUF},
    {"zipkin+http://", TARGET_HTTP, "http://", "9411", &FORMAT_ZIPKIN},
    {"zipkin+https://", TARGET_HTTP, "https://", "443", &FORMAT_ZIPKIN},
    {"jaeger+http://", TARGET_HTTP, "http://", "14268", &FORMAT_JAEGER_THRIFT},
    {"jaeger+https://", TARGET_HTTP, "https://", "443", &FORMAT_JAEGER_THRIFT},
    {"datadog+http://", TARGET_HTTP, "http://", "8126", &FORMAT_DATADOG},
    {"datadog+https://", TARGET_HTTP, "https://", "8126", &FORMAT_DATADOG},
    {"xray+udp://", TARGET_UDP, "", "2000", &FORMAT_XRAY},
};

static const struct format *const FILE_FORMATS[] = {&FORMAT_NATIVE, &FORMAT_OTLP_JSON, &FORMAT_ZIPKIN};

static const struct scheme *scheme_find(const char *url)
{
    for (size_t i = 0; i < ARRAY_LEN(SCHEMES); i++)
        if (strncmp(url, SCHEMES[i].prefix, strlen(SCHEMES[i].prefix)) == 0)
            return &SCHEMES[i];
    return NULL;
}

static bool is_file_with_query(const char *url)
{
    return strncmp(url, "file:", 5) == 0 && (strstr(url, "?format=") || strstr(url, "?rotate="));
}

bool target_is_one(const char *url)
{
    return scheme_find(url) || strcmp(url, "console:") == 0 || is_file_with_query(url);
}

static int fail(struct text *error, const char *before, const char *what, const char *after)
{
    text_append_string(error, before);
    text_append_string(error, what);
    text_append_string(error, after);
    return -EINVAL;
}

/* ---- what stands behind '?' ---- */

static int format_choose(struct target *target, const char *name, struct text *error)
{
    if (target->format == &FORMAT_OTLP_PROTOBUF && strcmp(name, FORMAT_OTLP_JSON.name) == 0)
        target->format = &FORMAT_OTLP_JSON;
    else if (strcmp(name, target->format->name) != 0)
        return fail(error, "'", name, target->format == &FORMAT_OTLP_PROTOBUF
                                          ? "' is no format of this backend: use otlp-protobuf or otlp-json"
                                          : "' is no format of this backend: it has one only");
    return 0;
}

static int file_format_choose(struct target *target, const char *name, struct text *error)
{
    for (size_t i = 0; i < ARRAY_LEN(FILE_FORMATS); i++)
        if (strcmp(name, FILE_FORMATS[i]->name) == 0) {
            target->format = FILE_FORMATS[i];
            return 0;
        }
    return fail(error, "'", name, "' is no format of a file: use native, otlp-json or zipkin");
}

static int size_parse(const char *value, uint64_t *out)
{
    char *end;
    unsigned long long number = strtoull(value, &end, 10);
    unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    end += shift > 0;
    if (end[0] == 'B')
        end++;
    if (*value < '1' || *value > '9' || *end || number > UINT64_MAX >> 40)
        return -EINVAL;
    *out = (uint64_t)number << shift;
    return 0;
}

/* 1 if it is none of ours. */
static int parameter_set(struct target *target, const char *parameter, struct text *error)
{
    const char *value = strchr(parameter, '=');
    bool is_file = target->kind == TARGET_FILE;
    if (!value++)
        return 1;
    if (strncmp(parameter, "format=", 7) == 0)
        return is_file ? file_format_choose(target, value, error) : format_choose(target, value, error);
    if (is_file && strncmp(parameter, "rotate=", 7) == 0)
        return size_parse(value, &target->rotate_len)
                   ? fail(error, "rotate: '", value, "' is no size: write a number, and K, M or G") : 0;
    if (strncmp(parameter, "compression=", 12) == 0) {
        target->is_compressed = strcmp(value, "gzip") == 0;
        return target->is_compressed || strcmp(value, "none") == 0
                   ? 0 : fail(error, "compression: '", value, "' is neither gzip nor none");
    }
    if (strncmp(parameter, "timeout=", 8) == 0) {
        char *end;
        unsigned long ms = strtoul(value, &end, 10);
        bool is_number = *value >= '0' && *value <= '9' && !*end && ms > 0 && ms < 1UL << 40;
        target->timeout_ns = ms * NANOS_PER_MILLI;
        return is_number ? 0 : fail(error, "timeout: '", value, "' is no number of milliseconds");
    }
    return 1;
}

/* Takes ours out of @query; the rest is added to @left. */
static int query_take(struct target *target, const char *query, struct text *left, struct text *error)
{
    char parameter[512];
    for (const char *at = query; *at;) {
        size_t len = strcspn(at, "&");
        if (len >= sizeof parameter)
            return fail(error, "a parameter is too long: ", at, "");
        memcpy(parameter, at, len);
        parameter[len] = 0;
        int result = parameter_set(target, parameter, error);
        if (result < 0)
            return result;
        if (result > 0) {
            text_append_char(left, left->len ? '&' : '?');
            text_append(left, at, len);
        }
        at += len + (at[len] == '&');
    }
    return 0;
}

/* ---- host and port ---- */

struct authority {
    const char *userinfo, *host, *port;
    size_t userinfo_len, host_len, port_len;
};

static void authority_split(const char *at, size_t len, struct authority *out)
{
    const char *end = at + len, *userinfo_end = memrchr(at, '@', len);
    *out = (struct authority){.userinfo = at, .userinfo_len = userinfo_end ? (size_t)(userinfo_end - at) + 1 : 0};
    out->host = at + out->userinfo_len;
    const char *bracket = memchr(out->host, ']', (size_t)(end - out->host));
    const char *from = bracket ? bracket + 1 : out->host;
    const char *colon = memchr(from, ':', (size_t)(end - from));
    out->host_len = (size_t)((colon ? colon : end) - out->host);
    out->port = colon ? colon + 1 : end;
    out->port_len = (size_t)(end - out->port);
}

/* A name or a number, or an IPv6 number in brackets. */
static bool is_host(const char *host, size_t len)
{
    const char *bracket = memchr(host, ']', len);
    if (len == 0 || len > TARGET_HOST_LEN_MAX)
        return false;
    return *host == '[' ? bracket == host + len - 1 && len > 2 : !bracket;
}

static bool is_port(const char *port, size_t len)
{
    unsigned long number = 0;
    for (size_t i = 0; i < len; i++) {
        if (port[i] < '0' || port[i] > '9')
            return false;
        number = number * 10 + (unsigned long)(port[i] - '0');
        if (number > UINT16_MAX)
            return false;
    }
    return number > 0;
}

/* Without userinfo and query, which may be secret. */
static int network_fail(struct text *error, const char *url, const char *why)
{
    const char *authority = strstr(url, "://") + 3;
    const char *host = authority + strcspn(authority, "/?#");
    while (host > authority && host[-1] != '@')
        host--;
    text_append_char(error, '\'');
    text_append(error, url, (size_t)(authority - url));
    text_append(error, host, strcspn(host, "?#"));
    text_append_string(error, why);
    return -EINVAL;
}

static int network_parse(const struct scheme *scheme, const char *url, struct target *out, struct text *error)
{
    char left[TARGET_URL_LEN_MAX];
    struct text posted = text_on(out->url, TARGET_URL_LEN_MAX), name = text_on(out->name, TARGET_URL_LEN_MAX);
    struct text query = text_on(left, sizeof left);
    struct authority authority;
    const char *at = url + strlen(scheme->prefix);
    size_t authority_len = strcspn(at, "/?#"), path_len = strcspn(at + authority_len, "?#");
    const char *path = at + authority_len, *asked = path[path_len] == '?' ? path + path_len + 1 : "";
    out->kind = scheme->kind;
    out->format = scheme->format;
    authority_split(at, authority_len, &authority);
    if (!is_host(authority.host, authority.host_len))
        return network_fail(error, url, "': a host must follow '://'");
    if (authority.port_len && !is_port(authority.port, authority.port_len))
        return network_fail(error, url, "': the port is none (1 to 65535)");
    int result = query_take(out, asked, &query, error);
    if (result)
        return result;
    text_append_string(&posted, scheme->transport);
    text_append(&posted, authority.userinfo, authority.userinfo_len + authority.host_len);
    text_append_char(&posted, ':');
    snprintf(out->port, sizeof out->port, "%.*s", authority.port_len ? (int)authority.port_len : 5,
             authority.port_len ? authority.port : scheme->usual_port);
    text_append_string(&posted, out->port);
    if (path_len > 1)
        text_append(&posted, path, path_len);
    else
        text_append_string(&posted, out->format->usual_path);
    if (query.len && memchr(posted.bytes, '?', posted.len))
        query.bytes[0] = '&';
    text_append(&posted, query.bytes, query.len);
    text_append_string(&name, scheme->prefix);
    text_append(&name, authority.host, authority.host_len);
    text_append_char(&name, ':');
    text_append_string(&name, out->port);
    if (path_len > 1)
        text_append(&name, path, path_len);
    bool has_brackets = *authority.host == '[';
    snprintf(out->host, sizeof out->host, "%.*s", (int)authority.host_len - 2 * has_brackets,
             authority.host + has_brackets);
    if (posted.overflowed || name.overflowed)
        return fail(error, "the URL of a backend is too long", "", "");
    text_terminate(&posted);
    text_terminate(&name);
    return 0;
}

static int file_parse(const char *url, struct target *out, struct text *error)
{
    char left[64];
    struct text path = text_on(out->path, TARGET_PATH_LEN_MAX), query = text_on(left, sizeof left);
    const char *asked = strrchr(url, '?');
    out->kind = TARGET_FILE;
    if (percent_decode(url + 5, (size_t)(asked - url) - 5, &path) || path.overflowed || path.len == 0)
        return fail(error, "'", url, "': the path is malformed or too long; write %25 for a percent sign");
    text_terminate(&path);
    out->format = target_format_of_file(out->path);
    if (!out->format)
        out->format = &FORMAT_NATIVE;
    snprintf(out->name, sizeof out->name, "%.*s", TARGET_URL_LEN_MAX, out->path);
    int result = query_take(out, asked + 1, &query, error);
    if (!result && query.len)
        return fail(error, "'", url, "': behind '?' a file has format=NAME and rotate=SIZE");
    return result;
}

int target_parse(const char *url, struct target *out, struct text *error)
{
    const struct scheme *scheme = scheme_find(url);
    *out = (struct target){.timeout_ns = TIMEOUT_NS};
    if (scheme)
        return network_parse(scheme, url, out, error);
    if (is_file_with_query(url))
        return file_parse(url, out, error);
    if (strcmp(url, "console:") != 0)
        return fail(error, "unknown backend '", url, "'");
    out->kind = TARGET_CONSOLE;
    out->format = &FORMAT_CONSOLE;
    strcpy(out->name, "the console");
    return 0;
}

static bool has_word(const char *path, const char *word)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    for (const char *at = strstr(name, word); at; at = strstr(at + 1, word))
        if (at > name && at[-1] == '.' && (at[strlen(word)] == '.' || !at[strlen(word)]))
            return true;
    return false;
}

const struct format *target_format_of_file(const char *path)
{
    return has_word(path, "otlp") ? &FORMAT_OTLP_JSON : has_word(path, "zipkin") ? &FORMAT_ZIPKIN : NULL;
}

void target_file(const char *path, const struct format *format, struct target *out)
{
    *out = (struct target){.kind = TARGET_FILE, .format = format};
    snprintf(out->path, sizeof out->path, "%s", path);
    snprintf(out->name, sizeof out->name, "%.*s", TARGET_URL_LEN_MAX, path);
}

void target_post_to(const char *url, const struct format *format, struct target *out)
{
    struct authority authority;
    const char *at = strstr(url, "://") + 3;
    size_t authority_len = strcspn(at, "/?#");
    authority_split(at, authority_len, &authority);
    *out = (struct target){.kind = TARGET_HTTP, .format = format, .timeout_ns = TIMEOUT_NS};
    snprintf(out->url, sizeof out->url, "%s", url);
    snprintf(out->name, sizeof out->name, "%.*s%.*s", (int)(at - url), url,
             (int)strcspn(authority.host, "?#"), authority.host);
}
