/* Messages that are written to a file, which may be rotated, or to the terminal. */
#include "backend/delivery.h"

#include "base/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROTATED_MAX = 9, PATIENCE_MS = 200 };

struct file {
    struct transport transport;
    const struct target *target;
    int fd;
    uint64_t len;       /* what is in it */
    bool is_regular;    /* a device is never moved away */
    size_t written_len; /* of a message that comes again: a full disk took so much of it */
};

static int file_open(struct file *file)
{
    struct stat st;
    file->fd = open(file->target->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (file->fd < 0)
        return errno;
    file->is_regular = fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode);
    file->len = file->is_regular ? (uint64_t)st.st_size : 0;
    return 0;
}

/* PATH becomes PATH.1, that PATH.2, and so on. */
static void rotate(struct file *file)
{
    char from[TARGET_PATH_LEN_MAX + 8], to[TARGET_PATH_LEN_MAX + 8];
    for (int i = ROTATED_MAX - 1; i >= 0; i--) {
        snprintf(from, sizeof from, i ? "%s.%d" : "%s", file->target->path, i);
        snprintf(to, sizeof to, "%s.%d", file->target->path, i + 1);
        rename(from, to);
    }
    close(file->fd);
    file->fd = -1;
}

/* A pipe that nobody reads and a terminal that is held may never take it: the run's end must not wait for them. */
static bool takes_some(const struct file *file)
{
    struct pollfd watched = {.fd = file->fd, .events = POLLOUT};
    return file->is_regular || TEMP_FAILURE_RETRY(poll(&watched, 1, PATIENCE_MS)) > 0;
}

static int write_all(struct file *file, const char *bytes, size_t len)
{
    while (len > 0) {
        if (!takes_some(file))
            return EAGAIN;
        ssize_t written = TEMP_FAILURE_RETRY(write(file->fd, bytes, file->is_regular ? len : MIN(len, (size_t)PIPE_BUF)));
        if (written <= 0)
            return written < 0 ? errno : EIO;
        bytes += written;
        len -= (size_t)written;
        file->len += (uint64_t)written;
        file->written_len += (size_t)written;
    }
    return 0;
}

static bool ends_line(const struct message *message)
{
    return message->len && message->bytes[message->len - 1] == '\n';
}

static int message_write(struct file *file, const struct message *message)
{
    size_t done = MIN(file->written_len, message->len);
    int error = write_all(file, message->bytes + done, message->len - done);
    if (!error && !ends_line(message))
        error = write_all(file, "\n", 1);
    if (!error)
        file->written_len = 0;
    return error;
}

static bool is_full_for(const struct file *file, const struct message *message)
{
    uint64_t limit = file->target->rotate_len;
    return limit && file->fd >= 0 && file->is_regular && file->len && !file->written_len &&
           file->len + message->len > limit;
}

static void file_send(struct transport *transport, const struct message *message, struct delivery *out)
{
    struct file *file = (struct file *)transport;
    if (is_full_for(file, message))
        rotate(file);
    int error = file->fd < 0 ? file_open(file) : 0;
    if (!error)
        error = message_write(file, message);
    if (!error)
        return;
    out->outcome = DELIVERY_LATER;
    snprintf(out->reason, sizeof out->reason, "%s", strerror(error));
}

static void file_close(struct transport *transport)
{
    struct file *file = (struct file *)transport;
    if (file->fd > STDERR_FILENO)
        close(file->fd);
    free(file);
}

struct transport *file_transport_open(const struct target *target, struct text *reason)
{
    struct file *file = malloc(sizeof *file);
    if (!file) {
        text_append_string(reason, "no memory");
        return NULL;
    }
    *file = (struct file){.transport = {file_send, file_close}, .target = target, .fd = -1};
    if (target->kind == TARGET_CONSOLE)
        file->fd = STDERR_FILENO;
    return &file->transport;
}
