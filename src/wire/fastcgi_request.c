#include "wire/fastcgi_request.h"

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/slab.h"
#include "base/text.h"
#include "trace/url.h"
#include "wire/fastcgi.h"

#include <string.h>

static BULKY_DATA struct slab g_requests = SLAB_INITIALIZER(sizeof(struct fastcgi_request), 8, 1024);

static const struct {
    const char *name;
    uint16_t len_max;
} PARTS[FASTCGI_PART_COUNT] = {
    [FASTCGI_PART_METHOD] = {"REQUEST_METHOD", HTTP1_METHOD_LEN_MAX},
    [FASTCGI_PART_URI] = {"REQUEST_URI", HTTP_TARGET_LEN_MAX},
    [FASTCGI_PART_SCRIPT] = {"SCRIPT_NAME", HTTP_TARGET_LEN_MAX},
    [FASTCGI_PART_PATH_INFO] = {"PATH_INFO", HTTP_TARGET_LEN_MAX},
    [FASTCGI_PART_QUERY] = {"QUERY_STRING", HTTP_TARGET_LEN_MAX},
    [FASTCGI_PART_SERVER_NAME] = {"SERVER_NAME", HTTP_HOST_LEN_MAX},
    [FASTCGI_PART_SERVER_PORT] = {"SERVER_PORT", 5},
    [FASTCGI_PART_CLIENT_ADDRESS] = {"REMOTE_ADDR", 64},
    [FASTCGI_PART_CLIENT_PORT] = {"REMOTE_PORT", 5},
    [FASTCGI_PART_SCHEME] = {"REQUEST_SCHEME", 16},
    [FASTCGI_PART_HTTPS] = {"HTTPS", 16},
};

void fastcgi_request_reset(struct fastcgi_request *request)
{
    size_t from = offsetof(struct fastcgi_request, gateway);
    memset((char *)request + from, 0, offsetof(struct fastcgi_request, params) - from);
    request->gateway.protocol = "fastcgi";
    request->gateway.protocol_version = "1.0";
    fastcgi_params_init(&request->params);
}

struct fastcgi_request *fastcgi_request_alloc(void)
{
    uint32_t index;
    struct fastcgi_request *request = slab_alloc(&g_requests, &index);
    if (!request)
        return NULL;
    request->index = index;
    fastcgi_request_reset(request);
    return request;
}

void fastcgi_request_free(struct fastcgi_request **request)
{
    if (*request)
        slab_free(&g_requests, (*request)->index);
    *request = NULL;
}

/* The last one counts, as it does to those who keep them in a table. */
static void part_note(struct fastcgi_request *request, enum fastcgi_part part, const struct fastcgi_pair *pair)
{
    size_t len = pair->value_len, len_max = PARTS[part].len_max;
    if (part == FASTCGI_PART_URI && len > len_max)
        len = url_cut_len(pair->value, len, len_max);
    bool has_room = len <= len_max && len <= sizeof request->bytes - request->bytes_len;
    request->parts[part].at = request->bytes_len;
    request->parts[part].len = has_room ? (uint16_t)len : 0;
    request->parts[part].is_lost = !has_room;
    if (!has_room)
        return;
    memcpy(request->bytes + request->bytes_len, pair->value, len);
    request->bytes_len = (uint16_t)(request->bytes_len + len);
}

static int part_find(const struct fastcgi_pair *pair)
{
    for (int part = 0; part < FASTCGI_PART_COUNT; part++)
        if (strlen(PARTS[part].name) == pair->name_len && memcmp(PARTS[part].name, pair->name, pair->name_len) == 0)
            return part;
    return -1;
}

/* HTTP_USER_AGENT is User-Agent (RFC 3875, section 4.1.18). */
static size_t field_name(const struct fastcgi_pair *pair, char out[FASTCGI_NAME_LEN_MAX])
{
    static const char prefix[] = "HTTP_";
    size_t skip = sizeof prefix - 1;
    if (pair->name_len <= skip || memcmp(pair->name, prefix, skip) != 0)
        return 0;
    for (size_t i = skip; i < pair->name_len; i++) {
        char c = pair->name[i];
        out[i - skip] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return pair->name_len - skip;
}

static void field_note(struct fastcgi_request *request, struct http_head *head, const struct fastcgi_pair *pair)
{
    char name[FASTCGI_NAME_LEN_MAX];
    size_t name_len = field_name(pair, name);
    if (!name_len)
        return;
    struct http1_event field = {.type = HTTP1_HEADER, .name = name, .name_len = name_len, .value = pair->value,
                                .value_len = pair->value_len, .is_cut = pair->is_cut};
    text_trim(&field.value, &field.value_len);
    uint64_t offset = pair->offset == FASTCGI_NO_OFFSET ? HTTP_EXTRAS_NO_OFFSET
                                                        : pair->offset + (uint64_t)(field.value - pair->value);
    if (http_head_note_field(head, &field) == HTTP_FIELD_TRACEPARENT) {
        request->traceparent_offset = offset;
        request->traceparent_len = field.value_len;
    } else if (head->extras) {
        http_extras_note_offset(head->extras, offset);
    }
}

void fastcgi_request_note(struct fastcgi_request *request, struct http_head *head, const struct fastcgi_pair *pair)
{
    int part = part_find(pair);
    if (part >= 0)
        part_note(request, (enum fastcgi_part)part, pair);
    else
        field_note(request, head, pair);
}

static const char *part_bytes(const struct fastcgi_request *request, enum fastcgi_part part, size_t *len)
{
    *len = request->parts[part].len;
    return request->bytes + request->parts[part].at;
}

static void part_append(const struct fastcgi_request *request, enum fastcgi_part part, struct text *text)
{
    size_t len;
    const char *bytes = part_bytes(request, part, &len);
    text_append(text, bytes, len);
}

/* Where the server does not tell it: what is left of the path, and the query. */
static size_t target_make(const struct fastcgi_request *request, char room[FASTCGI_TARGET_LEN_MAX])
{
    struct text target = text_on(room, FASTCGI_TARGET_LEN_MAX);
    if (request->parts[FASTCGI_PART_SCRIPT].is_lost || request->parts[FASTCGI_PART_PATH_INFO].is_lost)
        return 0;
    part_append(request, FASTCGI_PART_SCRIPT, &target);
    part_append(request, FASTCGI_PART_PATH_INFO, &target);
    if (target.len && request->parts[FASTCGI_PART_QUERY].len) {
        text_append_char(&target, '?');
        part_append(request, FASTCGI_PART_QUERY, &target);
    }
    return target.len;
}

void fastcgi_request_line(const struct fastcgi_request *request, char room[FASTCGI_TARGET_LEN_MAX],
                          struct http1_event *line)
{
    *line = (struct http1_event){.type = HTTP1_REQUEST_LINE};
    line->name = part_bytes(request, FASTCGI_PART_METHOD, &line->name_len);
    line->value = part_bytes(request, FASTCGI_PART_URI, &line->value_len);
    if (line->value_len)
        return;
    line->value = room;
    line->value_len = target_make(request, room);
}

static bool part_is(const struct fastcgi_request *request, enum fastcgi_part part, const char *lower)
{
    size_t len;
    const char *bytes = part_bytes(request, part, &len);
    return text_is_name(bytes, len, lower);
}

/* 0: none. */
static int part_port(const struct fastcgi_request *request, enum fastcgi_part part)
{
    size_t len;
    const char *bytes = part_bytes(request, part, &len);
    int port = 0;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return 0;
        port = port * 10 + (bytes[i] - '0');
    }
    return port <= UINT16_MAX ? port : 0;
}

/* "_" is what nginx is often told that it is called, and means nothing. */
static void host_note(const struct fastcgi_request *request, struct http_head *head)
{
    struct http1_event field = {.type = HTTP1_HEADER, .name = "host", .name_len = 4};
    field.value = part_bytes(request, FASTCGI_PART_SERVER_NAME, &field.value_len);
    if (!part_is(request, FASTCGI_PART_SERVER_NAME, "_"))
        http_head_note_field(head, &field);
}

void fastcgi_request_complete(struct fastcgi_request *request, struct http_head *head, bool is_server)
{
    struct http_gateway *gateway = &request->gateway;
    bool has_https = request->parts[FASTCGI_PART_HTTPS].len && !part_is(request, FASTCGI_PART_HTTPS, "off");
    gateway->is_https = has_https || part_is(request, FASTCGI_PART_SCHEME, "https");
    gateway->client_address = part_bytes(request, FASTCGI_PART_CLIENT_ADDRESS, &gateway->client_address_len);
    gateway->client_port = part_port(request, FASTCGI_PART_CLIENT_PORT);
    gateway->server_port = part_port(request, FASTCGI_PART_SERVER_PORT);
    if (is_server && !head->host_len)
        host_note(request, head);
}

static void length_append(struct text *text, size_t len)
{
    if (len > 127) {
        text_append_char(text, (char)(len >> 24 | 0x80));
        text_append_char(text, (char)(len >> 16));
        text_append_char(text, (char)(len >> 8));
    }
    text_append_char(text, (char)len);
}

static void pair_append(struct text *text, const char *name, size_t name_len, const char *value, size_t value_len)
{
    length_append(text, sizeof "HTTP_" - 1 + name_len);
    length_append(text, value_len);
    text_append_literal(text, "HTTP_");
    for (size_t i = 0; i < name_len; i++)
        text_append_char(text, name[i] == '-'                      ? '_'
                               : name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] & ~0x20)
                                                                  : name[i]);
    text_append(text, value, value_len);
}

void fastcgi_request_append_params(struct text *record, uint16_t request_id, const char *lines, size_t len)
{
    const char *end = lines + len;
    size_t start = record->len;
    text_append(record, (const char[FASTCGI_HEADER_LEN]){FASTCGI_VERSION, FASTCGI_PARAMS, (char)(request_id >> 8),
                                                         (char)request_id}, FASTCGI_HEADER_LEN);
    for (const char *line = lines, *line_end; line < end; line = line_end + 1) {
        line_end = bytes_find(line, end, '\n');
        const char *colon = bytes_find(line, end, ':');
        if (!line_end || !colon)
            break;
        const char *value = colon + 1;
        size_t value_len = (size_t)(line_end - value);
        value_len -= value_len && value[value_len - 1] == '\r';
        text_trim(&value, &value_len);
        pair_append(record, line, (size_t)(colon - line), value, value_len);
    }
    size_t content_len = record->len - start - FASTCGI_HEADER_LEN;
    if (record->overflowed)
        return;
    record->bytes[start + 4] = (char)(content_len >> 8);
    record->bytes[start + 5] = (char)content_len;
}
