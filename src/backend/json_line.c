#include "backend/json_line.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char NUL_ESCAPED[] = "\\u0000", REPLACEMENT_ESCAPED[] = "\\ufffd";

enum { ESCAPED_LEN = sizeof NUL_ESCAPED - 1 };

/* Behind a backslash that is escaped itself it is text. */
static bool is_escape(const char *line, const char *at)
{
    const char *begin = at;
    while (begin > line && begin[-1] == '\\')
        begin--;
    return (at - begin) % 2 == 0;
}

static void nuls_replace(char *line, size_t len)
{
    const char *end = line + len;
    for (char *at = line; (at = memmem(at, (size_t)(end - at), NUL_ESCAPED, ESCAPED_LEN)) != NULL; at += ESCAPED_LEN)
        if (is_escape(line, at))
            memcpy(at, REPLACEMENT_ESCAPED, ESCAPED_LEN);
}

cJSON *json_line_parse(const char *line, size_t len)
{
    if (!memmem(line, len, NUL_ESCAPED, ESCAPED_LEN))
        return cJSON_ParseWithLengthOpts(line, len + 1, NULL, 1);
    char *copy = malloc(len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, line, len + 1);
    nuls_replace(copy, len);
    cJSON *json = cJSON_ParseWithLengthOpts(copy, len + 1, NULL, 1);
    free(copy);
    return json;
}
