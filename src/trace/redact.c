#include "trace/redact.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

static bool g_query_is_kept;

void redact_init(void)
{
    const char *choice = getenv("RUN_TRACED_URL_QUERY");
    g_query_is_kept = choice && strcmp(choice, "keep") == 0;
}

static const char *find(const char *bytes, const char *end, char c)
{
    const char *at = bytes_find(bytes, end, c);
    return at ? at : end;
}

void redact_append_query(struct text *text, const char *query, size_t len)
{
    const char *end = query + len;
    if (g_query_is_kept) {
        text_append(text, query, len);
        return;
    }
    while (query < end) {
        const char *part_end = find(query, end, '&');
        const char *equals = find(query, part_end, '=');
        if (equals < part_end)
            text_append(text, query, (size_t)(equals - query) + 1);
        if (query < part_end && equals + 1 != part_end)
            text_append_string(text, "REDACTED");
        if (part_end < end)
            text_append_char(text, '&');
        query = part_end + 1;
    }
}

/* The userinfo of the URL's authority, with the '@' that ends it: what lies between the bytes given back
 * and *@end. Both are @url where there is none. */
static const char *userinfo_find(const char *url, const char *query, const char **end)
{
    const char *scheme_end = memmem(url, (size_t)(query - url), "://", 3);
    const char *authority = scheme_end ? scheme_end + 3 : url;
    *end = authority;
    for (const char *c = authority; c < query && *c != '/'; c++)
        if (*c == '@')
            *end = c + 1;
    return authority;
}

void redact_append_url(struct text *text, const char *url, size_t len)
{
    const char *end = find(url, url + len, '#');
    const char *query = find(url, end, '?');
    const char *kept = url;
    if (find(url, query, '@') < query) {
        const char *userinfo = userinfo_find(url, query, &kept);
        text_append(text, url, (size_t)(userinfo - url));
    }
    text_append(text, kept, (size_t)(query - kept));
    if (query < end) {
        text_append_char(text, '?');
        redact_append_query(text, query + 1, (size_t)(end - query - 1));
    }
}
