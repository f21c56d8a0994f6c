#include "wire/http_head.h"

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/hash.h"
#include "base/slab.h"
#include "base/text.h"
#include "trace/redact.h"
#include "trace/traceparent.h"
#include "trace/url.h"
#include "wire/http_common.h"

#include <string.h>

struct http_head_store {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    struct http_head head; /* in use if its is_in_store says so */
    char method[HTTP1_METHOD_LEN_MAX];
    char target[HTTP_TARGET_LEN_MAX];
    char host[HTTP_HOST_LEN_MAX];
    char user_agent[HTTP_USER_AGENT_LEN_MAX];
    char tracestate[HTTP_TRACESTATE_LEN_MAX];
};

static BULKY_DATA struct slab g_stores = SLAB_INITIALIZER(sizeof(struct http_head_store), 32, 512);

void http_head_init(struct http_head *head)
{
    memset(head, 0, offsetof(struct http_head, traceparent));
    /* Not NULL: memcpy(3) wants bytes even for none. */
    head->method = head->target = head->host = head->user_agent = head->tracestate = "";
    head->traceparent.is_valid = false;
}

static bool part_lies_in(const char *part, size_t part_len, const char *bytes, size_t len)
{
    return !part_len || (part >= bytes && part + part_len <= bytes + len);
}

static const char *part_moved(const char *part, size_t part_len, const char *from, const char *to)
{
    return part_len ? to + (part - from) : part;
}

bool http_head_keep_parts(struct http_head *head, const char *from, const char *to, size_t len, struct http_parts *out)
{
    if (!part_lies_in(head->method, head->method_len, from, len) ||
        !part_lies_in(head->target, head->target_len, from, len) ||
        !part_lies_in(head->host, head->host_len, from, len) ||
        !part_lies_in(head->user_agent, head->user_agent_len, from, len))
        return false;
    head->method = part_moved(head->method, head->method_len, from, to);
    head->target = part_moved(head->target, head->target_len, from, to);
    head->host = part_moved(head->host, head->host_len, from, to);
    head->user_agent = part_moved(head->user_agent, head->user_agent_len, from, to);
    memcpy(out->bytes, head, sizeof out->bytes);
    return true;
}

void http_head_init_known(struct http_head *head, const struct http_parts *parts, struct http_described *described)
{
    memcpy(head, parts->bytes, sizeof parts->bytes);
    memset((char *)head + sizeof parts->bytes, 0, offsetof(struct http_head, traceparent) - sizeof parts->bytes);
    head->tracestate = "";
    head->described = described;
    head->traceparent.is_valid = false;
}

static bool store_ensure(struct http_head *head)
{
    uint32_t index;
    if (head->store)
        return true;
    head->store = slab_alloc(&g_stores, &index);
    if (head->store)
        head->store->index = index;
    return head->store != NULL;
}

struct http_head *http_head_alloc(void)
{
    struct http_head empty;
    http_head_init(&empty);
    if (!store_ensure(&empty))
        return NULL;
    struct http_head *head = &empty.store->head;
    memcpy(head, &empty, offsetof(struct http_head, traceparent));
    head->traceparent.is_valid = false;
    head->is_in_store = true;
    return head;
}

void http_head_release(struct http_head *head)
{
    http_extras_free(&head->extras);
    if (head->store)
        slab_free(&g_stores, head->store->index);
}

/* Returns its length, cut to @capacity; @part becomes where it lies: in @room, if the head has a store. */
static uint16_t part_note(const struct http_head *head, char *room, size_t capacity,
                          const char *bytes, size_t len, const char **part)
{
    len = MIN(len, capacity);
    *part = head->is_in_store ? memcpy(room, bytes, len) : bytes;
    return (uint16_t)len;
}

/* A part that is kept under its own name. */
#define PART_NOTE(head, part, bytes, len)                                                          \
    part_note(head, head->store ? head->store->part : NULL, sizeof head->store->part, bytes, len,  \
              &head->part)

/* Cut in the middle of a part, it would not be seen what that is. */
void http_head_note_line(struct http_head *head, const struct http1_event *line)
{
    size_t target_len = line->value_len;
    if (UNLIKELY(target_len > HTTP_TARGET_LEN_MAX))
        target_len = url_cut_len(line->value, target_len, HTTP_TARGET_LEN_MAX);
    head->method_len = (uint8_t)PART_NOTE(head, method, line->name, line->name_len);
    head->target_len = PART_NOTE(head, target, line->value, target_len);
    head->minor = line->minor;
}

static void traceparent_note(struct http_head *head, const struct http1_event *field)
{
    head->traceparent_count = (uint8_t)MIN(head->traceparent_count + 1, 2);
    head->traceparent.is_valid = false;
    traceparent_parse(field->value, field->value_len, &head->traceparent);
}

/* Several tracestate headers are one list, in order (RFC 9110 5.3). */
static COLD void tracestate_join(struct http_head *head, const struct http1_event *field)
{
    if (!store_ensure(head) ||
        (size_t)head->tracestate_len + field->value_len + 1 > sizeof head->store->tracestate) {
        head->tracestate_is_cut = true;
        return;
    }
    char *room = head->store->tracestate;
    if (head->tracestate != room)
        memcpy(room, head->tracestate, head->tracestate_len);
    if (head->tracestate_len)
        room[head->tracestate_len++] = ',';
    memcpy(room + head->tracestate_len, field->value, field->value_len);
    head->tracestate = room;
    head->tracestate_len = (uint16_t)(head->tracestate_len + field->value_len);
}

static void tracestate_note(struct http_head *head, const struct http1_event *field)
{
    bool is_cut = field->is_cut ||
                  field->value_len > (head->is_in_store ? HTTP_TRACESTATE_LEN_MAX : (size_t)UINT16_MAX);
    bool is_first = !head->has_tracestate;
    head->has_tracestate = true;
    if (is_cut)
        head->tracestate_is_cut = true;
    else if (is_first)
        head->tracestate_len = part_note(head, head->store ? head->store->tracestate : NULL, field->value_len,
                                         field->value, field->value_len, &head->tracestate);
    else
        tracestate_join(head, field);
}

static void request_id_note(struct http_head *head, const struct http1_event *field)
{
    bool is_usable = !field->is_cut && field->value_len >= HTTP_REQUEST_ID_LEN_MIN;
    head->request_id_count = (uint8_t)MIN(head->request_id_count + 1, 2);
    head->request_id = is_usable ? hash_bytes(field->value, field->value_len, 0) : 0;
}

enum http_field http_head_note_field(struct http_head *head, const struct http1_event *field)
{
    if (UNLIKELY(g_http_extras_wanted.is_capturing))
        http_extras_capture(&head->extras, field);
    switch (field->name_len) {
    case 4:
        if (HTTP1_NAME_IS(field, "host")) {
            /* A longer one is no host's: what it is cannot be known. */
            size_t len = field->value_len <= HTTP_HOST_LEN_MAX ? field->value_len : 0;
            head->host_len = PART_NOTE(head, host, field->value, len);
            head->described = NULL; /* a second one, behind what is known */
            return HTTP_FIELD_KNOWN;
        }
        break;
    case 10:
        if (HTTP1_NAME_IS(field, "user-agent")) {
            head->user_agent_len = PART_NOTE(head, user_agent, field->value, field->value_len);
            head->described = NULL;
            return HTTP_FIELD_KNOWN;
        }
        if (HTTP1_NAME_IS(field, "tracestate") && propagators_have(PROPAGATOR_TRACECONTEXT)) {
            tracestate_note(head, field);
            return HTTP_FIELD_KNOWN;
        }
        break;
    case 11:
        if (HTTP1_NAME_IS(field, "traceparent") && propagators_have(PROPAGATOR_TRACECONTEXT)) {
            traceparent_note(head, field);
            return HTTP_FIELD_TRACEPARENT;
        }
        break;
    case 12:
        if (HTTP1_NAME_IS(field, "x-request-id"))
            request_id_note(head, field);
        break;
    default:
        break;
    }
    http_extras_note(&head->extras, field);
    return HTTP_FIELD_EXTRA;
}

static bool tracecontext_extract(const struct http_head *head, struct span_context *out)
{
    if (head->traceparent_count != 1 || !head->traceparent.is_valid)
        return false;
    span_context_copy(out, &head->traceparent);
    if (head->tracestate_len && !head->tracestate_is_cut)
        tracestate_parse(head->tracestate, head->tracestate_len, out);
    return true;
}

/* Asks all that are in use, in their order. */
static COLD enum propagator_result any_extract(const struct http_head *head, struct span_context *out)
{
    const struct propagators *propagators = propagators_current();
    enum propagator_result decision = PROPAGATOR_NOTHING;
    for (unsigned i = 0; i < propagators->count; i++) {
        const struct propagator *propagator = propagators->list[i];
        enum propagator_result result = PROPAGATOR_NOTHING;
        struct carrier_place place;
        if (propagator->id == PROPAGATOR_TRACECONTEXT && tracecontext_extract(head, out))
            result = PROPAGATOR_CONTEXT;
        else if (propagator->extract)
            result = propagator->extract(&head->extras->carrier, out, &place);
        if (result == PROPAGATOR_CONTEXT)
            return result;
        decision = decision == PROPAGATOR_NOTHING ? result : decision;
    }
    return decision;
}

enum propagator_result http_head_extract(const struct http_head *head, struct span_context *out)
{
    enum propagator_result result = PROPAGATOR_NOTHING;
    if (UNLIKELY(head->extras != NULL))
        result = any_extract(head, out);
    else if (tracecontext_extract(head, out))
        result = PROPAGATOR_CONTEXT;
    if (result != PROPAGATOR_CONTEXT)
        out->is_valid = false;
    return result;
}

/* Two words a step: a product of 128 bits, folded. Nobody is harmed who makes two requests that look alike here: then it
 * is not known which one was passed on. */
static uint64_t bytes_mix(uint64_t sum, const char *bytes, size_t len)
{
    uint64_t words[2];
    for (; len > sizeof words; bytes += sizeof words, len -= sizeof words) {
        memcpy(words, bytes, sizeof words);
        unsigned __int128 product = (unsigned __int128)(words[0] ^ sum) * (words[1] ^ 0x9e3779b97f4a7c15ULL);
        sum = (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    words[0] = words[1] = len;
    memcpy(words, bytes, len);
    unsigned __int128 product = (unsigned __int128)(words[0] ^ sum) * (words[1] ^ 0x9e3779b97f4a7c15ULL);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t fingerprint_make(const struct http_head *head)
{
    uint64_t sum = bytes_mix(0xbf58476d1ce4e5b9ULL, head->method, head->method_len);
    sum = bytes_mix(sum, head->target, head->target_len);
    sum = bytes_mix(sum, head->host, head->host_len);
    sum = bytes_mix(sum, head->user_agent, head->user_agent_len);
    return sum ? sum : 1;
}

uint64_t http_head_fingerprint(const struct http_head *head)
{
    if (!head->host_len)
        return 0;
    if (!head->described)
        return fingerprint_make(head);
    if (!head->described->fingerprint)
        head->described->fingerprint = fingerprint_make(head);
    return head->described->fingerprint;
}

void http_describe_method(struct span *span, const char *method, size_t len)
{
    static const char known[][8] = {"GET",     "POST",  "PUT",   "DELETE", "HEAD",
                                    "OPTIONS", "PATCH", "TRACE", "CONNECT"};
    char padded[sizeof known[0]] = {0};
    memcpy(padded, method, MIN(len, sizeof padded));
    for (size_t i = 0; i < ARRAY_LEN(known) && len < sizeof padded; i++)
        if (memcmp(known[i], padded, sizeof padded) == 0) {
            span_set_name(span, method, len);
            span_set_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD, method, len);
            return;
        }
    span_set_name(span, "HTTP", 4);
    if (!len) /* a gateway may be told none */
        return;
    span_set_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD, "_OTHER", 6);
    span_set_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD_ORIGINAL, method, len);
}

void http_describe_status(struct span *span, enum span_kind kind, int status)
{
    int error_from = kind == SPAN_KIND_SERVER ? 500 : 400;
    if (status <= 0)
        return;
    span_set_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, status);
    if (status >= error_from) {
        char bytes[16];
        struct text text = text_on(bytes, sizeof bytes);
        text_append_decimal(&text, status);
        span_set_error(span, text_terminate(&text), "");
    } else if (status < 400) {
        span_set_status(span, SPAN_STATUS_OK);
    }
}

/* Splits host [ ":" port ]; RFC 3986 3.2.2. @port is @default_port where there is none. */
static void host_describe(struct span *span, const char *host, size_t len, int default_port)
{
    const char *colon = len ? memrchr(host, ':', len) : NULL;
    const char *bracket = len ? memrchr(host, ']', len) : NULL;
    int port = default_port;
    if (colon && (!bracket || colon > bracket)) {
        int number = 0;
        for (const char *c = colon + 1; c < host + len && *c >= '0' && *c <= '9'; c++)
            number = MIN(number * 10 + (*c - '0'), 65536);
        if (number > 0 && number < 65536)
            port = number;
        len = (size_t)(colon - host);
    }
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    span_set_string(span, ATTRIBUTE_SERVER_ADDRESS, host, len);
    if (port)
        span_set_int(span, ATTRIBUTE_SERVER_PORT, port);
}

/* A Host field may hold more than it should. */
static void host_field_describe(struct span *span, const struct http_head *head, int default_port)
{
    char bytes[HTTP_HOST_LEN_MAX + 16];
    struct text host = text_on(bytes, sizeof bytes);
    redact_append_host(&host, head->host, head->host_len);
    host_describe(span, host.bytes, host.len, default_port);
}

void http_describe_url_server(struct span *span, const char *bytes, size_t len)
{
    struct url url;
    int default_port = len >= 6 && strncasecmp(bytes, "https:", 6) == 0 ? 443 : 80;
    url_parse(bytes, len, &url);
    size_t host_len = url.authority_len;
    const char *host = url_host(url.authority, &host_len);
    if (url.is_telling)
        host_describe(span, "REDACTED", 8, default_port);
    else
        host_describe(span, host, host_len, default_port);
}

void http_describe_route(struct span *span, enum span_kind kind, const char *path, size_t len)
{
    char bytes[SPAN_NAME_LEN_MAX], route_bytes[HTTP_TARGET_LEN_MAX + 16];
    struct text name = text_on(bytes, sizeof bytes), route = text_on(route_bytes, sizeof route_bytes);
    if (!g_redact_choices.has_routes || !span || !len || *path != '/')
        return;
    if (g_redact_choices.has_patterns)
        redact_append_by_patterns(&route, path, len);
    else
        text_append(&route, path, len);
    text_append(&name, span->name, span->name_len);
    text_append_char(&name, ' ');
    text_append(&name, route.bytes, route.len);
    if (!name.overflowed)
        span_set_name(span, name.bytes, name.len);
    if (kind == SPAN_KIND_CLIENT)
        span_set_string(span, ATTRIBUTE_URL_TEMPLATE, route.bytes, route.len);
}

static bool is_method(const struct http_head *head, const char *method)
{
    return head->method_len == strlen(method) && memcmp(head->method, method, head->method_len) == 0;
}

static bool target_is_absolute(const struct http_head *head)
{
    return head->target_len && head->target[0] != '/' && url_is_absolute(head->target, head->target_len);
}

/* What CONNECT asks for has no path. */
bool http_head_is_listed(const struct http_head *head)
{
    return !is_method(head, "CONNECT") &&
           ignore_list_has(&g_ignored, head->method, head->method_len, head->target, head->target_len);
}

/* As the client of it all sees it. */
static bool is_https(const struct http_head *head, const struct http_ends *ends)
{
    return UNLIKELY(head->gateway != NULL) ? head->gateway->is_https : ends->tls != NULL;
}

static void protocol_describe(const struct http_head *head, struct span *span)
{
    const struct http_gateway *gateway = head->gateway;
    const char *version = gateway ? gateway->protocol_version : head->minor ? "1.1" : "1.0";
    if (UNLIKELY(gateway != NULL))
        span_set_string(span, ATTRIBUTE_NETWORK_PROTOCOL_NAME, gateway->protocol, strlen(gateway->protocol));
    span_set_string(span, ATTRIBUTE_NETWORK_PROTOCOL_VERSION, version, strlen(version));
}

/* What does not depend on the request's own line. */
static void ends_describe(const struct http_head *head, struct span *span, const struct http_ends *ends)
{
    const union endpoint *peer = ends->peer;
    endpoint_describe(peer, span, ATTRIBUTE_NETWORK_PEER_ADDRESS, ATTRIBUTE_NETWORK_PEER_PORT);
    if (peer->any.sa_family == AF_UNIX)
        span_set_string(span, ATTRIBUTE_NETWORK_TRANSPORT, "unix", 4);
    protocol_describe(head, span);
    span_set_string(span, ATTRIBUTE_URL_SCHEME, "https", is_https(head, ends) ? 5 : 4);
    if (ends->tls)
        tls_facts_describe(ends->tls, span);
    if (head->user_agent_len)
        span_set_string(span, ATTRIBUTE_USER_AGENT_ORIGINAL, head->user_agent,
                        head->user_agent_len);
}

/* Where the Host has none. */
static int port_of_server(const struct http_head *head, const struct http_ends *ends)
{
    if (UNLIKELY(head->gateway != NULL) && head->gateway->server_port)
        return head->gateway->server_port;
    return is_https(head, ends) ? 443 : 80;
}

/* @server: its end of the connection. */
static void server_end_describe(const struct http_head *head, struct span *span, const struct http_ends *ends,
                                const union endpoint *server)
{
    int default_port = port_of_server(head, ends);
    if (head->host_len)
        host_field_describe(span, head, default_port);
    else if (ends->tls && *ends->tls->server_name)
        host_describe(span, ends->tls->server_name, strlen(ends->tls->server_name), default_port);
    else
        endpoint_describe(server, span, ATTRIBUTE_SERVER_ADDRESS, ATTRIBUTE_SERVER_PORT);
}

static COLD void client_route_describe(const struct http_head *head, struct span *span)
{
    char bytes[HTTP_TARGET_LEN_MAX];
    struct text path = text_on(bytes, sizeof bytes);
    struct url url;
    url_parse(head->target, head->target_len, &url);
    redact_append_path(&path, url.path, url.path_len);
    http_describe_route(span, SPAN_KIND_CLIENT, path.bytes, path.len);
}

/* The URL as the request says it: RFC 9112 3.3. */
static void full_url_describe(const struct http_head *head, struct span *span, const struct http_ends *ends)
{
    char bytes[HTTP_TARGET_LEN_MAX + HTTP_HOST_LEN_MAX + 16];
    struct text url = text_on(bytes, sizeof bytes);
    text_append_string(&url, ends->tls ? "https://" : "http://");
    redact_append_host(&url, head->host, head->host_len);
    if (!head->host_len)
        endpoint_append_authority(ends->peer, &url);
    if (head->target_len && head->target[0] == '/')
        redact_append_url(&url, head->target, head->target_len);
    span_set_string(span, ATTRIBUTE_URL_FULL, url.bytes, url.len);
}

/* The target itself says which server: a request to a proxy. */
static void proxied_describe(const struct http_head *head, struct span *span, const struct http_ends *ends)
{
    char bytes[HTTP_TARGET_LEN_MAX + 16];
    struct text url = text_on(bytes, sizeof bytes);
    ends_describe(head, span, ends);
    redact_append_url(&url, head->target, head->target_len);
    http_describe_url_server(span, head->target, head->target_len);
    span_set_string(span, ATTRIBUTE_URL_FULL, url.bytes, url.len);
}

static void query_describe(const char *query, size_t len, struct span *span)
{
    char bytes[HTTP_TARGET_LEN_MAX];
    struct text text = text_on(bytes, sizeof bytes);
    redact_append_query(&text, query, len);
    span_set_string(span, ATTRIBUTE_URL_QUERY, text.bytes, text.len);
}

/* One that is more than a path and a query, or may have to be changed. */
static COLD void target_describe(const struct http_head *head, struct span *span)
{
    char bytes[HTTP_TARGET_LEN_MAX + 16];
    struct text path = text_on(bytes, sizeof bytes);
    struct url url;
    url_parse(head->target, head->target_len, &url);
    if (url.path_len)
        redact_append_path(&path, url.path, url.path_len);
    else if (target_is_absolute(head))
        text_append_char(&path, '/');
    else
        redact_append_host(&path, head->target, head->target_len);
    span_set_string(span, ATTRIBUTE_URL_PATH, path.bytes, path.len);
    http_describe_route(span, SPAN_KIND_SERVER, path.bytes, path.len);
    if (url.is_telling)
        span_set_string(span, ATTRIBUTE_URL_QUERY, "REDACTED", 8);
    else if (url.has_query)
        query_describe(url.query, url.query_len, span);
}

static void path_describe(const struct http_head *head, struct span *span)
{
    const char *target = head->target, *end = target + head->target_len;
    size_t path_len = redact_plain_len(target, head->target_len);
    bool has_query = path_len < head->target_len && target[path_len] == '?';
    if (!head->target_len)
        return;
    if (!path_len || *target != '/' || (path_len < head->target_len && !has_query)) {
        target_describe(head, span);
        return;
    }
    span_set_string(span, ATTRIBUTE_URL_PATH, target, path_len);
    if (!has_query)
        return;
    const char *query = target + path_len + 1, *fragment = bytes_find(query, end, '#');
    query_describe(query, (size_t)((fragment ? fragment : end) - query), span);
}

/* By a gateway's protocol there is no URL that is asked for: path and query are the client's, the server is who
 * answers. */
static COLD void gateway_client_describe(const struct http_head *head, struct span *span, const struct http_ends *ends)
{
    path_describe(head, span);
    ends_describe(head, span, ends);
    endpoint_describe(ends->peer, span, ATTRIBUTE_SERVER_ADDRESS, ATTRIBUTE_SERVER_PORT);
}

static void client_describe(const struct http_head *head, struct span *span, const struct http_ends *ends)
{
    http_describe_method(span, head->method, head->method_len);
    http_extras_describe(head->extras, span);
    if (UNLIKELY(g_redact_choices.has_routes))
        client_route_describe(head, span);
    if (UNLIKELY(head->gateway != NULL)) {
        gateway_client_describe(head, span, ends);
        return;
    }
    if (target_is_absolute(head) || is_method(head, "CONNECT")) {
        proxied_describe(head, span, ends);
        return;
    }
    full_url_describe(head, span, ends);
    if (http_common_add(*ends->common, head, span))
        return;
    uint32_t from = span_attributes_end(span);
    ends_describe(head, span, ends);
    server_end_describe(head, span, ends, ends->peer);
    http_common_keep(ends->common, head, span, from);
}

/* The web server tells who its client is; its own requests on one connection have not even that in common. */
static COLD void gateway_server_describe(const struct http_head *head, struct span *span, const struct http_ends *ends)
{
    const struct http_gateway *gateway = head->gateway;
    ends_describe(head, span, ends);
    if (gateway->client_address_len)
        span_set_string(span, ATTRIBUTE_CLIENT_ADDRESS, gateway->client_address, gateway->client_address_len);
    else
        endpoint_describe(ends->peer, span, ATTRIBUTE_CLIENT_ADDRESS, ATTRIBUTE_CLIENT_PORT);
    if (gateway->client_port)
        span_set_int(span, ATTRIBUTE_CLIENT_PORT, gateway->client_port);
    server_end_describe(head, span, ends, ends->local);
}

static void server_describe(const struct http_head *head, struct span *span, const struct http_ends *ends)
{
    http_describe_method(span, head->method, head->method_len);
    path_describe(head, span);
    http_extras_describe(head->extras, span);
    if (UNLIKELY(head->gateway != NULL)) {
        gateway_server_describe(head, span, ends);
        return;
    }
    if (http_common_add(*ends->common, head, span))
        return;
    uint32_t from = span_attributes_end(span);
    ends_describe(head, span, ends);
    endpoint_describe(ends->peer, span, ATTRIBUTE_CLIENT_ADDRESS, ATTRIBUTE_CLIENT_PORT);
    server_end_describe(head, span, ends, ends->local);
    http_common_keep(ends->common, head, span, from);
}

/* What was said of the very same head. */
static bool described_add(const struct http_described *described, struct span *span)
{
    if (!described || !described->block.len)
        return false;
    span->name_len = described->name_len;
    memcpy(span->name, described->name, sizeof span->name); /* of a length that is known here */
    span_add_attributes(span, &described->block);
    return true;
}

static void described_keep(struct http_described *described, const struct span *span, uint32_t from)
{
    described->name_len = (uint16_t)MIN(span->name_len, sizeof described->name);
    memcpy(described->name, span->name, sizeof described->name);
    span_copy_attributes(span, from, &described->block);
}

/* What was captured of a head that is kept, if anything, lies behind what is known. */
static ALWAYS_INLINE void describe(const struct http_head *head, struct span *span, const struct http_ends *ends,
                                   void (*say)(const struct http_head *, struct span *, const struct http_ends *))
{
    if (!span || (LIKELY(!head->extras) && described_add(head->described, span)))
        return;
    uint32_t from = span_attributes_end(span);
    say(head, span, ends);
    if (head->described && !head->extras)
        described_keep(head->described, span, from);
}

void http_head_describe_client(const struct http_head *head, struct span *span, const struct http_ends *ends)
{
    describe(head, span, ends, client_describe);
}

void http_head_describe_server(const struct http_head *head, struct span *span, const struct http_ends *ends)
{
    describe(head, span, ends, server_describe);
}
