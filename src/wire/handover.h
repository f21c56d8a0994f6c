/* handover.h - pipes, eventfds, timerfds, packets and message queues between the threads of a process: the context in which
 * something is written goes with it to the thread that reads it.
 *
 * Nothing is claimed that is not certain. What is read is recognised by its bytes, since several threads may write and
 * read in an order that only the kernel knows; where one thread alone writes and one alone reads, by its place too. A
 * single byte, or an eventfd's counter, is a wake-up: it says that there is something to do, and may stand for the
 * work of many. Bytes that nobody here wrote make the object one that is not followed any more; so does the kernel's word
 * that there are some, for a message queue, which any process may have.
 * All functions: hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_HANDOVER_H
#define RUN_TRACED_WIRE_HANDOVER_H

#include "base/lock.h"
#include "wire/carried.h"

#include <sys/types.h>

enum { HANDOVERS_MAX = 1024 };

/* An identity that no object has. */
#define HANDOVER_NOBODY UINT64_MAX

enum handover_kind {
    HANDOVER_BYTES,   /* a pipe, a stream */
    HANDOVER_PACKETS, /* messages stay whole; what does not fit into the reader's buffer is lost */
    HANDOVER_COUNTER, /* an eventfd */
    HANDOVER_SEMAPHORE,
    HANDOVER_TIMER,
    HANDOVER_MESSAGES, /* whole, but by priority, or of the type that a reader wants */
};

struct handover_reader_writer {
    _Atomic int tid; /* the first thread; 0: none yet */
    _Atomic bool are_several;
};

/* One way through it. */
struct handover_way {
    struct carried_queue *queue;
    struct handover_reader_writer writer, reader;
};

/* handover_asker - has another process written there? Under the lock. @fd: by which it is being read; -1: it is about to be
 * written. @noted_count: messages that are noted, in flight or not; of this process's there cannot be more in it. */
struct handover;
typedef bool handover_asker(struct handover *handover, int fd, uint32_t noted_count);

struct handover {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    _Atomic uint32_t generation;
    _Atomic uint32_t fd_count; /* descriptors that name it, in this process */
    struct lock lock;
    _Atomic bool is_given_up;
    uint8_t kind; /* enum handover_kind */
    int pid;
    uint32_t fork_count, spawn_count; /* when it was made */
    unsigned way_count;               /* 2: each end writes and reads */
    struct handover_way ways[2];
    /* Of what has a name that any process may use (wire/message_queue.h): */
    _Atomic uint64_t identity;
    handover_asker *is_others; /* NULL: of what has none */
    _Atomic int sender_before; /* the process that had sent last when this one began to */
};

/* A write that is under way. */
struct handover_write {
    struct handover *handover;
    struct handover_way *way;
    uint32_t generation;
    uint64_t number; /* 0: not noted */
    size_t len;      /* bytes */
};

struct handover_read {
    struct handover *handover;
    struct handover_way *way;
    uint32_t generation;
    int fd; /* -1; or set by the caller, for the asker */
};

/* handover_new - with @fd_count descriptors; NULL if there are too many. @way_count: 1, or 2 for a pair of sockets. */
struct handover *handover_new(enum handover_kind kind, unsigned way_count, uint32_t fd_count);

/* handover_new_shared - the same for messages in what any process may have, by the name @identity, of which @asker tells. */
struct handover *handover_new_shared(handover_asker *asker, uint64_t identity);

/* handover_find - that with @asker and @identity, with one more descriptor that names it; or NULL. Looks at all of them. */
struct handover *handover_find(handover_asker *asker, uint64_t identity);

/* handover_begin_anew - it stands for another object, with @identity or HANDOVER_NOBODY, from now on. False if it cannot be
 * had. */
bool handover_begin_anew(struct handover *handover, uint64_t identity);

/* handover_count_initially - an eventfd begins with @count. */
void handover_count_initially(struct handover *handover, uint64_t count);

/* handover_release - a descriptor that names it is about to be closed. */
void handover_release(struct handover *handover);

/* handover_give_up - bytes go past us. Not followed any more. */
void handover_give_up(struct handover *handover);

/* handover_write_begin - @buf is about to be written at @end (0 or 1) of it, before the kernel has looked at @buf. */
void handover_write_begin(struct handover_write *write, struct handover *handover, unsigned end, const void *buf,
                          size_t len);

/* handover_write_end - the kernel took @result bytes, or -1. */
void handover_write_end(const struct handover_write *write, ssize_t result);

/* handover_read_begin - the calling thread is about to read at @end. */
void handover_read_begin(struct handover_read *read, struct handover *handover, unsigned end);

/* handover_read_end - it got @result bytes, or an error. They may decide what the thread works for now. */
void handover_read_end(const struct handover_read *read, const void *buf, ssize_t result);

/* handover_timer_set_begin - the timer is about to be set, or stopped. */
void handover_timer_set_begin(struct handover *handover, bool is_armed);

/* handover_timer_set_failed - it was not. */
void handover_timer_set_failed(struct handover *handover);

#endif
