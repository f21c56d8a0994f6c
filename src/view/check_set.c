#include "view/check_parse_state.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Behind "NAME:", which no expression begins with. */
static const char *name_skip(const char *text)
{
    size_t len = strcspn(text, ":\"'(");
    bool is_name = text[len] == ':' && len > 0;
    return is_name ? text + len + 1 : text;
}

static const char *name_of(struct check_set *set, const char *text, const char *rest)
{
    size_t len = rest == text ? 0 : (size_t)(rest - text) - 1;
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    for (; len && isspace((unsigned char)*text); len--)
        text++;
    return len ? string_pool_intern(&set->pool, text, len) : NULL;
}

int check_set_add(struct check_set *set, const char *text, const char *file, unsigned line, struct check_error *error)
{
    struct check *checks = reallocarray(set->checks, set->count + 1, sizeof *checks);
    if (!checks)
        return -ENOMEM;
    set->checks = checks;
    struct check *check = &checks[set->count];
    const char *expression = name_skip(text);
    *check = (struct check){.text = expression, .file = file, .line = line, .name = name_of(set, text, expression)};
    int result = check_parse(set, check, error);
    if (result == -EINVAL)
        error->at += (size_t)(expression - text);
    set->count += result == 0;
    return result;
}

void check_set_free(struct check_set *set)
{
    check_regexes_free(set);
    check_arena_free(&set->arena);
    string_pool_free(&set->pool);
    free(set->checks);
    *set = (struct check_set){0};
}
