/* queue.h - messages that wait for their backend: in memory, and beyond that in a file without a name. One thread adds,
 * another takes. What has been taken stays at the queue's head until it is done with. */
#ifndef RUN_TRACED_BACKEND_QUEUE_H
#define RUN_TRACED_BACKEND_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message {
    struct message *next;
    uint32_t span_count;
    uint32_t part_count; /* datagrams: their lengths stand before the bytes; 0: one message */
    size_t len;          /* of bytes[] */
    char bytes[];
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct message *first, *last; /* in memory: older than all in the file */
    size_t memory_len, memory_max;
    uint64_t memory_spans, memory_spans_max; /* the latter may be set after queue_open; it is unlimited else */
    int spill_fd; /* -1: none yet */
    uint64_t spill_read, spill_written, spill_max;
    uint64_t spilled_count; /* messages that went to the file, ever */
    uint64_t span_count;    /* waiting, in memory and file */
    const char *spill_path; /* the folder of the file */
    bool is_closed;
};

/* queue_open - at most @memory_max bytes of messages in memory, and @spill_max more in a file in the folder @spill_path,
 * made when it is needed. Never fails: without the file there is the memory. */
void queue_open(struct queue *queue, size_t memory_max, uint64_t spill_max, const char *spill_path);

/* queue_add - @message is the queue's from now on. Returns false if there is no room: it is still the caller's. */
bool queue_add(struct queue *queue, struct message *message);

/* queue_take - the oldest message, which is the caller's from now on; waits until there is one, or the queue is closed and
 * empty: NULL. */
struct message *queue_take(struct queue *queue);

/* queue_close - nothing more will be added. */
void queue_close(struct queue *queue);

/* queue_wait - for @ns nanoseconds, or until the queue is closed. Returns whether it is closed. */
bool queue_wait(struct queue *queue, uint64_t ns);

/* queue_span_count - spans that wait. */
uint64_t queue_span_count(struct queue *queue);

/* queue_free - with all that is in it. Nobody uses it any more. */
void queue_free(struct queue *queue);

#endif
