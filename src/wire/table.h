/* table.h - from a descriptor to its connection.
 *
 * One word a descriptor, in memory that costs nothing until it is touched. A plain file's descriptor
 * costs its read() one load and one comparison. All functions: hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_TABLE_H
#define RUN_TRACED_WIRE_TABLE_H

#include "base/compiler.h"
#include "wire/connection.h"
#include "wire/handover.h"

enum { TABLE_FD_COUNT = 1 << 20 };

/* What a word can be besides the address of a connection; or that of a hand-over with TABLE_HANDOVER set. */
#define TABLE_UNKNOWN ((uintptr_t)0) /* never seen; may be a socket from before our time */
#define TABLE_IGNORED ((uintptr_t)1) /* a socket, but none of ours to look at */

#define TABLE_HANDOVER ((uintptr_t)2)
#define TABLE_HANDOVER_END ((uintptr_t)4) /* of a pair: the second one */

extern _Atomic uintptr_t *g_table; /* NULL until the first socket */

/* table_word - what is known of @fd. */
static inline uintptr_t table_word(int fd)
{
    _Atomic uintptr_t *table = g_table;
    if (!table || (unsigned)fd >= TABLE_FD_COUNT)
        return TABLE_UNKNOWN;
    return atomic_load_explicit(&table[fd], memory_order_acquire);
}

/* table_find - the connection of @fd that is to be looked at, or NULL. */
static inline struct connection *table_find(int fd)
{
    uintptr_t word = table_word(fd);
    return LIKELY(word <= TABLE_IGNORED) || word & TABLE_HANDOVER ? NULL : (struct connection *)word;
}

/* table_word_handover - the hand-over that @word stands for, or NULL. */
static inline struct handover *table_word_handover(uintptr_t word)
{
    return word & TABLE_HANDOVER ? (struct handover *)(word & ~(TABLE_HANDOVER | TABLE_HANDOVER_END)) : NULL;
}

/* table_word_end - which end of it. */
static inline unsigned table_word_end(uintptr_t word)
{
    return (word & TABLE_HANDOVER_END) != 0;
}

/* table_handover - the hand-over of @fd, or NULL. */
static inline struct handover *table_handover(int fd)
{
    return table_word_handover(table_word(fd));
}

/* table_add_handover - @fd is a new name of @end of @handover, which counts it already; NULL: of something that is not
 * looked at. Not in a vfork child. */
void table_add_handover(int fd, struct handover *handover, unsigned end);

/* table_find_socket - the same for calls that work on sockets only: an unknown descriptor is looked
 * at once (two system calls) and adopted if it is a connected stream socket. */
struct connection *table_adopt(int fd);
static inline struct connection *table_find_socket(int fd)
{
    uintptr_t word = table_word(fd);
    if (LIKELY(word > TABLE_IGNORED))
        return UNLIKELY(word & TABLE_HANDOVER) ? NULL : (struct connection *)word;
    return word == TABLE_IGNORED ? NULL : table_adopt(fd);
}

/* table_add - @fd is a new stream socket; whatever had this number has been closed unseen. Returns
 * its connection, or NULL if it is to be ignored. */
struct connection *table_add(int fd);

/* table_ignore - @fd is a new socket that is not to be looked at. */
void table_ignore(int fd);

/* table_forget_all - nothing is looked at any more, for the rest of the process's life. */
void table_forget_all(void);

/* table_remove - @fd is about to be closed. Does nothing in a vfork child. */
void table_remove(int fd);

/* table_duplicate - @to is now another name for what @from names. In a vfork child: another process will have that. */
void table_duplicate(int from, int to);

/* table_remove_range - all of @first .. @last are about to be closed. */
void table_remove_range(unsigned first, unsigned last);

#endif
