#include "shim/curl_span.h"

#include "base/clock.h"
#include "base/text.h"
#include "trace/error_name.h"
#include "trace/redact.h"
#include "trace/url.h"
#include "wire/http_head.h"

#include <string.h>

static void url_describe(struct span *span, const char *url, size_t len)
{
    char bytes[CURL_URL_LEN_MAX + 64];
    struct text text = text_on(bytes, sizeof bytes);
    bool has_scheme = url_is_absolute(url, len);
    bool is_https = len >= 8 && strncasecmp(url, "https://", 8) == 0;
    if (!has_scheme) /* curl guesses */
        text_append_string(&text, "http://");
    redact_append_url(&text, url, len);
    span_set_string(span, ATTRIBUTE_URL_FULL, text.bytes, text.len);
    span_set_string(span, ATTRIBUTE_URL_SCHEME, is_https ? "https" : "http", is_https ? 5 : 4);
    http_describe_url_server(span, text.bytes, text.len);
}

/* As soon as the method is known. */
static void route_describe(struct span *span, const char *bytes, size_t len)
{
    char path_bytes[CURL_URL_LEN_MAX];
    struct text path = text_on(path_bytes, sizeof path_bytes);
    struct url url;
    if (!g_redact_choices.has_routes)
        return;
    url_parse(bytes, len, &url);
    redact_append_path(&path, url.path, url.path_len);
    http_describe_route(span, SPAN_KIND_CLIENT, path.bytes, path.len);
}

void curl_span_begin(struct span *span, const struct curl_handle *handle)
{
    span_set_name(span, "HTTP", 4);
    if (handle->url_len)
        url_describe(span, handle->url, handle->url_len);
}

static void peer_describe(struct span *span, CURL *easy, const struct curl_library *real)
{
    char *address = NULL;
    long port = 0;
    if (real->getinfo(easy, CURLINFO_PRIMARY_IP, &address) == CURLE_OK && address && *address)
        span_set_string(span, ATTRIBUTE_NETWORK_PEER_ADDRESS, address, strlen(address));
    if (real->getinfo(easy, CURLINFO_PRIMARY_PORT, &port) == CURLE_OK && port > 0)
        span_set_int(span, ATTRIBUTE_NETWORK_PEER_PORT, port);
}

static void version_describe(struct span *span, CURL *easy, const struct curl_library *real)
{
    long version = 0;
    const char *text = NULL;
    real->getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    switch (version) {
    case CURL_HTTP_VERSION_1_0:
        text = "1.0";
        break;
    case CURL_HTTP_VERSION_1_1:
        text = "1.1";
        break;
    case CURL_HTTP_VERSION_2_0:
        text = "2";
        break;
    case CURL_HTTP_VERSION_3:
        text = "3";
        break;
    default:
        return;
    }
    span_set_string(span, ATTRIBUTE_NETWORK_PROTOCOL_VERSION, text, strlen(text));
}

static void event_add(struct span *span, CURL *easy, const struct curl_library *real,
                      enum span_event_id id, CURLINFO info)
{
    curl_off_t micros = 0;
    if (real->getinfo(easy, info, &micros) == CURLE_OK && micros > 0)
        span_add_event(span, id, span->start_ns + (uint64_t)micros * NANOS_PER_MICRO);
}

static bool is_encrypted(CURL *easy, const struct curl_library *real)
{
    curl_off_t micros = 0;
    return real->getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &micros) == CURLE_OK && micros > 0;
}

/* libcurl's clock. After a redirect it has sums over all requests, which are no points in time: but for the one at
 * which the last request began, there is nothing to be said then. */
static void events_add(struct span *span, CURL *easy, const struct curl_library *real, CURLcode code)
{
    long connects = 0, redirects = 0;
    real->getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    real->getinfo(easy, CURLINFO_REDIRECT_COUNT, &redirects);
    if (redirects > 0) {
        event_add(span, easy, real, SPAN_EVENT_REDIRECTED, CURLINFO_REDIRECT_TIME_T);
        return;
    }
    if (connects > 0 || code == CURLE_COULDNT_CONNECT) {
        event_add(span, easy, real, SPAN_EVENT_NAME_FOUND, CURLINFO_NAMELOOKUP_TIME_T);
        event_add(span, easy, real, SPAN_EVENT_CONNECT, CURLINFO_NAMELOOKUP_TIME_T);
    }
    if (connects > 0) {
        event_add(span, easy, real, SPAN_EVENT_CONNECTED, CURLINFO_CONNECT_TIME_T);
        if (is_encrypted(easy, real))
            event_add(span, easy, real, SPAN_EVENT_TLS_START, CURLINFO_CONNECT_TIME_T);
        event_add(span, easy, real, SPAN_EVENT_TLS_DONE, CURLINFO_APPCONNECT_TIME_T);
    }
    event_add(span, easy, real, SPAN_EVENT_REQUEST_FIRST_BYTE, CURLINFO_PRETRANSFER_TIME_T);
    event_add(span, easy, real, SPAN_EVENT_RESPONSE_FIRST_BYTE, CURLINFO_STARTTRANSFER_TIME_T);
}

static void redirects_describe(struct span *span, CURL *easy, const struct curl_library *real)
{
    long count = 0;
    if (real->getinfo(easy, CURLINFO_REDIRECT_COUNT, &count) == CURLE_OK && count > 0)
        span_set_int(span, ATTRIBUTE_HTTP_REQUEST_RESEND_COUNT, count);
}

static void sizes_describe(struct span *span, CURL *easy, const struct curl_library *real)
{
    curl_off_t len = 0;
    if (real->getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &len) == CURLE_OK && len > 0)
        span_set_int(span, ATTRIBUTE_HTTP_REQUEST_BODY_SIZE, len);
    if (real->getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &len) == CURLE_OK)
        span_set_int(span, ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE, len);
}

/* The names of the codes that users meet. */
static const char *code_name(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
        return "CURLE_COULDNT_RESOLVE_PROXY";
    case CURLE_COULDNT_RESOLVE_HOST:
        return "CURLE_COULDNT_RESOLVE_HOST";
    case CURLE_COULDNT_CONNECT:
        return "CURLE_COULDNT_CONNECT";
    case CURLE_WEIRD_SERVER_REPLY:
        return "CURLE_WEIRD_SERVER_REPLY";
    case CURLE_PARTIAL_FILE:
        return "CURLE_PARTIAL_FILE";
    case CURLE_WRITE_ERROR:
        return "CURLE_WRITE_ERROR";
    case CURLE_OPERATION_TIMEDOUT:
        return "timeout";
    case CURLE_SSL_CONNECT_ERROR:
        return "CURLE_SSL_CONNECT_ERROR";
    case CURLE_TOO_MANY_REDIRECTS:
        return "CURLE_TOO_MANY_REDIRECTS";
    case CURLE_GOT_NOTHING:
        return "CURLE_GOT_NOTHING";
    case CURLE_SEND_ERROR:
        return "CURLE_SEND_ERROR";
    case CURLE_RECV_ERROR:
        return "CURLE_RECV_ERROR";
    case CURLE_PEER_FAILED_VERIFICATION:
        return "CURLE_PEER_FAILED_VERIFICATION";
    case CURLE_ABORTED_BY_CALLBACK:
        return "aborted";
    default:
        return NULL;
    }
}

static void code_describe(struct span *span, CURL *easy, const struct curl_library *real,
                          CURLcode code)
{
    char bytes[32];
    struct text text = text_on(bytes, sizeof bytes);
    const char *name = code_name(code);
    long error = 0;
    if (code == CURLE_COULDNT_CONNECT &&
        real->getinfo(easy, CURLINFO_OS_ERRNO, &error) == CURLE_OK && error)
        name = error_name((int)error);
    if (!name) {
        text_append_string(&text, "CURLcode ");
        text_append_decimal(&text, code);
        name = text_terminate(&text);
    }
    span_set_error(span, name, real->strerror(code));
}

/* The application may hear of the end of a transfer by the multi interface long after it. */
static uint64_t end_ns_of(const struct span *span, const struct curl_handle *handle, const struct curl_library *real)
{
    uint64_t now_ns = clock_monotonic_ns();
    curl_off_t micros = 0;
    if (!handle->multi || real->getinfo(handle->easy.handle, CURLINFO_TOTAL_TIME_T, &micros) != CURLE_OK || micros <= 0)
        return now_ns;
    return MIN(now_ns, span->start_ns + (uint64_t)micros * NANOS_PER_MICRO);
}

void curl_span_end(struct span *span, const struct curl_handle *handle,
                   const struct curl_library *real, CURLcode code)
{
    CURL *easy = handle->easy.handle;
    uint64_t end_ns = end_ns_of(span, handle, real);
    char *method = NULL, *url = NULL;
    long status = 0;
    if (real->getinfo(easy, CURLINFO_EFFECTIVE_METHOD, &method) == CURLE_OK && method)
        http_describe_method(span, method, strlen(method));
    if (!handle->url_len && real->getinfo(easy, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url) {
        size_t len = url_cut_len(url, strlen(url), CURL_URL_LEN_MAX);
        url_describe(span, url, len);
        route_describe(span, url, len);
    }
    if (handle->url_len)
        route_describe(span, handle->url, handle->url_len);
    real->getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    peer_describe(span, easy, real);
    version_describe(span, easy, real);
    sizes_describe(span, easy, real);
    redirects_describe(span, easy, real);
    events_add(span, easy, real, code);
    if (code != CURLE_OK && code != CURLE_HTTP_RETURNED_ERROR)
        code_describe(span, easy, real, code);
    http_describe_status(span, SPAN_KIND_CLIENT, (int)status);
    span_end(span, end_ns);
}
