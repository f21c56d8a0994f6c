#include "view/output_file.h"

#include "base/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of somebody's spans file, named by mistake, nothing must be lost. */
static bool is_replaceable(const char *path, const char *beginning)
{
    char bytes[64];
    size_t wanted = MIN(strlen(beginning), sizeof bytes);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, bytes, MAX(wanted, (size_t)1));
    if (fd >= 0)
        close(fd);
    return len == 0 || (wanted && len == (ssize_t)wanted && memcmp(bytes, beginning, wanted) == 0);
}

static int temporary_open(const char *path, struct output_file *file)
{
    if (asprintf(&file->temporary_path, "%s.XXXXXX", path) < 0)
        return -ENOMEM;
    int fd = mkostemp(file->temporary_path, O_CLOEXEC);
    int error = errno;
    if (fd < 0)
        free(file->temporary_path);
    return fd < 0 ? -error : fd;
}

int output_file_open(const char *path, const char *beginning, struct output_file *file)
{
    struct stat status;
    *file = (struct output_file){.path = path};
    if (strcmp(path, "-") == 0) {
        file->out = stdout;
        return 0;
    }
    bool is_there = stat(path, &status) == 0;
    bool is_special = is_there && !S_ISREG(status.st_mode);
    if (is_there && !is_special && !is_replaceable(path, beginning))
        return -EEXIST;
    int fd = is_special ? open(path, O_WRONLY | O_CLOEXEC) : temporary_open(path, file);
    if (fd < 0)
        return is_special ? -errno : fd;
    file->out = fdopen(fd, "w");
    return file->out ? 0 : -ENOMEM;
}

int output_file_close(struct output_file *file, int result)
{
    bool is_failed = fflush(file->out) != 0 || ferror(file->out);
    if (file->out != stdout)
        is_failed = fclose(file->out) != 0 || is_failed;
    if (is_failed && result == 0)
        result = -EIO;
    if (!file->temporary_path)
        return result;
    if (result == 0 && rename(file->temporary_path, file->path) < 0)
        result = -errno;
    if (result < 0)
        unlink(file->temporary_path);
    free(file->temporary_path);
    return result;
}
