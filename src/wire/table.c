#include "wire/table.h"

#include "base/process.h"
#include "base/raw.h"

#include <linux/tcp.h>
#include <stddef.h>

_Atomic uintptr_t *g_table;

static _Atomic(_Atomic uintptr_t *) g_table_owner;
static _Atomic int g_fd_max;

static COLD _Atomic uintptr_t *table_map(void)
{
    _Atomic uintptr_t *expected = NULL;
    _Atomic uintptr_t *table = raw_map_anonymous(TABLE_FD_COUNT * sizeof *table);
    if (!table)
        return NULL;
    if (!atomic_compare_exchange_strong(&g_table_owner, &expected, table)) {
        raw_munmap((void *)table, TABLE_FD_COUNT * sizeof *table);
        table = expected;
    }
    g_table = table;
    return table;
}

static void fd_max_note(int fd)
{
    int max = atomic_load_explicit(&g_fd_max, memory_order_relaxed);
    while (fd > max && !atomic_compare_exchange_weak(&g_fd_max, &max, fd))
        ;
}

/* Puts a word in @fd's place; what was there is released. @old_fd: @fd, or -1 if that names another file by now. */
static void word_replace(int fd, uintptr_t word, int old_fd)
{
    _Atomic uintptr_t *table = g_table ? g_table : table_map();
    if (!table || (unsigned)fd >= TABLE_FD_COUNT)
        return;
    if (word != TABLE_UNKNOWN)
        fd_max_note(fd);
    uintptr_t old = atomic_exchange_explicit(&table[fd], word, memory_order_acq_rel);
    if (old & TABLE_HANDOVER)
        handover_release(table_word_handover(old));
    else if (old > TABLE_IGNORED)
        connection_release((struct connection *)old, old_fd);
}

static void word_set(int fd, uintptr_t word)
{
    word_replace(fd, word, fd);
}

struct connection *table_add(int fd)
{
    bool has_place = (unsigned)fd < TABLE_FD_COUNT && (g_table || table_map());
    struct connection *connection = has_place ? connection_new() : NULL;
    word_set(fd, connection ? (uintptr_t)connection : TABLE_IGNORED);
    return table_find(fd) == connection ? connection : NULL;
}

void table_ignore(int fd)
{
    word_set(fd, TABLE_IGNORED);
}

void table_add_handover(int fd, struct handover *handover, unsigned end)
{
    uintptr_t word = (uintptr_t)handover | TABLE_HANDOVER | (end ? TABLE_HANDOVER_END : 0);
    bool has_place = (unsigned)fd < TABLE_FD_COUNT && (g_table || table_map());
    if (handover && !has_place)
        handover_release(handover);
    if (has_place && (handover || table_word(fd) != TABLE_UNKNOWN))
        word_set(fd, handover ? word : TABLE_UNKNOWN);
}

void table_forget_all(void)
{
    g_table = NULL;
}

void table_remove(int fd)
{
    if (table_word(fd) != TABLE_UNKNOWN && !process_is_vfork_child())
        word_set(fd, TABLE_UNKNOWN);
}

void table_duplicate(int from, int to)
{
    uintptr_t word = table_word(from);
    if (from == to || (word == TABLE_UNKNOWN && table_word(to) == TABLE_UNKNOWN))
        return;
    if (process_is_vfork_child()) {
        if (table_find(from)) /* for the program that is about to be started */
            table_find(from)->is_shared = true;
        return;
    }
    if (word & TABLE_HANDOVER && (unsigned)to < TABLE_FD_COUNT)
        atomic_fetch_add_explicit(&table_word_handover(word)->fd_count, 1, memory_order_acq_rel);
    else if (word > TABLE_IGNORED && (unsigned)to < TABLE_FD_COUNT)
        atomic_fetch_add_explicit(&((struct connection *)word)->fd_count, 1, memory_order_acq_rel);
    word_replace(to, word, -1);
}

void table_remove_range(unsigned first, unsigned last)
{
    unsigned max = (unsigned)atomic_load_explicit(&g_fd_max, memory_order_relaxed);
    if (!g_table || first > max || process_is_vfork_child())
        return;
    for (unsigned fd = first; fd <= MIN(last, max); fd++)
        if (table_word((int)fd) != TABLE_UNKNOWN)
            word_set((int)fd, TABLE_UNKNOWN);
}

/* Has anything been sent yet, as far as the kernel tells? What comes next may be the middle of a body. */
static bool is_underway(int fd, int family)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    return family == AF_UNIX || raw_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
           len < offsetof(struct tcp_info, tcpi_bytes_sent) + sizeof info.tcpi_bytes_sent ||
           info.tcpi_bytes_sent > 0;
}

COLD struct connection *table_adopt(int fd)
{
    union endpoint peer;
    int type = 0;
    socklen_t type_len = sizeof type, peer_len = sizeof peer;
    if ((unsigned)fd >= TABLE_FD_COUNT || process_is_vfork_child() ||
        raw_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0)
        return NULL;
    if (type != SOCK_STREAM || fd <= 2 /* stdio's */ || raw_getpeername(fd, &peer, &peer_len) < 0 ||
        (peer.any.sa_family != AF_INET && peer.any.sa_family != AF_INET6 &&
         peer.any.sa_family != AF_UNIX)) {
        table_ignore(fd);
        return NULL;
    }
    struct connection *connection = table_add(fd);
    if (connection) {
        endpoint_set(&connection->peer, &peer.any, peer_len);
        connection->is_underway = is_underway(fd, peer.any.sa_family);
    }
    return connection;
}
