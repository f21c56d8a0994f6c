/* name_list.h - names that an environment variable lists, parted by commas. */
#ifndef RUN_TRACED_TRACE_NAME_LIST_H
#define RUN_TRACED_TRACE_NAME_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NAME_LIST_COUNT_MAX = 32, NAME_LIST_NAME_LEN_MAX = 63 };

struct name_list {
    uint8_t count;
    bool is_any_case;
    char names[NAME_LIST_COUNT_MAX][NAME_LIST_NAME_LEN_MAX + 1]; /* NUL-terminated */
};

/* name_list_parse - @list may be NULL. White space around names does not count; what is empty, too long or too many
 * is left out. @is_any_case: they are kept in lower case, and found in any. */
void name_list_parse(struct name_list *out, const char *list, bool is_any_case);

/* name_list_find - the number of @name, or -1. Hot path, signal-safe. */
int name_list_find(const struct name_list *list, const char *name, size_t len);

#endif
