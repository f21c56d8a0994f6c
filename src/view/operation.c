#include "view/operation.h"

#include "base/text.h"
#include "trace/path_id.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_EPHEMERAL_MIN = 32768 };

/* A path with {id} in place of each id; what comes before its first slash stays as it is. */
static void route_append(struct text *text, const char *path)
{
    size_t len = strcspn(path, "/");
    text_append(text, path, len);
    for (path += len; *path; path += len) {
        text_append_char(text, '/');
        len = strcspn(++path, "/");
        size_t id_len = path_id_len(path, len);
        if (id_len)
            text_append_string(text, "{id}");
        text_append(text, path + id_len, len - id_len);
    }
}

const char *operation_name(struct operation_names *names, const struct view_span *span)
{
    char bytes[4 * VIEW_STRING_LEN_MAX];
    struct text text = text_on(bytes, sizeof bytes);
    uint64_t hash = ((uintptr_t)span->name * 31 + (uintptr_t)span->path) * 0x9e3779b97f4a7c15ULL;
    size_t place = hash >> 52;
    _Static_assert(OPERATION_CACHE_LEN == 1 << 12, "as many as the bits taken of the hash");
    if (names->cache[place].operation && names->cache[place].name == span->name &&
        names->cache[place].path == span->path)
        return names->cache[place].operation;
    route_append(&text, span->name);
    if (span->path && !strchr(span->name, '/')) {
        text_append_char(&text, ' ');
        route_append(&text, span->path);
    }
    const char *operation = string_pool_intern(&names->strings, text.bytes, text.len);
    names->cache[place].name = span->name;
    names->cache[place].path = span->path;
    names->cache[place].operation = operation;
    return operation;
}

const char *operation_callee(struct operation_names *names, const struct view_span *span)
{
    const char *callee = span->callee;
    if (!callee)
        return NULL;
    const char *colon = strrchr(callee, ':');
    bool has_port = colon && colon > callee && strchr(callee, ']') <= colon && atoi(colon + 1) >= PORT_EPHEMERAL_MIN;
    return string_pool_intern(&names->strings, callee, has_port ? (size_t)(colon - callee) : strlen(callee));
}

void operation_names_free(struct operation_names *names)
{
    string_pool_free(&names->strings);
    memset(names, 0, sizeof *names);
}
