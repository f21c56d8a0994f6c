#include "view/check_run.h"

#include "base/compiler.h"
#include "view/check_text.h"
#include "view/complaint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int error_print(int error, const char *text, const char *file, unsigned line, const struct check_error *wrong)
{
    static const struct view_options plain = {.color = VIEW_COLOR_NEVER};
    struct screen screen;
    if (error == 0)
        return 0;
    screen_open(&screen, stderr, &plain);
    if (error == -EINVAL)
        check_text_error(&screen, text, file, line, wrong);
    else
        screen_format(&screen, STYLE_PLAIN, "run-traced: checks cannot be read: %s\n", strerror(-error));
    screen_close(&screen);
    return error;
}

static int file_complain(const char *path, const char *why)
{
    complaint_print("--checks: cannot read", path, why, "");
    return -EIO;
}

/* All of a file, with a NUL, in memory of the set. */
static int file_take(struct check_set *set, const char *path, char **out)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return file_complain(path, strerror(errno));
    errno = 0;
    ssize_t len = getdelim(&bytes, &size, '\0', file);
    bool is_whole = len >= 0 && feof(file), is_empty = len < 0 && feof(file);
    int error = errno;
    fclose(file);
    char *copy = is_whole || is_empty ? check_arena_get(&set->arena, (size_t)MAX(len, (ssize_t)0) + 1) : NULL;
    if (copy && is_whole)
        memcpy(copy, bytes, (size_t)len);
    free(bytes);
    *out = copy;
    if (copy)
        return 0;
    return file_complain(path, is_whole || is_empty ? strerror(ENOMEM) : error ? strerror(error) : "it is no text");
}

/* Where the lines end that belong to the check at @text: its own, and those that are indented. */
static char *block_end(char *text)
{
    do
        text += strcspn(text, "\n");
    while (*text && (text[1] == ' ' || text[1] == '\t') && text++);
    return text;
}

/* Nothing but blanks and a comment. */
static bool is_nothing(const char *line)
{
    line += strspn(line, " \t\r");
    return *line == '\n' || *line == '#' || !*line;
}

static int file_load(struct check_set *set, const char *path)
{
    char *text;
    int error = file_take(set, path, &text);
    size_t count = set->count;
    for (unsigned line = 1; !error && *text;) {
        bool is_check = !is_nothing(text);
        char *end = is_check ? block_end(text) : text + strcspn(text, "\n");
        bool is_last = !*end;
        unsigned lines = 1;
        for (const char *at = text; at < end; at++)
            lines += *at == '\n';
        *end = '\0';
        struct check_error wrong;
        if (is_check)
            error = error_print(check_set_add(set, text, path, line, &wrong), text, path, line, &wrong);
        line += lines;
        text = is_last ? end : end + 1;
    }
    if (!error && set->count == count)
        return file_complain(path, "there is no check in it; one is, for example: nothing slow: none(duration > 2s)");
    return error;
}

int check_load(const struct check_options *options, struct check_set *set)
{
    int error = 0;
    *set = (struct check_set){0};
    for (unsigned i = 0; i < options->source_count && !error; i++) {
        const char *text = options->sources[i].text;
        struct check_error wrong;
        if (options->sources[i].is_file)
            error = file_load(set, text);
        else
            error = error_print(check_set_add(set, text, NULL, 1, &wrong), text, NULL, 1, &wrong);
    }
    return error;
}
