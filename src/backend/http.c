/* Messages that are posted: libcurl's easy interface, one connection that is kept. */
#include "backend/answer.h"
#include "backend/curl_functions.h"
#include "base/clock.h"
#include "base/compiler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { ANSWER_LEN_MAX = 4096, ANSWER_LEN_READ = 256 * 1024 };

struct http {
    struct transport transport;
    const struct target *target;
    const struct curl_functions *curl;
    const _Atomic uint64_t *abort_after_ns;
    CURL *easy;
    struct curl_slist *headers;
    char *packed; /* what gzip made of a message */
    size_t packed_size;
    char answer[ANSWER_LEN_MAX];
    size_t answer_len, answer_read_len;
};

static size_t answer_take(char *bytes, size_t size, size_t count, void *argument)
{
    struct http *http = argument;
    size_t len = MIN(size * count, sizeof http->answer - http->answer_len);
    memcpy(http->answer + http->answer_len, bytes, len);
    http->answer_len += len;
    http->answer_read_len += size * count;
    return http->answer_read_len > ANSWER_LEN_READ ? 0 : size * count;
}

/* One that goes on and on was broken off by answer_take; its status counts. */
static bool is_answered(const struct http *http, CURLcode code)
{
    return code == CURLE_OK || (code == CURLE_WRITE_ERROR && http->answer_read_len > ANSWER_LEN_READ);
}

static int progress(void *argument, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct http *http = argument;
    uint64_t abort_after_ns = atomic_load(http->abort_after_ns);
    (void)a, (void)b, (void)c, (void)d;
    return abort_after_ns && (clock_monotonic_ns() > abort_after_ns || delivery_is_interrupted());
}

static bool header_add(struct http *http, const char *header)
{
    struct curl_slist *headers = http->curl->slist_append(http->headers, header);
    if (headers)
        http->headers = headers;
    return headers != NULL;
}

static bool headers_make(struct http *http)
{
    const struct target *target = http->target;
    char line[128];
    snprintf(line, sizeof line, "Content-Type: %s", target->format->content_type);
    bool is_well = header_add(http, line) && header_add(http, "Expect:");
    if (target->is_compressed)
        is_well = is_well && header_add(http, "Content-Encoding: gzip");
    if (target->format == &FORMAT_DATADOG)
        is_well = is_well && header_add(http, "Datadog-Meta-Lang: c") &&
                  header_add(http, "Datadog-Client-Computed-Top-Level: yes") &&
                  header_add(http, "Datadog-Meta-Tracer-Version: " RUN_TRACED_VERSION);
    for (const char *header = target->headers; *header; header += strlen(header) + 1)
        is_well = is_well && header_add(http, header);
    return is_well;
}

static void options_set(struct http *http)
{
    const struct target *target = http->target;
    __typeof__(&curl_easy_setopt) set = http->curl->easy_setopt;
    set(http->easy, CURLOPT_URL, target->url);
    set(http->easy, CURLOPT_NOSIGNAL, 1L);
    set(http->easy, CURLOPT_POST, 1L);
    set(http->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(http->easy, CURLOPT_USERAGENT, "OTel-OTLP-Exporter-run-traced/" RUN_TRACED_VERSION);
    set(http->easy, CURLOPT_TIMEOUT_MS, (long)(target->timeout_ns / NANOS_PER_MILLI));
    set(http->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    set(http->easy, CURLOPT_WRITEFUNCTION, answer_take);
    set(http->easy, CURLOPT_WRITEDATA, http);
    set(http->easy, CURLOPT_NOPROGRESS, 0L);
    set(http->easy, CURLOPT_XFERINFOFUNCTION, progress);
    set(http->easy, CURLOPT_XFERINFODATA, http);
    if (target->certificate)
        set(http->easy, CURLOPT_CAINFO, target->certificate);
    if (target->client_certificate)
        set(http->easy, CURLOPT_SSLCERT, target->client_certificate);
    if (target->client_key)
        set(http->easy, CURLOPT_SSLKEY, target->client_key);
}

/* gzip(1)'s format, at the speed that does for what repeats itself so much. Returns its length, 0 if it failed. */
static size_t pack(struct http *http, const struct message *message)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    size_t bound = deflateBound(&stream, message->len);
    if (bound > http->packed_size) {
        free(http->packed);
        http->packed = malloc(bound);
        http->packed_size = http->packed ? bound : 0;
    }
    stream.next_in = (Bytef *)message->bytes;
    stream.avail_in = (uInt)message->len;
    stream.next_out = (Bytef *)http->packed;
    stream.avail_out = (uInt)http->packed_size;
    bool is_whole = http->packed && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    size_t len = is_whole ? stream.total_out : 0;
    deflateEnd(&stream);
    return len;
}

/* X-Datadog-Trace-Count: the message is an array of traces. */
static uint32_t msgpack_array_len(const uint8_t *bytes, size_t len)
{
    if (len >= 5 && bytes[0] == 0xdd)
        return (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
    if (len >= 3 && bytes[0] == 0xdc)
        return (uint32_t)bytes[1] << 8 | bytes[2];
    return len && bytes[0] >> 4 == 9 ? bytes[0] & 15 : 0;
}

static void perform(struct http *http, const char *bytes, size_t len, const struct curl_slist *headers,
                    struct delivery *out)
{
    const struct curl_functions *curl = http->curl;
    long status = 0;
    curl_off_t retry_after = 0;
    http->answer_len = http->answer_read_len = 0;
    curl->easy_setopt(http->easy, CURLOPT_POSTFIELDS, bytes);
    curl->easy_setopt(http->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    curl->easy_setopt(http->easy, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl->easy_perform(http->easy);
    if (!is_answered(http, code)) {
        out->outcome = DELIVERY_LATER;
        if (code != CURLE_ABORTED_BY_CALLBACK) /* that was us */
            snprintf(out->reason, sizeof out->reason, "%s", curl->easy_strerror(code));
        return;
    }
    curl->easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    curl->easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (retry_after > 0)
        out->retry_after_ns = (uint64_t)retry_after * NANOS_PER_SECOND;
    answer_read(http->target->format, status, http->answer, http->answer_len, out);
}

static void http_send(struct transport *transport, const struct message *message, struct delivery *out)
{
    struct http *http = (struct http *)transport;
    struct curl_slist own = {.next = http->headers}, *headers = http->headers;
    char count[64];
    size_t packed_len = http->target->is_compressed ? pack(http, message) : 0;
    if (http->target->is_compressed && !packed_len) {
        *out = (struct delivery){.outcome = DELIVERY_LATER, .reason = "no memory to compress with"};
        return;
    }
    if (http->target->format == &FORMAT_DATADOG) {
        snprintf(count, sizeof count, "X-Datadog-Trace-Count: %u",
                 msgpack_array_len((const uint8_t *)message->bytes, message->len));
        own.data = count;
        headers = &own;
    }
    perform(http, packed_len ? http->packed : message->bytes, packed_len ? packed_len : message->len, headers, out);
}

static void http_close(struct transport *transport)
{
    struct http *http = (struct http *)transport;
    if (http->easy)
        http->curl->easy_cleanup(http->easy);
    http->curl->slist_free_all(http->headers);
    free(http->packed);
    free(http);
}

struct transport *http_transport_open(const struct target *target, const _Atomic uint64_t *abort_after_ns,
                                      struct text *reason)
{
    const struct curl_functions *curl = curl_functions_load();
    struct http *http = curl ? calloc(1, sizeof *http) : NULL;
    if (!http) {
        text_append_string(reason, curl ? "no memory" : "libcurl cannot be loaded; install libcurl4");
        return NULL;
    }
    *http = (struct http){.transport = {http_send, http_close}, .target = target, .curl = curl,
                          .abort_after_ns = abort_after_ns, .easy = curl->easy_init()};
    if (http->easy && headers_make(http)) {
        options_set(http);
        return &http->transport;
    }
    text_append_string(reason, "no memory");
    http_close(&http->transport);
    return NULL;
}
