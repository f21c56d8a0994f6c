#include "wire/cgi_head.h"

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/text.h"

#include <string.h>

void cgi_head_init(struct cgi_head *head)
{
    memset(head, 0, offsetof(struct cgi_head, line));
}

/* The value of the field that the kept part of a line begins with, if it is @lower; else NULL. */
static const char *value_of(const struct cgi_head *head, const char *lower, size_t *value_len)
{
    size_t name_len = strlen(lower);
    if (head->kept_len <= name_len || head->line[name_len] != ':' || !text_is_name(head->line, name_len, lower))
        return NULL;
    const char *value = head->line + name_len + 1;
    *value_len = head->kept_len - name_len - 1;
    text_trim(&value, value_len);
    return value;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Three digits, and perhaps a reason behind a blank. */
static int status_read(const char *value, size_t len)
{
    bool is_number = len >= 3 && is_digit(value[0]) && is_digit(value[1]) && is_digit(value[2]) &&
                     (len == 3 || text_is_blank(value[3]));
    int status = is_number ? (value[0] - '0') * 100 + (value[1] - '0') * 10 + value[2] - '0' : 0;
    return status >= 100 ? status : 0;
}

static void line_end(struct cgi_head *head)
{
    size_t len = 0;
    bool is_kept_whole = head->line_len == head->kept_len;
    if (is_kept_whole && head->kept_len && head->line[head->kept_len - 1] == '\r')
        head->kept_len--;
    const char *status = value_of(head, "status", &len);
    const char *location = status ? NULL : value_of(head, "location", &len);
    head->is_done = is_kept_whole && !head->kept_len;
    if (status) {
        head->has_status = true;
        head->status = status_read(status, len);
    } else if (location) {
        head->has_location = true;
        head->is_local = len && *location == '/';
    }
    head->line_len = head->kept_len = 0;
}

static void line_keep(struct cgi_head *head, const char *bytes, size_t len)
{
    size_t part = MIN(len, sizeof head->line - head->kept_len);
    memcpy(head->line + head->kept_len, bytes, part);
    head->kept_len = (uint8_t)(head->kept_len + part);
    head->line_len = (uint32_t)MIN(head->line_len + (uint64_t)len, UINT32_MAX);
}

size_t cgi_head_take(struct cgi_head *head, const char *bytes, size_t len)
{
    const char *at = bytes, *end = bytes + len;
    while (at < end && !head->is_done) {
        const char *newline = bytes_find(at, end, '\n');
        const char *line_stop = newline ? newline : end;
        line_keep(head, at, (size_t)(line_stop - at));
        at = newline ? newline + 1 : end;
        if (newline)
            line_end(head);
    }
    return (size_t)(at - bytes);
}

int cgi_head_status(const struct cgi_head *head)
{
    if (head->has_status)
        return head->status;
    if (head->has_location)
        return head->is_local ? 0 : 302;
    return 200;
}
