#include "trace/redact.h"

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/percent.h"
#include "trace/name_list.h"
#include "trace/path_id.h"
#include "trace/pattern.h"
#include "trace/secret_name.h"
#include "trace/url.h"

#include <stdlib.h>
#include <string.h>

enum {
    TOKEN_LEN_MIN = 16,
    CUT_LEN_MIN = 255,     /* a value of this length may have been cut where it was taken down */
    HEADER_LEN_MAX = 1024, /* of what a header's value becomes */
};

struct redact_choices g_redact_choices;

static bool g_query_is_kept, g_some_are_kept;
static BULKY struct name_list g_kept_keys;
static BULKY struct pattern_list g_patterns;

static bool is_chosen(const char *variable, const char *choice)
{
    const char *value = getenv(variable);
    return value && strcmp(value, choice) == 0;
}

void redact_init(void)
{
    g_query_is_kept = is_chosen("RUN_TRACED_URL_QUERY", "keep");
    const char *kept_keys = getenv("RUN_TRACED_URL_QUERY_KEEP"), *patterns = getenv("RUN_TRACED_REDACT");
    if (kept_keys)
        name_list_parse(&g_kept_keys, kept_keys, false);
    g_some_are_kept = g_query_is_kept || (kept_keys && g_kept_keys.count);
    if (patterns)
        pattern_list_parse(&g_patterns, patterns, NULL);
    g_redact_choices = (struct redact_choices){
        .has_patterns = patterns && g_patterns.count > 0,
        .has_routes = is_chosen("RUN_TRACED_URL_ROUTES", "on"),
    };
}

static const char *find(const char *bytes, const char *end, char c)
{
    const char *at = bytes_find(bytes, end, c);
    return at ? at : end;
}

static void append_redacted(struct text *text)
{
    text_append(text, "REDACTED", 8);
}

/* ---- queries ---- */

/* A URL with a password, or a query with a secret, in a value. */
static bool value_is_telling(const char *value, const char *end)
{
    size_t len = (size_t)(end - value);
    if (url_userinfo_len(value, len, false))
        return true;
    return (memchr(value, '=', len) || memmem(value, len, "%3D", 3) || memmem(value, len, "%3d", 3)) &&
           secret_name_is_key(value, len);
}

static bool key_is_named(const char *key, size_t len)
{
    char bytes[NAME_LIST_NAME_LEN_MAX + 1];
    struct text decoded = text_on(bytes, sizeof bytes);
    if (!g_kept_keys.count || percent_decode(key, len, &decoded) || decoded.overflowed)
        return false;
    return name_list_find(&g_kept_keys, decoded.bytes, decoded.len) >= 0;
}

/* @equals: @end where there is no key. */
static bool value_is_kept(const char *part, const char *equals, const char *end)
{
    size_t key_len = equals < end ? (size_t)(equals - part) : 0;
    if (!(key_len && key_is_named(part, key_len)) && !(g_query_is_kept && !(key_len && secret_name_is_key(part, key_len))))
        return false;
    const char *value = equals < end ? equals + 1 : part;
    return !value_is_telling(value, end);
}

/* A key that looks random, or is followed by nothing but the padding of base 64, is no key. */
static bool is_key(const char *part, const char *equals, const char *end)
{
    const char *at = equals + 1;
    size_t len = (size_t)(equals - part);
    while (at < end && *at == '=')
        at++;
    return (at < end || at == equals + 1) && !(len >= TOKEN_LEN_MIN && path_id_is_token(part, len));
}

/* What stands between two '&'. Who takes ';' for a separator finds several in it, but only where all before it are kept. */
static void part_append(struct text *text, const char *part, const char *end)
{
    while (g_some_are_kept) {
        const char *part_end = find(part, end, ';'), *equals = find(part, part_end, '=');
        if (!value_is_kept(part, equals, part_end))
            break;
        text_append(text, part, (size_t)(part_end - part));
        if (part_end == end)
            return;
        text_append_char(text, ';');
        part = part_end + 1;
    }
    const char *equals = find(part, end, '=');
    bool has_key = equals < end && is_key(part, equals, end);
    if (has_key)
        text_append(text, part, (size_t)(equals - part) + 1);
    if (part < end && !(has_key && equals + 1 == end))
        append_redacted(text);
}

void redact_append_query(struct text *text, const char *query, size_t len)
{
    const char *end = query + len;
    while (query < end) {
        const char *part_end = find(query, end, '&');
        part_append(text, query, part_end);
        if (part_end < end)
            text_append_char(text, '&');
        query = part_end + 1;
    }
}

/* ---- paths ---- */

/* A query that is a part of the path by its encoding alone. NULL: none. */
static const char *encoded_query_find(const char *at, const char *end)
{
    const char *upper = memmem(at, (size_t)(end - at), "%3F", 3), *lower = memmem(at, (size_t)(end - at), "%3f", 3);
    return upper && lower ? MIN(upper, lower) : upper ? upper : lower;
}

static void segment_name_append(struct text *text, const char *name, const char *end)
{
    const char *query = encoded_query_find(name, end);
    const char *name_end = query ? query : end;
    size_t id_len = g_redact_choices.has_routes ? path_id_len(name, (size_t)(name_end - name)) : 0;
    if (id_len)
        text_append_string(text, "{id}");
    text_append(text, name + id_len, (size_t)(name_end - name) - id_len);
    if (!query)
        return;
    text_append(text, query, 3);
    query += 3;
    if (g_query_is_kept && !value_is_telling(query, end))
        text_append(text, query, (size_t)(end - query));
    else if (query < end)
        append_redacted(text);
}

static void segment_append(struct text *text, const char *segment, const char *end, bool is_authority)
{
    segment += url_userinfo_len(segment, (size_t)(end - segment), is_authority);
    const char *name_end = find(segment, end, ';');
    segment_name_append(text, segment, name_end);
    while (name_end < end) {
        const char *parameter = name_end + 1;
        name_end = find(parameter, end, ';');
        text_append_char(text, ';');
        /* Without a value it is as much a part of the name. */
        if (find(parameter, name_end, '=') < name_end)
            part_append(text, parameter, name_end);
        else
            text_append(text, parameter, (size_t)(name_end - parameter));
    }
}

/* Does "http:" or an empty segment stand at the end of what came before? */
static bool authority_follows(const char *path, const char *segment, const char *end)
{
    const char *at = segment;
    while (at > path && at[-1] == '/')
        at--;
    return (at == path && segment - path > 1) || (at > path && segment < end && at[-1] == ':');
}

void redact_append_path(struct text *text, const char *path, size_t len)
{
    const char *end = path + len;
    if (!g_redact_choices.has_routes && url_plain_len(path, len) == len) {
        text_append(text, path, len);
        return;
    }
    for (const char *segment = path;;) {
        const char *segment_end = find(segment, end, '/');
        segment_append(text, segment, segment_end, authority_follows(path, segment, end));
        if (segment_end == end)
            return;
        text_append_char(text, '/');
        segment = segment_end + 1;
    }
}

/* ---- URLs ---- */

/* There is more in it than a path and a query. */
static COLD void url_append(struct text *text, const char *bytes, size_t len)
{
    struct url url;
    url_parse(bytes, len, &url);
    text_append(text, bytes, (size_t)(url.authority - bytes));
    if (url.is_telling) {
        append_redacted(text);
        return;
    }
    size_t host_len = url.authority_len;
    const char *host = url_host(url.authority, &host_len);
    text_append(text, host, host_len);
    redact_append_path(text, url.path, url.path_len);
    if (url.has_query)
        text_append_char(text, '?');
    redact_append_query(text, url.query, url.query_len);
}

void redact_append_url(struct text *text, const char *bytes, size_t len)
{
    size_t plain_len = redact_plain_len(bytes, len);
    bool is_path = plain_len && *bytes == '/' && bytes[plain_len < len ? plain_len : 0] == '?';
    if (plain_len < len && !is_path) {
        url_append(text, bytes, len);
        return;
    }
    text_append(text, bytes, plain_len);
    if (plain_len == len)
        return;
    const char *query = bytes + plain_len + 1;
    text_append_char(text, '?');
    redact_append_query(text, query, (size_t)(find(query, bytes + len, '#') - query));
}

void redact_append_host(struct text *text, const char *host, size_t len)
{
    struct url url;
    if (LIKELY(url_plain_len(host, len) == len && !bytes_find(host, host + len, '/'))) {
        text_append(text, host, len);
        return;
    }
    url_parse(host, len, &url);
    size_t host_len = url.authority_len;
    const char *at = url_host(url.authority, &host_len);
    if (url.is_telling)
        append_redacted(text);
    else
        text_append(text, at, host_len);
}

/* ---- patterns ---- */

void redact_append_by_patterns(struct text *text, const char *bytes, size_t len)
{
    pattern_list_redact(&g_patterns, bytes, len, len >= CUT_LEN_MIN, text);
}

bool redact_matches(const char *bytes, size_t len)
{
    return pattern_list_finds(&g_patterns, bytes, len);
}

static void append_by_choices(struct text *text, const char *bytes, size_t len)
{
    if (g_redact_choices.has_patterns)
        redact_append_by_patterns(text, bytes, len);
    else
        text_append(text, bytes, len);
}

/* ---- headers and baggage ---- */

static bool header_has_url(const char *name, const char *value, size_t len)
{
    static const char *const parts[] = {"refer", "location", "origin", "destination", "link", "refresh", "uri", "url",
                                        "forwarded", "path"};
    if ((len && *value == '/') || memmem(value, len, ":/", 2))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(parts) && memchr(value, '?', len); i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

void redact_append_header(struct text *text, const char *name, const char *value, size_t len)
{
    char bytes[HEADER_LEN_MAX];
    struct text url = text_on(bytes, sizeof bytes);
    if (secret_name_is_header(name) || secret_name_is_credential(value, len)) {
        append_redacted(text);
    } else if (header_has_url(name, value, len)) {
        redact_append_url(&url, value, len);
        append_by_choices(text, url.bytes, url.len);
    } else {
        append_by_choices(text, value, len);
    }
}

void redact_append_member(struct text *text, const char *key, size_t key_len, bool is_named, const char *value, size_t len)
{
    if ((!is_named && secret_name_is_key(key, key_len)) || secret_name_is_credential(value, len) ||
        url_userinfo_len(value, len, false))
        append_redacted(text);
    else
        append_by_choices(text, value, len);
}
