#include "shim/kept_environment.h"

#include "base/compiler.h"
#include "base/memory.h"
#include "base/raw.h"
#include "base/text.h"
#include "export/ring_sink.h"
#include "shim/exec_environment.h"

#include <string.h>

extern char **environ;

enum { KEPT_LEN_MAX = 3072, KEPT_MAX = 48 };

static const char MARK[] = "RUN_TRACED_KEPT=1";
static const char PRELOAD[] = "LD_PRELOAD=", RING[] = "RUN_TRACED_RING=";

static char g_library[EXEC_PRELOAD_LEN_MAX]; /* empty: nothing is put back */
static char g_kept[KEPT_LEN_MAX];            /* NAME=VALUE, and a NUL, each */
static size_t g_kept_len;
static size_t g_kept_count;

static bool is_setting(const char *entry)
{
    return strncmp(entry, "RUN_TRACED_", 11) == 0 || strncmp(entry, "OTEL_", 5) == 0;
}

/* All or nothing: without what is to be redacted, say, more would be told than may be. */
static bool settings_take(void)
{
    struct text text = text_on(g_kept, sizeof g_kept);
    for (char **entry = environ; *entry; entry++) {
        if (!is_setting(*entry) || strcmp(*entry, MARK) == 0)
            continue;
        text_append(&text, *entry, strlen(*entry) + 1);
        g_kept_count++;
    }
    g_kept_len = text.len;
    return !text.overflowed && g_kept_count <= KEPT_MAX;
}

static char **mark_find(void)
{
    char **entry = environ;
    while (*entry && strcmp(*entry, MARK) != 0)
        entry++;
    return *entry ? entry : NULL;
}

/* In a list of its own: behind the one on the stack is what others find by its end. */
static void mark_take_out(const char *const *mark)
{
    size_t count = (size_t)((char **)mark - environ);
    char **shorter = raw_map_anonymous((count + 1) * sizeof *shorter);
    if (!shorter)
        return;
    memcpy(shorter, environ, count * sizeof *shorter);
    environ = shorter;
}

void kept_environment_begin(void)
{
    if (!environ)
        return;
    if (ring_sink_keeps_environment() && (!exec_environment_library(environ, g_library) || !settings_take()))
        g_library[0] = '\0';
    char **mark = mark_find();
    if (UNLIKELY(mark))
        mark_take_out((const char *const *)mark);
}

/* The value of the last one, or NULL. */
static const char *value_of(char *const envp[], const char *name, size_t name_len)
{
    const char *value = NULL;
    for (; *envp; envp++)
        if (strncmp(*envp, name, name_len) == 0)
            value = *envp + name_len;
    return value;
}

static const char *preload_of(char *const envp[])
{
    const char *value = value_of(envp, PRELOAD, sizeof PRELOAD - 1);
    return value ? value : "";
}

/* Cleared, or made anew; but not where nothing but the library was taken out: that was meant. */
static bool is_made_anew(char *const envp[])
{
    return *preload_of(envp) || !value_of(envp, RING, sizeof RING - 1);
}

/* Can all of it be read? What cannot is the kernel's to refuse. Returns how many entries there are, or
 * EXEC_ENTRIES_MAX. */
static size_t count_readable(char *const envp[])
{
    size_t count = 0;
    for (; count < EXEC_ENTRIES_MAX; count++) {
        if (!memory_is_readable(envp + count, sizeof *envp))
            return EXEC_ENTRIES_MAX;
        if (!envp[count])
            return count;
        if (!memory_is_readable(envp[count], 1))
            return EXEC_ENTRIES_MAX;
    }
    return count;
}

const char *kept_environment_library(char *const envp[])
{
    char library[EXEC_PRELOAD_LEN_MAX];
    if (LIKELY(!g_library[0]) || !envp || exec_environment_library(envp, library) ||
        count_readable(envp) == EXEC_ENTRIES_MAX)
        return NULL;
    return is_made_anew(envp) ? g_library : NULL;
}

size_t kept_environment_len(char *const envp[])
{
    size_t count = count_readable(envp);
    if (count == EXEC_ENTRIES_MAX)
        return 0;
    return (count + KEPT_MAX + 3) * sizeof *envp + g_kept_len + sizeof MARK + sizeof PRELOAD + sizeof g_library + 1 +
           strlen(preload_of(envp));
}

/* Of several the loader takes the last. */
static char *preload_make(char *const envp[], struct text *text)
{
    char *entry = text->bytes + text->len;
    const char *theirs = preload_of(envp);
    text_append_string(text, PRELOAD);
    text_append_string(text, g_library);
    if (*theirs)
        text_append_char(text, ':');
    text_append(text, theirs, strlen(theirs) + 1);
    return entry;
}

char **kept_environment_make(char *const envp[], void *room, size_t room_len)
{
    char **entries = room, **end = entries;
    size_t count = count_readable(envp), lists_len = (count + KEPT_MAX + 3) * sizeof *entries;
    if (count == EXEC_ENTRIES_MAX || lists_len > room_len)
        return NULL;
    struct text text = text_on((char *)room + lists_len, room_len - lists_len);
    for (size_t i = 0; i < count; i++)
        *end++ = envp[i];
    *end++ = (char *)(uintptr_t)MARK;
    *end++ = preload_make(envp, &text);
    for (const char *at = g_kept; at < g_kept + g_kept_len; at += strlen(at) + 1)
        *end++ = (char *)(uintptr_t)at;
    *end = NULL;
    return text.overflowed ? NULL : entries;
}
