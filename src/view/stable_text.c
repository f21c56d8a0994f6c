#include "view/stable_text.h"

#include "trace/path_id.h"

#include <string.h>

/* What ends a segment, or a path in a text. */
static size_t segment_len(const char *in, size_t len)
{
    size_t i = 0;
    while (i < len && in[i] && !strchr("/ ?#&;,:=\"'()", in[i]))
        i++;
    return i;
}

/* The root of temporary files that a path begins with, with the slash behind it; 0: none. */
static size_t temporary_len(const char *in, size_t len)
{
    static const char *const roots[] = {"/tmp/", "/var/tmp/", "/dev/shm/"};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        size_t root_len = strlen(roots[i]);
        if (len > root_len && memcmp(in, roots[i], root_len) == 0)
            return root_len;
    }
    return 0;
}

static void segment_append(struct text *text, const char *in, size_t len, bool is_temporary)
{
    static const char pytest[] = "pytest-";
    size_t id_len = path_id_len(in, len), prefix_len = sizeof pytest - 1;
    if (id_len) {
        text_append_string(text, "{id}");
        text_append(text, in + id_len, len - id_len);
    } else if (is_temporary && len > prefix_len && memcmp(in, pytest, prefix_len) == 0 && in[prefix_len] >= '0' &&
               in[prefix_len] <= '9') {
        text_append_string(text, "pytest-{n}");
    } else {
        text_append(text, in, len);
    }
}

void stable_text_append(struct text *text, const char *in, size_t len)
{
    bool is_in_path = false, is_temporary = false;
    for (size_t at = 0; at < len;) {
        size_t root_len = is_in_path ? 0 : temporary_len(in + at, len - at);
        if (root_len) {
            text_append(text, in + at, root_len);
            at += root_len;
            text_append_string(text, "{tmp}");
            at += segment_len(in + at, len - at);
            is_in_path = is_temporary = true;
            continue;
        }
        if (in[at] == '/') {
            size_t segment = segment_len(in + at + 1, len - at - 1);
            text_append_char(text, '/');
            segment_append(text, in + at + 1, segment, is_temporary);
            is_in_path = true;
            at += 1 + segment;
            continue;
        }
        is_in_path = is_temporary = false;
        text_append_char(text, in[at++]);
        size_t plain = segment_len(in + at, len - at);
        text_append(text, in + at, plain);
        at += plain;
    }
}
