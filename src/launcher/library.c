#include "launcher/library.h"

#include "base/text.h"
#include "launcher/message.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBRARY_STEM "librun-traced"
#define SCRIPT_STEM "run-traced-node" /* shim/node.c looks for it beside the library, with the same behind it */

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

/* May everybody pass through its directories and read it? */
static bool is_open_to_all(const char *path)
{
    char prefix[PATH_MAX];
    struct stat st;
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(prefix, sizeof prefix, "%.*s", (int)(slash - path), path);
        if (stat(prefix, &st) < 0 || !(st.st_mode & S_IXOTH))
            return false;
    }
    return stat(path, &st) == 0 && (st.st_mode & S_IROTH);
}

static int file_copy(const char *from, const char *to, off_t len)
{
    char temporary[PATH_MAX];
    snprintf(temporary, sizeof temporary, "%.4000s.%d", to, (int)getpid());
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    int error = in < 0 || out < 0 || fchmod(out, 0755) < 0 ? -errno : 0;
    while (!error && len > 0) {
        ssize_t copied = sendfile(out, in, NULL, (size_t)len);
        error = copied < 0 ? -errno : copied == 0 ? -EIO : 0;
        len -= copied;
    }
    if (!error && rename(temporary, to) < 0)
        error = -errno;
    if (error)
        unlink(temporary);
    close(in);
    close(out);
    return error;
}

int library_copy(const char *original, char *copy, size_t size)
{
    char directory[64];
    struct stat st, there;
    snprintf(directory, sizeof directory, "/tmp/run-traced-%u", (unsigned)geteuid());
    int error = private_directory(directory);
    if (error || stat(original, &st) < 0)
        return error ? error : -errno;
    /* Another build has another time: what runs with the old one keeps it. */
    if (snprintf(copy, size, "%s/" LIBRARY_STEM "-%016llx-%llx.so", directory,
                 (unsigned long long)path_hash(original),
                 (unsigned long long)st.st_mtim.tv_sec * 1000000000ULL +
                     (unsigned long long)st.st_mtim.tv_nsec) >= (int)size)
        return -ENAMETOOLONG;
    if (lstat(copy, &there) == 0 && S_ISREG(there.st_mode) && there.st_size == st.st_size)
        return 0;
    return file_copy(original, copy, st.st_size);
}

/* The path of the script that belongs to @library: lib/librun-traced-1.so has lib/run-traced-node-1.cjs. */
static int script_of(const char *library, char *script, size_t size)
{
    const char *name = strrchr(library, '/') + 1;
    const char *behind = name + strlen(LIBRARY_STEM);
    struct text text = text_on(script, size);
    text_append(&text, library, (size_t)(name - library));
    text_append_string(&text, SCRIPT_STEM);
    text_append(&text, behind, strlen(behind) - strlen(".so"));
    text_append_string(&text, ".cjs");
    text_append_char(&text, 0);
    return text.overflowed ? -ENAMETOOLONG : 0;
}

/* Without it, Node's requests go without its bridge: that is no error. */
static void script_follow(const char *original, const char *library, bool as_link)
{
    char from[PATH_MAX], to[PATH_MAX];
    struct stat st, there;
    if (script_of(original, from, sizeof from) || script_of(library, to, sizeof to) || stat(from, &st) < 0)
        return;
    if (as_link)
        symlink_replace(from, to);
    else if (lstat(to, &there) < 0 || !S_ISREG(there.st_mode) || there.st_size != st.st_size ||
             there.st_mtim.tv_sec < st.st_mtim.tv_sec)
        file_copy(from, to, st.st_size);
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
    /* Root's children may be other users, for whom ld.so would complain on each one's stderr. */
    if (geteuid() == 0 && !is_open_to_all(beside) && library_copy(beside, path, size) == 0) {
        script_follow(beside, path, false);
        return 0;
    }
    if (!beside[strcspn(beside, " :$")])
        return snprintf(path, size, "%s", beside) < (int)size ? 0 : -ENAMETOOLONG;
    error = library_link(beside, path, size);
    if (!error)
        script_follow(beside, path, true);
    else
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
