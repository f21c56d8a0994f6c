#include "view/source_line.h"

#include <stdio.h>

const char *source_line(struct string_pool *pool, const struct view_span *span)
{
    char text[VIEW_STRING_LEN_MAX + 32];
    if (!span->code_file)
        return NULL;
    int len = snprintf(text, sizeof text, "%s line %u", span->code_file, span->code_line);
    return string_pool_intern(pool, text, (size_t)len);
}
