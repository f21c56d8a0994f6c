/* ignore.h - requests of which nothing is recorded, nor of what is done for them: health checks. */
#ifndef RUN_TRACED_TRACE_IGNORE_H
#define RUN_TRACED_TRACE_IGNORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IGNORE_COUNT_MAX = 32, IGNORE_PATTERN_LEN_MAX = 127 };

struct ignore_pattern {
    uint8_t method_len; /* 0: any */
    uint8_t path_at, len;
    char text[IGNORE_PATTERN_LEN_MAX];
};

struct ignore_list {
    uint8_t count;
    struct ignore_pattern patterns[IGNORE_COUNT_MAX];
};

/* Those in use. Its count is to be looked at first: it is 0 nearly always. */
extern struct ignore_list g_ignored;

/* ignore_parse - @out becomes @list (NULL: none): patterns parted by commas, each a path, or a method and a path with
 * blanks between them. A '*' stands for any characters, '/' among them. @refused is called for each that is no such
 * pattern, is too long or one too many, which is left out; it may be NULL. */
void ignore_parse(const char *list, struct ignore_list *out, void (*refused)(const char *pattern, size_t len));

/* ignore_init - reads RUN_TRACED_IGNORE. Library start-up. */
void ignore_init(void);

/* ignore_list_has - does any pattern match all of the path of @url, which is absolute, or begins with its path or with
 * its host? Its query does not count; an empty path is "/". @method: as it is sent; of length 0: not known, only
 * patterns for any method match. Takes time in proportion to both lengths. Hot path, signal-safe. */
bool ignore_list_has(const struct ignore_list *list, const char *method, size_t method_len, const char *url,
                     size_t url_len);

#endif
