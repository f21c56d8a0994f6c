#include "launcher/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *distrust(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "is no regular file";
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return "belongs to another user";
    return st->st_mode & (S_IWGRP | S_IWOTH) ? "can be written to by others" : NULL;
}

/* NULL: there is none that may be read. A directory that is closed to us (HOME, after su) is no reason to complain. */
static FILE *open_one(const char *path, bool is_named, int flags, void (*complain)(const char *sentence))
{
    char sentence[PATH_MAX + 128];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    const char *reason = NULL;
    if (fd < 0)
        reason = is_named || !(errno == ENOENT || errno == ENOTDIR || errno == EACCES) ? strerror(errno) : NULL;
    else if (fstat(fd, &st) < 0)
        reason = strerror(errno);
    else if (!is_named)
        reason = distrust(&st);
    if (reason) {
        snprintf(sentence, sizeof sentence, "%s %s; it is not read", path, reason);
        complain(sentence);
    }
    if (fd >= 0 && !reason)
        return fdopen(fd, "r");
    if (fd >= 0)
        close(fd);
    return NULL;
}

static const char *user_path(char *path, size_t size)
{
    const char *directory = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (directory && *directory == '/')
        snprintf(path, size, "%s/run-traced/run-traced.conf", directory);
    else if (home && *home == '/')
        snprintf(path, size, "%s/.config/run-traced/run-traced.conf", home);
    else
        return NULL;
    return path;
}

FILE *config_file_open(const char **path, void (*complain)(const char *sentence))
{
    static char in_home[PATH_MAX];
    const char *named = getenv("RUN_TRACED_CONFIG");
    *path = named;
    if (named)
        return *named ? open_one(named, true, 0, complain) : NULL;
    const char *const places[] = {"run-traced.conf", user_path(in_home, sizeof in_home), "/etc/run-traced.conf"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        FILE *file = places[i] ? open_one(places[i], false, i == 0 ? O_NOFOLLOW : 0, complain) : NULL;
        *path = places[i];
        if (file)
            return file;
    }
    return NULL;
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t len = strlen(text);
    while (len && strchr(" \t\r\n", text[len - 1]))
        text[--len] = '\0';
    return text;
}

int config_file_line(char *line, char **key, char **value)
{
    for (char *c = line; (c = strchr(c, '#')) != NULL; c++)
        if (c == line || c[-1] == ' ' || c[-1] == '\t') {
            *c = '\0';
            break;
        }
    *key = trim(line);
    if (!**key)
        return 0;
    char *equals = strchr(*key, '=');
    if (!equals || equals == *key)
        return -EINVAL;
    *equals = '\0';
    *key = trim(*key);
    *value = trim(equals + 1);
    return 1;
}
