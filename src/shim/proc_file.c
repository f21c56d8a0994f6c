#include "shim/proc_file.h"

#include "base/raw.h"
#include "base/text.h"

#include <fcntl.h>
#include <string.h>

static int proc_open(int pid, const char *name)
{
    char bytes[64];
    struct text path = text_on(bytes, sizeof bytes);
    text_append_string(&path, "/proc/");
    text_append_decimal(&path, pid);
    text_append_char(&path, '/');
    text_append_string(&path, name);
    return raw_open(text_terminate(&path), O_RDONLY | O_CLOEXEC, 0);
}

size_t proc_file_read(int pid, const char *name, char *bytes, size_t size)
{
    int fd = proc_open(pid, name);
    ssize_t len = fd < 0 ? 0 : raw_read(fd, bytes, size - 1);
    if (fd >= 0)
        raw_close(fd);
    bytes[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

/* How much of @entry has been matched: goes on with @c, which follows what was before. SIZE_MAX: not this entry. */
static size_t match(size_t matched, const char *entry, size_t entry_len, char c)
{
    if (matched == SIZE_MAX)
        return c ? SIZE_MAX : 0;
    if (matched < entry_len && c == entry[matched])
        return matched + 1;
    return c ? SIZE_MAX : 0;
}

bool proc_has_variable(int pid, const char *entry)
{
    char bytes[4096];
    size_t entry_len = strlen(entry), matched = 0;
    bool is_name = entry_len && entry[entry_len - 1] == '=', is_found = false;
    int fd = proc_open(pid, "environ");
    ssize_t len = 0;
    while (fd >= 0 && !is_found && (len = raw_read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < len && !is_found; i++) {
            bool is_whole = matched == entry_len && !bytes[i];
            matched = match(matched, entry, entry_len, bytes[i]);
            is_found = is_whole || (is_name && matched == entry_len);
        }
    if (fd >= 0)
        raw_close(fd);
    return is_found;
}
