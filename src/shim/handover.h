/* handover.h - calls on what wire/handover.h follows. All: hot path, errno stays. */
#ifndef RUN_TRACED_SHIM_HANDOVER_H
#define RUN_TRACED_SHIM_HANDOVER_H

#include "base/compiler.h"
#include "wire/table.h"

/* handover_is_watched - is anything followed that comes to be now? */
bool handover_is_watched(void);

/* handover_add - @fd, which is new or a failure, names @handover, which counts it; NULL: nothing that is followed. */
void handover_add(int fd, struct handover *handover);

/* handover_pair_add - both @fds are new: of a pipe, or, @way_count 2, of a pair of sockets. */
void handover_pair_add(enum handover_kind kind, unsigned way_count, const int fds[2]);

/* handover_begin_to_write - @word: of the descriptor in the table. */
void handover_begin_to_write(struct handover_write *writing, uintptr_t word, const void *buf, size_t len);

void handover_begin_to_write_at(struct handover_write *writing, struct handover *handover, unsigned end,
                                const void *buf, size_t len);

/* handover_have_written - the call returned @result, and so does this. */
ssize_t handover_have_written(const struct handover_write *writing, ssize_t result);

/* handover_begin_to_read - the same for reading. */
void handover_begin_to_read(struct handover_read *reading, uintptr_t word);
void handover_begin_to_read_at(struct handover_read *reading, struct handover *handover, unsigned end);
void handover_received(struct handover *handover, unsigned end, const void *buf, ssize_t result);
ssize_t handover_have_read(const struct handover_read *reading, const void *buf, ssize_t result);

/* handover_begin_to_send, _have_sent, _have_received - the same for a connection, which is one of a pair that may be used so
 * if what goes through it is no protocol of ours. */
static inline void handover_begin_to_send(struct handover_write *writing, const struct connection *connection,
                                          const void *buf, size_t len)
{
    writing->handover = NULL;
    if (UNLIKELY(connection->handover != NULL) && connection->is_opaque)
        handover_begin_to_write_at(writing, connection->handover, connection->handover_end, buf, len);
}

static inline ssize_t handover_have_sent(const struct handover_write *writing, ssize_t result)
{
    return UNLIKELY(writing->handover != NULL) ? handover_have_written(writing, result) : result;
}

static inline void handover_have_received(const struct connection *connection, const void *buf, ssize_t result)
{
    if (UNLIKELY(connection->handover != NULL) && connection->is_opaque)
        handover_received(connection->handover, connection->handover_end, buf, result);
}

/* handover_pass_by - bytes of @fd go by in a way that is not accounted for. */
static inline void handover_pass_by(int fd)
{
    const struct connection *connection = table_find(fd);
    struct handover *handover = connection ? connection->handover : table_handover(fd);
    if (UNLIKELY(handover != NULL))
        handover_give_up(handover);
}

#endif
