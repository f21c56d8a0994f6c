#include "backend/queue.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* What stands before a message in the file. */
struct spill_header {
    uint32_t span_count, part_count;
    uint64_t len;
};

void queue_open(struct queue *queue, size_t memory_max, uint64_t spill_max, const char *spill_path)
{
    pthread_condattr_t monotonic;
    *queue = (struct queue){
        .memory_max = memory_max, .memory_spans_max = UINT64_MAX, .spill_max = spill_max, .spill_fd = -1, .spill_path = spill_path};
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void memory_add(struct queue *queue, struct message *message)
{
    message->next = NULL;
    if (queue->last)
        queue->last->next = message;
    else
        queue->first = message;
    queue->last = message;
    queue->memory_len += message->len;
    queue->memory_spans += message->span_count;
}

static bool write_all(int fd, const void *bytes, size_t len, uint64_t at)
{
    for (const char *from = bytes; len > 0;) {
        ssize_t written = TEMP_FAILURE_RETRY(pwrite(fd, from, len, (off_t)at));
        if (written <= 0)
            return false;
        from += written;
        at += (uint64_t)written;
        len -= (size_t)written;
    }
    return true;
}

static bool read_all(int fd, void *bytes, size_t len, uint64_t at)
{
    for (char *to = bytes; len > 0;) {
        ssize_t count = TEMP_FAILURE_RETRY(pread(fd, to, len, (off_t)at));
        if (count <= 0)
            return false;
        to += count;
        at += (uint64_t)count;
        len -= (size_t)count;
    }
    return true;
}

static bool is_spilling(const struct queue *queue)
{
    return queue->spill_read < queue->spill_written;
}

static bool is_empty(const struct queue *queue)
{
    return !queue->first && !is_spilling(queue);
}

static bool spill_add(struct queue *queue, const struct message *message)
{
    struct spill_header header = {message->span_count, message->part_count, message->len};
    uint64_t len = sizeof header + message->len;
    if (queue->spill_fd < 0)
        queue->spill_fd = open(queue->spill_path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (queue->spill_fd < 0 || queue->spill_written - queue->spill_read + len > queue->spill_max ||
        !write_all(queue->spill_fd, &header, sizeof header, queue->spill_written) ||
        !write_all(queue->spill_fd, message->bytes, message->len, queue->spill_written + sizeof header))
        return false;
    queue->spill_written += len;
    queue->spilled_count++;
    return true;
}

/* What has been read need not lie on the disk any longer. */
static void spill_forget(struct queue *queue)
{
    if (is_spilling(queue)) {
        fallocate(queue->spill_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)queue->spill_read);
        return;
    }
    queue->spill_read = queue->spill_written = 0;
    if (ftruncate(queue->spill_fd, 0) < 0)
        return; /* it is written over */
}

/* NULL, and the file is given up, if it cannot be read, or there is no memory. */
static struct message *spill_take(struct queue *queue)
{
    struct spill_header header;
    struct message *message = NULL;
    if (read_all(queue->spill_fd, &header, sizeof header, queue->spill_read))
        message = malloc(sizeof *message + header.len);
    if (!message || !read_all(queue->spill_fd, message->bytes, header.len, queue->spill_read + sizeof header)) {
        free(message);
        queue->spill_read = queue->spill_written = 0;
        return NULL;
    }
    message->span_count = header.span_count;
    message->part_count = header.part_count;
    message->len = header.len;
    queue->spill_read += sizeof header + header.len;
    spill_forget(queue);
    return message;
}

bool queue_add(struct queue *queue, struct message *message)
{
    uint32_t span_count = message->span_count;
    pthread_mutex_lock(&queue->lock);
    bool fits = !is_spilling(queue) && queue->memory_len + message->len <= queue->memory_max &&
                queue->memory_spans + message->span_count <= queue->memory_spans_max;
    bool is_spilled = !fits && spill_add(queue, message);
    bool is_taken = fits || is_spilled || is_empty(queue);
    if (is_taken && !is_spilled)
        memory_add(queue, message);
    if (is_taken)
        queue->span_count += span_count;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    if (is_spilled)
        free(message);
    return is_taken;
}

static struct message *memory_take(struct queue *queue)
{
    struct message *message = queue->first;
    queue->first = message->next;
    if (!queue->first)
        queue->last = NULL;
    queue->memory_len -= message->len;
    queue->memory_spans -= message->span_count;
    return message;
}

struct message *queue_take(struct queue *queue)
{
    struct message *message = NULL;
    pthread_mutex_lock(&queue->lock);
    while (!message && !(queue->is_closed && is_empty(queue))) {
        if (queue->first)
            message = memory_take(queue);
        else if (is_spilling(queue))
            message = spill_take(queue);
        else
            pthread_cond_wait(&queue->changed, &queue->lock);
    }
    if (message)
        queue->span_count -= message->span_count;
    pthread_mutex_unlock(&queue->lock);
    return message;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->is_closed = true;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_wait(struct queue *queue, uint64_t ns)
{
    uint64_t until_ns = clock_monotonic_ns() + ns;
    struct timespec until = {.tv_sec = (time_t)(until_ns / NANOS_PER_SECOND),
                             .tv_nsec = (long)(until_ns % NANOS_PER_SECOND)};
    int error = 0;
    pthread_mutex_lock(&queue->lock);
    while (!queue->is_closed && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&queue->changed, &queue->lock, &until);
    bool is_closed = queue->is_closed;
    pthread_mutex_unlock(&queue->lock);
    return is_closed;
}

uint64_t queue_span_count(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    uint64_t count = queue->span_count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}

void queue_free(struct queue *queue)
{
    while (queue->first)
        free(memory_take(queue));
    if (queue->spill_fd >= 0)
        close(queue->spill_fd);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
}
