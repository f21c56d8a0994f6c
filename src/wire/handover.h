/* handover.h - pipes, eventfds, timerfds and packets between the threads of a process: the context in which something is
 * written goes with it to the thread that reads it.
 *
 * Nothing is claimed that is not certain. What is read is recognised by its bytes, since several threads may write and
 * read in an order that only the kernel knows; where one thread alone writes and one alone reads, by its place too. A
 * single byte, or an eventfd's counter, is a wake-up: it says that there is something to do, and may stand for the
 * work of many. Bytes that nobody here wrote make the object one that is not followed any more.
 * All functions: hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_HANDOVER_H
#define RUN_TRACED_WIRE_HANDOVER_H

#include "base/lock.h"
#include "wire/carried.h"

#include <sys/types.h>

enum { HANDOVERS_MAX = 1024 };

enum handover_kind {
    HANDOVER_BYTES,   /* a pipe, a stream */
    HANDOVER_PACKETS, /* messages stay whole; what does not fit into the reader's buffer is lost */
    HANDOVER_COUNTER, /* an eventfd */
    HANDOVER_SEMAPHORE,
    HANDOVER_TIMER,
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
};

/* handover_new - with @fd_count descriptors; NULL if there are too many. @way_count: 1, or 2 for a pair of sockets. */
struct handover *handover_new(enum handover_kind kind, unsigned way_count, uint32_t fd_count);

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
