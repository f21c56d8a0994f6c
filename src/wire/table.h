/* table.h - from a descriptor to its connection.
 *
 * One word a descriptor, in memory that costs nothing until it is touched. A plain file's descriptor
 * costs its read() one load and one comparison. All functions: hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_TABLE_H
#define RUN_TRACED_WIRE_TABLE_H

#include "base/compiler.h"
#include "wire/connection.h"

enum { TABLE_FD_COUNT = 1 << 20 };

/* What a word can be besides the address of a connection. */
#define TABLE_UNKNOWN ((uintptr_t)0) /* never seen; may be a socket from before our time */
#define TABLE_IGNORED ((uintptr_t)1) /* a socket, but none of ours to look at */

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
    return LIKELY(word <= TABLE_IGNORED) ? NULL : (struct connection *)word;
}

/* table_find_socket - the same for calls that work on sockets only: an unknown descriptor is looked
 * at once (two system calls) and adopted if it is a connected stream socket. */
struct connection *table_find_socket(int fd);

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
