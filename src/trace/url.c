#include "trace/url.h"

#include "base/bytes.h"

const bool URL_SPECIAL[256] = {['@'] = 1, [';'] = 1, ['%'] = 1, ['?'] = 1, ['#'] = 1, ['\\'] = 1};

static const char *find(const char *at, const char *end, char c)
{
    const char *found = bytes_find(at, end, c);
    return found ? found : end;
}

static bool is_letter(char c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Behind "scheme:/" and the slashes after it; @url where there is no scheme. */
static const char *authority_find(const char *url, const char *end)
{
    const char *at = url;
    if (at == end || !is_letter(*at))
        return url;
    while (at < end && (is_letter(*at) || is_digit(*at) || *at == '+' || *at == '-' || *at == '.'))
        at++;
    if (end - at < 2 || at[0] != ':' || at[1] != '/')
        return url;
    for (at++; at < end && *at == '/';)
        at++;
    return at;
}

bool url_is_absolute(const char *bytes, size_t len)
{
    return authority_find(bytes, bytes + len) > bytes;
}

/* Is this a percent-encoded byte, one of two spellings? */
static bool is_encoded(const char *at, const char *end, const char *upper, const char *lower)
{
    return end - at > 2 && *at == '%' && (memcmp(at + 1, upper, 2) == 0 || memcmp(at + 1, lower, 2) == 0);
}

size_t url_userinfo_len(const char *bytes, size_t len, bool is_authority)
{
    const char *end = bytes + len, *last = bytes;
    bool has_colon = is_authority;
    for (const char *at = bytes; at < end; at++) {
        has_colon |= *at == ':' || is_encoded(at, end, "3A", "3a");
        if (has_colon && (*at == '@' || is_encoded(at, end, "40", "40")))
            last = at + (*at == '@' ? 1 : 3);
    }
    return (size_t)(last - bytes);
}

const char *url_host(const char *authority, size_t *len)
{
    size_t userinfo_len = url_userinfo_len(authority, *len, true);
    *len -= userinfo_len;
    return authority + userinfo_len;
}

/* A port that is no number: then it was no port, but a password in which a '/', '?' or '#' stands as it is. With digits
 * before these, an '@' behind '?' or '#' tells. */
static bool is_telling(const char *host, const char *host_end, const char *end)
{
    const char *bracket = find(host, host_end, ']'), *colon = find(bracket < host_end ? bracket : host, host_end, ':');
    if (colon == host_end)
        return false;
    for (const char *c = colon + 1; c < host_end; c++)
        if (!is_digit(*c))
            return true;
    return host_end < end && (*host_end == '?' || *host_end == '#') &&
           find(host_end, find(host_end, end, '/'), '@') < find(host_end, end, '/');
}

void url_parse(const char *bytes, size_t len, struct url *out)
{
    const char *all_end = bytes + len, *end = find(bytes, all_end, '#');
    const char *authority = authority_find(bytes, end), *path = authority;
    bool is_path = authority == bytes && len && (*bytes == '/' || *bytes == '*');
    while (!is_path && path < end && *path != '/' && *path != '?' && *path != '\\')
        path++;
    const char *query = find(path, end, '?');
    *out = (struct url){.authority = authority,
                        .authority_len = (size_t)(path - authority),
                        .path = path,
                        .path_len = (size_t)(query - path),
                        .query = query < end ? query + 1 : end,
                        .query_len = query < end ? (size_t)(end - query - 1) : 0,
                        .has_query = query < end};
    size_t host_len = out->authority_len;
    const char *host = url_host(authority, &host_len);
    out->is_telling = is_telling(host, path, all_end);
}

size_t url_cut_len(const char *bytes, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max && !memchr("/?&;", bytes[max - 1], 4))
        max--;
    return max;
}
