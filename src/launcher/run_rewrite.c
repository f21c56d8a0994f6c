#include "launcher/run_rewrite.h"

#include "launcher/message.h"
#include "view/reproducible.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 1024 };

int run_rewrite_begin(const struct outputs *outputs)
{
    struct stat st;
    if (!outputs->view_path[0]) {
        message_print("--reproducible needs the spans in a file, in the format of this program; add one with -o FILE");
        return -EINVAL;
    }
    if (stat(outputs->view_path, &st) || !S_ISREG(st.st_mode) || st.st_size) {
        message_print(
            "--reproducible rewrites a whole file, and '%s' has more in it, or is none; name another one with -o FILE",
            outputs->view_path);
        return -EINVAL;
    }
    return 0;
}

/* Each run has its file locked (spans_file.h), ours by a descriptor that nobody has noted: who else has it would go on
 * writing to a file that is gone. */
static bool is_ours_alone(const char *path)
{
    struct stat file, opened;
    if (stat(path, &file))
        return false;
    for (int fd = STDERR_FILENO + 1; fd < DESCRIPTORS_MAX; fd++)
        if (fstat(fd, &opened) == 0 && opened.st_dev == file.st_dev && opened.st_ino == file.st_ino &&
            flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
    return false;
}

/* Lines that are no spans would be lost: then nothing is rewritten. */
static int spans_rewrite(const char *path, int to_fd)
{
    struct reproducible_counts counts;
    int fd = open(path, O_RDONLY | O_CLOEXEC), error = fd < 0 ? -errno : 0;
    FILE *out = error ? NULL : fdopen(to_fd, "w");
    if (!error && !out)
        error = -errno;
    if (!error)
        error = reproducible_write(fd, out, &counts);
    if (!error && *counts.skipped) {
        message_print("in '%s' there are lines that are no spans: %s", path, counts.skipped);
        error = -EBADMSG;
    }
    if (out ? fclose(out) : close(to_fd))
        error = error ? error : -errno;
    if (fd >= 0)
        close(fd);
    return error;
}

int run_rewrite_end(const struct outputs *outputs)
{
    if (!is_ours_alone(outputs->view_path)) {
        message_print("cannot rewrite '%s': another run writes to it, or it was replaced; it stays as it is",
                      outputs->view_path);
        return -EBUSY;
    }
    char made[sizeof outputs->view_path + sizeof ".XXXXXX"];
    strcpy(made, outputs->view_path);
    strcat(made, ".XXXXXX");
    int fd = mkostemp(made, O_CLOEXEC), error = fd < 0 ? -errno : spans_rewrite(outputs->view_path, fd);
    if (!error && rename(made, outputs->view_path))
        error = -errno;
    if (error && fd >= 0)
        unlink(made);
    if (error)
        message_print("cannot rewrite '%s': %s; it stays as it is", outputs->view_path, strerror(-error));
    return error;
}
