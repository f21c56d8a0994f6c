#include "launcher/library.h"

#include "base/text.h"
#include "launcher/message.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBRARY_STEM "librun-traced"

static uint64_t path_hash(const char *path)
{
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * 0x100000001b3;
    return hash;
}

/* Others may pass through it (a child under another user loads the library too), not write. */
static int private_directory(const char *path)
{
    struct stat st;
    if (mkdir(path, 0711) < 0 && errno != EEXIST)
        return -errno;
    if (lstat(path, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022) ? 0 : -EPERM;
}

static int symlink_replace(const char *target, const char *link)
{
    char now[PATH_MAX], temporary[PATH_MAX];
    ssize_t len = readlink(link, now, sizeof now);
    if (len == (ssize_t)strlen(target) && memcmp(now, target, (size_t)len) == 0)
        return 0;
    snprintf(temporary, sizeof temporary, "%.4000s.%d", link, (int)getpid());
    if (symlink(target, temporary) < 0)
        return -errno;
    if (rename(temporary, link) == 0)
        return 0;
    int error = -errno;
    unlink(temporary);
    return error;
}

int library_link(const char *target, char *link, size_t size)
{
    char directory[64];
    snprintf(directory, sizeof directory, "/tmp/run-traced-%u", (unsigned)geteuid());
    int error = private_directory(directory);
    if (error)
        return error;
    if (snprintf(link, size, "%s/" LIBRARY_STEM "-%016llx.so", directory,
                 (unsigned long long)path_hash(target)) >= (int)size)
        return -ENAMETOOLONG;
    return symlink_replace(target, link);
}

static int path_beside_program(const char *name, char *path, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", path, size);
    if (len < 0)
        return -errno;
    struct text text = text_on(path, size);
    text.len = (size_t)len;
    while (text.len && path[text.len - 1] != '/')
        text.len--;
    text_append_string(&text, name);
    text_append_char(&text, 0);
    return text.overflowed ? -ENAMETOOLONG : 0;
}

int library_find(char *path, size_t size)
{
    char beside[PATH_MAX];
    int error = path_beside_program(LIBRARY_STEM ".so", beside, sizeof beside);
    if (!error && access(beside, R_OK) < 0)
        error = -errno;
    if (error) {
        message_print("cannot load " LIBRARY_STEM ".so, which should lie beside run-traced: %s",
                      strerror(-error));
        return error;
    }
    if (!beside[strcspn(beside, " :$")])
        return snprintf(path, size, "%s", beside) < (int)size ? 0 : -ENAMETOOLONG;
    error = library_link(beside, path, size);
    if (error)
        message_print("LD_PRELOAD cannot name '%s', and no link to it can be made in /tmp: %s",
                      beside, strerror(-error));
    return error;
}

static int is_ours(const char *entry, size_t len)
{
    const char *slash = memrchr(entry, '/', len);
    const char *name = slash ? slash + 1 : entry;
    size_t name_len = len - (size_t)(name - entry);
    return name_len >= sizeof LIBRARY_STEM - 1 &&
           memcmp(name, LIBRARY_STEM, sizeof LIBRARY_STEM - 1) == 0;
}

int library_preload_value(const char *existing, const char *library, char *value, size_t size)
{
    struct text text = text_on(value, size);
    const char *at = existing ? existing : "";
    while (*at) {
        size_t len = strcspn(at, " :");
        if (len && !is_ours(at, len)) {
            text_append(&text, at, len);
            text_append_char(&text, ':');
        }
        at += len + (at[len] != 0);
    }
    text_append_string(&text, library);
    text_append_char(&text, 0);
    return text.overflowed ? -ENAMETOOLONG : 0;
}
