#include "trace/redact.h"

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
    const char *at = bytes < end ? memchr(bytes, c, (size_t)(end - bytes)) : NULL;
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

/* The '@' that ends the userinfo of an authority, the last one of them; NULL if there is none. */
static const char *userinfo_end(const char *authority, const char *end)
{
    const char *at = NULL;
    for (const char *c = authority; c < end && *c != '/' && *c != '?' && *c != '#'; c++)
        if (*c == '@')
            at = c;
    return at;
}

void redact_append_url(struct text *text, const char *url, size_t len)
{
    const char *end = find(url, url + len, '#');
    const char *query = find(url, end, '?');
    const char *authority = url;
    for (const char *c = url; c + 2 < query; c++)
        if (memcmp(c, "://", 3) == 0) {
            authority = c + 3;
            break;
        }
    const char *at = userinfo_end(authority, query);
    text_append(text, url, (size_t)(authority - url));
    if (at)
        authority = at + 1;
    text_append(text, authority, (size_t)(query - authority));
    if (query < end) {
        text_append_char(text, '?');
        redact_append_query(text, query + 1, (size_t)(end - query - 1));
    }
}
