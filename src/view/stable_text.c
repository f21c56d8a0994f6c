#include "view/stable_text.h"

#include "base/compiler.h"
#include "trace/path_id.h"

#include <string.h>

enum { ID_LEN_MIN = 16, PORT_DIGITS = 5 };

/* What ends a segment, or a path in a text. */
static size_t segment_len(const char *in, size_t len)
{
    size_t i = 0;
    while (i < len && in[i] && !strchr("/ ?#&;,:=\"'()\\", in[i]))
        i++;
    return i;
}

/* The root of temporary files that a path begins with, with the slash behind it; 0: none. */
static size_t temporary_len(const char *in, size_t len)
{
    static const char *const roots[] = {"/tmp/", "/var/tmp/", "/dev/shm/"};
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        size_t root_len = strlen(roots[i]);
        if (len > root_len && memcmp(in, roots[i], root_len) == 0)
            return root_len;
    }
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ":40123". */
static bool is_chosen_port(const char *in, size_t len)
{
    unsigned port = 0;
    if (len <= PORT_DIGITS || *in != ':')
        return false;
    for (int i = 1; i <= PORT_DIGITS; i++) {
        if (!is_digit(in[i]))
            return false;
        port = port * 10 + (unsigned)(in[i] - '0');
    }
    bool is_over = len == PORT_DIGITS + 1 || !is_digit(in[PORT_DIGITS + 1]);
    return is_over && port >= STABLE_PORT_MIN && port <= UINT16_MAX;
}

/* As Python's tempfile and mktemp(1) name files, wherever these lie: tmp and 8 characters, tmp. and 10. */
static bool is_temporary_name(const char *in, size_t len)
{
    size_t prefix_len = len == 11 ? 3 : 4;
    if ((len != 11 && len != 14) || memcmp(in, "tmp.", prefix_len))
        return false;
    for (size_t i = prefix_len; i < len; i++) {
        bool is_capital = in[i] >= 'A' && in[i] <= 'Z', is_other = (in[i] >= 'a' && in[i] <= 'z') || is_digit(in[i]);
        if (!is_other && (len == 11 ? in[i] != '_' : !is_capital))
            return false;
    }
    return true;
}

static void segment_append(struct text *text, const char *in, size_t len, bool is_temporary)
{
    static const char pytest[] = "pytest-";
    size_t id_len = path_id_len(in, len), prefix_len = sizeof pytest - 1;
    if (is_temporary_name(in, len)) {
        text_append_string(text, "{tmp}");
    } else if (id_len) {
        text_append_string(text, "{id}");
        text_append(text, in + id_len, len - id_len);
    } else if (is_temporary && len > prefix_len && memcmp(in, pytest, prefix_len) == 0 && is_digit(in[prefix_len])) {
        text_append_string(text, "pytest-{n}");
    } else {
        text_append(text, in, len);
    }
}

/* Outside of paths a number is no id, but a long word may be. */
static void word_append(struct text *text, const char *in, size_t len)
{
    if (len >= ID_LEN_MIN && path_id_len(in, len) == len)
        text_append_string(text, "{id}");
    else
        text_append(text, in, len);
}

/* A backslash and what belongs to it. */
static size_t escape_len(const char *in, size_t len)
{
    return *in != '\\' ? 0 : MIN(len, (size_t)(len > 1 && in[1] == 'u' ? 6 : 2));
}

/* What is no path: a word, or what parts words. Returns its length. */
static size_t plain_append(struct text *text, const char *in, size_t len)
{
    size_t taken = escape_len(in, len);
    if (taken) {
        text_append(text, in, taken);
    } else if (is_chosen_port(in, len)) {
        text_append_string(text, ":0");
        taken = PORT_DIGITS + 1;
    } else if ((taken = segment_len(in, len)) > 0) {
        word_append(text, in, taken);
    } else {
        text_append_char(text, *in);
        taken = 1;
    }
    return taken;
}

void stable_text_append(struct text *text, const char *in, size_t len)
{
    bool is_in_path = false, is_temporary = false;
    for (size_t at = 0, taken; at < len; at += taken) {
        size_t root_len = is_in_path ? 0 : temporary_len(in + at, len - at);
        if (root_len) {
            text_append(text, in + at, root_len);
            text_append_string(text, "{tmp}");
            taken = root_len + segment_len(in + at + root_len, len - at - root_len);
            is_in_path = is_temporary = true;
        } else if (in[at] == '/') {
            size_t segment = segment_len(in + at + 1, len - at - 1);
            text_append_char(text, '/');
            segment_append(text, in + at + 1, segment, is_temporary);
            taken = 1 + segment;
            is_in_path = true;
        } else {
            taken = plain_append(text, in + at, len - at);
            is_in_path = is_temporary = false;
        }
    }
}

void stable_operation_append(struct text *text, const struct view_span *span)
{
    stable_text_append(text, span->name, strlen(span->name));
    if (!span->path || strchr(span->name, '/'))
        return;
    text_append_char(text, ' ');
    stable_text_append(text, span->path, strlen(span->path));
}
