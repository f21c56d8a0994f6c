#include "trace/ignore.h"

#include "base/compiler.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

BULKY struct ignore_list g_ignored;

/* "/path", "*path", or either after a method. */
static bool pattern_parse(const char *text, size_t len, struct ignore_pattern *out)
{
    size_t method_len = 0, path_at = 0;
    if (!len || len > IGNORE_PATTERN_LEN_MAX)
        return false;
    if (*text != '/' && *text != '*') {
        while (path_at < len && !text_is_blank(text[path_at]))
            path_at++;
        method_len = path_at;
        while (path_at < len && text_is_blank(text[path_at]))
            path_at++;
    }
    if (path_at == len || (text[path_at] != '/' && text[path_at] != '*'))
        return false;
    out->method_len = (uint8_t)method_len;
    out->path_at = (uint8_t)path_at;
    out->len = (uint8_t)len;
    memcpy(out->text, text, len);
    return true;
}

void ignore_parse(const char *list, struct ignore_list *out, void (*refused)(const char *pattern, size_t len))
{
    out->count = 0;
    while (list && *list) {
        list += strspn(list, ", \t");
        size_t field_len = strcspn(list, ","), len = field_len;
        while (len && text_is_blank(list[len - 1]))
            len--;
        if (out->count < IGNORE_COUNT_MAX && pattern_parse(list, len, &out->patterns[out->count]))
            out->count++;
        else if (len && refused)
            refused(list, len);
        list += field_len;
    }
}

void ignore_init(void)
{
    const char *ignored = getenv("RUN_TRACED_IGNORE");
    if (ignored)
        ignore_parse(ignored, &g_ignored, NULL);
}

/* Goes back to the last '*' only: what an earlier one stands for need never be more than it had to be. */
static bool glob_matches(const char *pattern, size_t pattern_len, const char *text, size_t len)
{
    size_t at = 0, star = SIZE_MAX, star_text = 0, i = 0;
    while (i < len) {
        if (at < pattern_len && pattern[at] == '*') {
            star = at++;
            star_text = i;
        } else if (at < pattern_len && pattern[at] == text[i]) {
            at++;
            i++;
        } else if (star != SIZE_MAX) {
            at = star + 1;
            i = ++star_text;
        } else {
            return false;
        }
    }
    while (at < pattern_len && pattern[at] == '*')
        at++;
    return at == pattern_len;
}

/* Narrows @url to its path. RFC 3986, section 3. */
static const char *path_find(const char *url, size_t *len)
{
    const char *end = url + *len;
    if (*len && *url != '/') {
        const char *scheme_end = memmem(url, *len, "://", 3);
        url = scheme_end ? scheme_end + 3 : url;
        while (url < end && !memchr("/?#", *url, 3))
            url++;
    }
    const char *path_end = url;
    while (path_end < end && *path_end != '?' && *path_end != '#')
        path_end++;
    *len = (size_t)(path_end - url);
    return url;
}

bool ignore_list_has(const struct ignore_list *list, const char *method, size_t method_len, const char *url,
                     size_t url_len)
{
    const char *path = path_find(url, &url_len);
    if (!url_len) {
        path = "/";
        url_len = 1;
    }
    for (unsigned i = 0; i < list->count; i++) {
        const struct ignore_pattern *pattern = &list->patterns[i];
        bool is_method = !pattern->method_len || (pattern->method_len == method_len &&
                                                  memcmp(pattern->text, method, method_len) == 0);
        if (is_method && glob_matches(pattern->text + pattern->path_at, (size_t)(pattern->len - pattern->path_at), path,
                                      url_len))
            return true;
    }
    return false;
}
