#include "shim/exec_environment.h"

#include "base/memory.h"
#include "base/text.h"
#include "trace/propagator.h"
#include "trace/traceparent.h"

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

/* The last one: of several LD_PRELOAD that counts. */
static char *const *entry_find(char *const envp[], const char *prefix)
{
    char *const *found = NULL;
    for (; memory_is_readable(envp, sizeof *envp) && *envp; envp++)
        if (begins_with(*envp, prefix))
            found = envp;
    return found;
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

/* What run-traced puts into the command's environment, but for the library. */
static bool is_of_run(const char *entry)
{
    static const char ASAN[] = "ASAN_OPTIONS=verify_asan_link_order=0";
    return begins_with(entry, "RUN_TRACED_") || begins_with(entry, "TRACEPARENT=") ||
           (begins_with(entry, ASAN) && !entry[sizeof ASAN - 1]);
}

bool exec_environment_strip_all(char *const envp[], struct exec_environment *room)
{
    char **end = room->entries;
    char *const *preload = entry_find(envp, PRELOAD);
    if (!preload || !ours_find(*preload) || !exec_environment_strip(envp, room))
        return false;
    for (char **entry = room->entries; *entry; entry++)
        if (!is_of_run(*entry))
            *end++ = *entry;
    *end = NULL;
    return true;
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

/* ---- the context ---- */

static const char TRACEPARENT[] = "TRACEPARENT=", TRACESTATE[] = "TRACESTATE=", BAGGAGE[] = "BAGGAGE=";
enum { VARIABLES_MAX = 3 };

static bool has_baggage(const struct span_context *context)
{
    return context->baggage_len && propagators_have(PROPAGATOR_BAGGAGE);
}

/* An older context goes, and what belongs to it. */
static bool is_of_context(const char *entry)
{
    return begins_with(entry, TRACEPARENT) || begins_with(entry, TRACESTATE) ||
           (propagators_have(PROPAGATOR_BAGGAGE) && begins_with(entry, BAGGAGE));
}

size_t exec_environment_context_len(char *const envp[], const struct span_context *context)
{
    size_t count = 0;
    if (context->tracestate_len > TRACESTATE_LEN_MAX || context->baggage_len > BAGGAGE_LEN_MAX)
        return 0; /* a signal has come while it was being set */
    for (; count < EXEC_ENTRIES_MAX; count++) {
        if (!memory_is_readable(envp + count, sizeof *envp))
            return 0;
        if (!envp[count])
            break;
    }
    if (count == EXEC_ENTRIES_MAX)
        return 0;
    return (count + VARIABLES_MAX + 1) * sizeof *envp + sizeof TRACEPARENT + TRACEPARENT_LEN + sizeof TRACESTATE +
           context->tracestate_len + sizeof BAGGAGE + context->baggage_len;
}

/* Adds NAME=VALUE and a NUL; returns where it lies. */
static char *variable_add(struct text *text, const char *name, const char *value, size_t len)
{
    char *variable = text->bytes + text->len;
    text_append_string(text, name);
    text_append(text, value, len);
    text_append_char(text, '\0');
    return variable;
}

/* The context's variables, to the end of the list; their text lies behind it. */
static void variables_add(char **end, const struct span_context *context, struct text *text)
{
    char value[TRACEPARENT_LEN];
    traceparent_format(context, value);
    *end++ = variable_add(text, TRACEPARENT, value, sizeof value);
    if (context->tracestate_len)
        *end++ = variable_add(text, TRACESTATE, context->tracestate, context->tracestate_len);
    if (has_baggage(context))
        *end++ = variable_add(text, BAGGAGE, context->baggage, context->baggage_len);
    *end = NULL;
}

char **exec_environment_context(char *const envp[], const struct span_context *context, void *room, size_t room_len)
{
    char **entries = room, **end = entries;
    size_t text_len = sizeof TRACEPARENT + TRACEPARENT_LEN + sizeof TRACESTATE + context->tracestate_len +
                      sizeof BAGGAGE + context->baggage_len;
    size_t entries_max = (room_len - text_len) / sizeof *entries - VARIABLES_MAX - 1;
    struct text text = text_on((char *)room + room_len - text_len, text_len);
    for (; *envp; envp++) {
        if ((size_t)(end - entries) == entries_max)
            return NULL;
        if (!is_of_context(*envp))
            *end++ = *envp;
    }
    variables_add(end, context, &text);
    return text.overflowed ? NULL : entries;
}
