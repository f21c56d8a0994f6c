/* transfer.h - bytes going through a connection: looked at, edited on their way out, accounted for.
 *
 * The caller makes the system calls; what it is told to send and what it is to tell the application
 * comes from here. All functions: hot path, signal-safe, may run on several threads at once. */
#ifndef RUN_TRACED_WIRE_TRANSFER_H
#define RUN_TRACED_WIRE_TRANSFER_H

#include "wire/connection.h"

#include <sys/uio.h>

enum { SEND_PLAN_ROOM = 16 };

struct send_block; /* room for more, from our own memory */

struct send_plan {
    struct connection *connection;
    uint32_t generation;
    uint64_t start_ns; /* monotonic: when the call began */
    bool is_tracked;   /* false: nothing to be done at the end either */
    bool is_edited;    /* send @iov with sendmsg(2) in place of the application's bytes */
    size_t app_len;    /* bytes that the application wants to send */
    const struct iovec *app_iov;
    size_t app_iov_count;
    struct iovec *iov; /* at most IOV_MAX; may end early, as a short write would */
    uint8_t *kinds;    /* what each of them is; see transfer.c */
    size_t iov_count;
    size_t len; /* bytes of @iov */
    bool is_one_insertion; /* a header in one piece, as is usual */
    struct send_block *block;
    struct iovec room_iov[SEND_PLAN_ROOM];
    uint8_t room_kinds[SEND_PLAN_ROOM];
};

/* What the application is told: @result as from the call it made, @error its errno if -1. */
struct send_outcome {
    ssize_t result;
    int error;
    bool is_again; /* only our own bytes have gone out yet: send the rest (transfer_send_resume) */
};

/* transfer_send_begin - the application is about to send @iov, a list that can be read, on @fd. */
void transfer_send_begin(struct send_plan *plan, struct connection *connection, int fd,
                         const struct iovec *iov, size_t count, int flags);

/* transfer_send_resume - after an outcome with is_again: @plan is what remains to be sent. */
void transfer_send_resume(struct send_plan *plan);

/* transfer_send_copy - writes what is to be sent to @out, as far as it fits into @room bytes, of at least
 * 1 KiB: a header goes in whole or not at all. Returns its length. */
size_t transfer_send_copy(const struct send_plan *plan, char *out, size_t room);

/* transfer_send_end - the kernel answered @result, with errno @error if that is -1. */
struct send_outcome transfer_send_end(struct send_plan *plan, ssize_t result, int error);

/* transfer_send_cancel - what was planned was not sent at all and will not be: the descriptor turned
 * out to be another file. The connection is given up. */
void transfer_send_cancel(struct send_plan *plan);

/* transfer_owed_begin - what must go out before anything else can: the rest of a header that was sent in
 * part. NULL if nothing is owed. For calls whose bytes we do not see (sendfile). */
const char *transfer_owed_begin(struct connection *connection, size_t *len);

/* transfer_owed_end - @len bytes of what is owed went out. */
void transfer_owed_end(struct connection *connection, size_t len);

/* transfer_give_up - bytes go past us from now on (stdio, system calls), or may: nobody can say any more
 * where a head ends. */
void transfer_give_up(struct connection *connection);

/* transfer_sent_unseen - @len bytes were sent without passing through here (sendfile, splice). */
void transfer_sent_unseen(struct connection *connection, size_t len);

/* transfer_sent_announced - @len bytes went out that had been looked at before; the application did not offer
 * them again. */
void transfer_sent_announced(struct connection *connection, size_t len);

/* transfer_received - a read filled @len bytes of @iov. @generation: connection_generation() before
 * the read. */
void transfer_received(struct connection *connection, uint32_t generation, int fd,
                       const struct iovec *iov, size_t count, size_t len);

/* transfer_received_unseen - @len bytes were taken without being copied (splice, MSG_TRUNC). */
void transfer_received_unseen(struct connection *connection, uint32_t generation, size_t len);

/* transfer_receive_ended - a read returned 0 (@error 0) or failed with @error. */
void transfer_receive_ended(struct connection *connection, uint32_t generation, int error);

/* connection_generation - tells whether a connection is still the one that it was. */
static inline uint32_t connection_generation(const struct connection *connection)
{
    return atomic_load_explicit(&connection->generation, memory_order_acquire);
}

#endif
