#include "shim/exec_environment.h"

#include "base/memory.h"
#include "base/text.h"

#include <stddef.h>
#include <string.h>

static const char PRELOAD[] = "LD_PRELOAD=";
static const char STEM[] = "librun-traced"; /* of our file's name; the launcher's copies have a hash behind it */

static bool begins_with(const char *entry, const char *prefix)
{
    for (size_t i = 0; prefix[i]; i++)
        if (!memory_is_readable(entry + i, 1) || entry[i] != prefix[i])
            return false;
    return true;
}

/* LD_PRELOAD is a list; its items are parted by blanks and colons. Returns an item's length. */
static size_t item_len(const char *item)
{
    return strcspn(item, " :");
}

static bool is_ours(const char *item, size_t len)
{
    const char *slash = memrchr(item, '/', len);
    const char *name = slash ? slash + 1 : item;
    size_t name_len = (size_t)(item + len - name);
    return slash && name_len >= sizeof STEM - 1 + 3 && memcmp(name, STEM, sizeof STEM - 1) == 0 &&
           memcmp(item + len - 3, ".so", 3) == 0;
}

/* Our item in @entry, or NULL. */
static const char *ours_find(const char *entry)
{
    const char *item = entry + sizeof PRELOAD - 1;
    for (;;) {
        size_t len = item_len(item);
        if (is_ours(item, len))
            return item;
        if (!item[len])
            return NULL;
        item += len + 1;
    }
}

static char *const *entry_find(char *const envp[], const char *prefix)
{
    for (; memory_is_readable(envp, sizeof *envp) && *envp; envp++)
        if (begins_with(*envp, prefix))
            return envp;
    return NULL;
}

bool exec_environment_only_lists(char *const envp[])
{
    return entry_find(envp, "LD_TRACE_LOADED_OBJECTS=") != NULL;
}

bool exec_environment_library(char *const envp[], char *path)
{
    char *const *entry = entry_find(envp, PRELOAD);
    const char *item = entry ? ours_find(*entry) : NULL;
    size_t len = item ? item_len(item) : 0;
    if (len == 0 || len >= EXEC_PRELOAD_LEN_MAX || memchr(item, '$', len))
        return false;
    memcpy(path, item, len);
    path[len] = '\0';
    return true;
}

/* @entry without our item; empty if nothing else is in it. */
static struct text preload_strip(const char *entry, char *room)
{
    struct text text = text_on(room, EXEC_PRELOAD_LEN_MAX);
    const char *item = ours_find(entry);
    const char *behind = item + item_len(item);
    bool is_last = !*behind, is_first = item == entry + sizeof PRELOAD - 1;
    text_append(&text, entry, (size_t)(item - entry) - (is_last && !is_first)); /* what parts it */
    text_append_string(&text, is_last ? "" : behind + 1);
    if (is_last && is_first)
        text.len = 0;
    text_terminate(&text);
    return text;
}

bool exec_environment_strip(char *const envp[], struct exec_environment *room)
{
    char *const *preload = entry_find(envp, PRELOAD);
    struct text text = preload_strip(*preload, room->preload);
    size_t count = 0;
    for (char *const *entry = envp; *entry; entry++) {
        if (count == EXEC_ENTRIES_MAX - 1)
            return false;
        if (entry != preload)
            room->entries[count++] = *entry;
        else if (text.len)
            room->entries[count++] = text.bytes;
    }
    room->entries[count] = NULL;
    return !text.overflowed;
}
