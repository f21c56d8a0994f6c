/* handover.h - calls on what wire/handover.h follows. All: hot path, errno stays. */
#ifndef RUN_TRACED_SHIM_HANDOVER_H
#define RUN_TRACED_SHIM_HANDOVER_H

#include "base/compiler.h"
#include "wire/table.h"

/* handover_pair_add - both @fds are new: of a pipe, or, @way_count 2, of a pair of sockets. */
void handover_pair_add(enum handover_kind kind, unsigned way_count, const int fds[2]);

/* handover_begin_to_write - @word: of the descriptor in the table. */
void handover_begin_to_write(struct handover_write *writing, uintptr_t word, const void *buf, size_t len);

/* handover_have_written - the call returned @result, and so does this. */
ssize_t handover_have_written(const struct handover_write *writing, ssize_t result);

/* handover_begin_to_read - the same for reading. */
void handover_begin_to_read(struct handover_read *reading, uintptr_t word);
ssize_t handover_have_read(const struct handover_read *reading, const void *buf, ssize_t result);

/* handover_pass_by - bytes of @fd go by in a way that is not accounted for. */
static inline void handover_pass_by(int fd)
{
    struct handover *handover = table_handover(fd);
    if (UNLIKELY(handover != NULL))
        handover_give_up(handover);
}

#endif
