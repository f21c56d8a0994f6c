#include "view/check_groups.h"

#include "base/compiler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A span, and what it is sorted by: equal keys are a group. */
struct keyed_span {
    uint64_t key;
    uint32_t type;
    uint32_t span;
};

static int keyed_compare(const void *left, const void *right)
{
    const struct keyed_span *a = left, *b = right;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->span > b->span) - (a->span < b->span);
}

static uint64_t key_of(const struct check_value *value)
{
    uint64_t key = 0;
    if (value->type == CHECK_NUMBER)
        memcpy(&key, &value->number, sizeof key);
    else if (value->type == CHECK_TRUTH)
        key = value->truth;
    else
        key = (uintptr_t)value->text;
    return key;
}

static struct keyed_span keyed_of(const struct check_spans *spans, const struct check *check, uint32_t span)
{
    if (check->grouping == CHECK_OF_ALL)
        return (struct keyed_span){.type = CHECK_NUMBER, .span = span};
    if (check->grouping == CHECK_PER_TRACE)
        return (struct keyed_span){.type = CHECK_NUMBER, .key = spans->trace[span], .span = span};
    if (check->grouping == CHECK_PER_TEST) {
        uint32_t test = spans->relatives[CHECK_TEST][span];
        return (struct keyed_span){
            .type = test == CHECK_NO_SPAN ? CHECK_MISSING : CHECK_NUMBER, .key = test, .span = span};
    }
    struct check_value value = check_spans_value(spans, span, &check->group_field);
    return (struct keyed_span){.type = value.type, .key = key_of(&value), .span = span};
}

/* The sorted spans become numbered groups. */
static void groups_number(const struct keyed_span *keyed, size_t count, const struct check *check,
                          struct check_groups *groups)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t span = keyed[i].span;
        if (keyed[i].type == CHECK_MISSING) {
            groups->of_span[span] = CHECK_NO_GROUP;
            groups->outside_count++;
            continue;
        }
        if (groups->count == 0 || keyed[i].key != keyed[i - 1].key || keyed[i].type != keyed[i - 1].type)
            groups->example[groups->count++] = check->grouping == CHECK_PER_TEST ? (uint32_t)keyed[i].key : span;
        groups->of_span[span] = (uint32_t)groups->count - 1;
    }
}

int check_groups_make(const struct check_spans *spans, const struct check *check, struct check_groups *groups)
{
    size_t count = spans->set.count;
    struct keyed_span *keyed = malloc(MAX(count, (size_t)1) * sizeof *keyed);
    *groups = (struct check_groups){.of_span = malloc(MAX(count, (size_t)1) * sizeof *groups->of_span),
                                    .example = calloc(MAX(count, (size_t)1), sizeof *groups->example)};
    bool has_memory = keyed && groups->of_span && groups->example;
    if (has_memory) {
        for (size_t i = 0; i < count; i++)
            keyed[i] = keyed_of(spans, check, (uint32_t)i);
        if (check->grouping != CHECK_OF_ALL && check->grouping != CHECK_PER_TRACE)
            qsort(keyed, count, sizeof *keyed, keyed_compare); /* the others are in order */
        groups_number(keyed, count, check, groups);
        groups->count = MAX(groups->count, (size_t)(check->grouping == CHECK_OF_ALL));
    }
    free(keyed);
    return has_memory ? 0 : -ENOMEM;
}

void check_groups_free(struct check_groups *groups)
{
    free(groups->of_span);
    free(groups->example);
    *groups = (struct check_groups){0};
}
