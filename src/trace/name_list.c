#include "trace/name_list.h"

#include "base/text.h"

#include <string.h>

static void name_add(struct name_list *list, const char *name, size_t len)
{
    if (!len || len > NAME_LIST_NAME_LEN_MAX || list->count == NAME_LIST_COUNT_MAX ||
        name_list_find(list, name, len) >= 0)
        return;
    char *room = list->names[list->count++];
    for (size_t i = 0; i < len; i++)
        room[i] = list->is_any_case && name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 32) : name[i];
    room[len] = '\0';
}

void name_list_parse(struct name_list *out, const char *list, bool is_any_case)
{
    out->count = 0;
    out->is_any_case = is_any_case;
    while (list && *list) {
        list += strspn(list, ", \t");
        size_t field_len = strcspn(list, ","), len = field_len;
        while (len && (list[len - 1] == ' ' || list[len - 1] == '\t'))
            len--;
        name_add(out, list, len);
        list += field_len;
    }
}

int name_list_find(const struct name_list *list, const char *name, size_t len)
{
    for (int i = 0; i < list->count; i++)
        if (list->is_any_case ? text_is_name(name, len, list->names[i])
                              : strlen(list->names[i]) == len && memcmp(list->names[i], name, len) == 0)
            return i;
    return -1;
}
