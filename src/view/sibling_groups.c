#include "view/sibling_groups.h"

static struct sibling_group *group_find(struct sibling_groups *groups, const struct view_span *span,
                                        const char *operation)
{
    for (size_t i = 0; i < groups->count; i++) {
        struct sibling_group *group = &groups->groups[i];
        if (group->operation == operation && group->service == span->service && group->kind == span->kind)
            return group;
    }
    return NULL;
}

struct sibling_group *sibling_group_of(struct sibling_groups *groups, struct operation_names *names,
                                       const struct trace_node *node)
{
    return group_find(groups, node->span, operation_name(names, node->span));
}

void sibling_groups_count(const struct trace_node *first, struct operation_names *names, struct sibling_groups *groups)
{
    groups->count = 0;
    for (const struct trace_node *node = first; node; node = node->next_sibling) {
        const char *operation = operation_name(names, node->span);
        struct sibling_group *group = group_find(groups, node->span, operation);
        if (!group && groups->count < SIBLING_GROUPS_MAX) {
            group = &groups->groups[groups->count++];
            *group = (struct sibling_group){
                .service = node->span->service, .operation = operation, .kind = node->span->kind};
        }
        if (group)
            group->count++;
    }
}
