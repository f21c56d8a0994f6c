/* test_table.c - from descriptors to connections: numbers that are used again, copied, closed unseen. */
#include "wire/table.h"

#include "base/process.h"
#include "support/captured.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(table, .init = captured_begin);

static unsigned fd_count(struct connection *connection)
{
    return atomic_load(&connection->fd_count);
}

Test(table, knows_nothing_at_first)
{
    static const int fds[] = {-1, 0, 3, TABLE_FD_COUNT - 1, TABLE_FD_COUNT, 1 << 30, -(1 << 30)};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        cr_assert_null(table_find(fds[i]));
        table_remove(fds[i]);
        table_duplicate(fds[i], 5);
        table_duplicate(5, fds[i]);
    }
    table_remove_range(0, ~0U);
}

Test(table, adds_finds_removes)
{
    static const int fds[] = {0, 1, 5, 100000, TABLE_FD_COUNT - 1};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        struct connection *connection = table_add(fds[i]);
        cr_assert_not_null(connection);
        cr_assert_eq(table_find(fds[i]), connection);
        cr_assert_eq(table_find_socket(fds[i]), connection);
        cr_assert_eq(fd_count(connection), 1);
        table_remove(fds[i]);
        cr_assert_null(table_find(fds[i]));
        cr_assert_eq(table_word(fds[i]), TABLE_UNKNOWN);
        cr_assert_eq(fd_count(connection), 0);
    }
}

/* More than a test may open. */
Test(table, a_million_descriptors)
{
    enum { COUNT = 1000000, STEP = 10 };
    static struct connection *connections[COUNT / STEP];
    for (int fd = 0; fd < COUNT; fd++) {
        if (fd % STEP)
            table_ignore(fd);
        else
            cr_assert_not_null(connections[fd / STEP] = table_add(fd), "%d", fd);
    }
    for (int fd = 0; fd < COUNT; fd++)
        cr_assert_eq(table_find(fd), fd % STEP ? NULL : connections[fd / STEP], "%d", fd);
    table_duplicate(COUNT - STEP, COUNT);
    cr_assert_eq(table_find(COUNT), connections[COUNT / STEP - 1]);
    table_remove_range(STEP, ~0U);
    for (int fd = 1; fd <= COUNT; fd++)
        cr_assert_null(table_find(fd), "%d", fd);
    for (int i = 1; i < COUNT / STEP; i++)
        cr_assert_eq(fd_count(connections[i]), 0, "%d", i * STEP);
    cr_assert_eq(table_find(0), connections[0]);
}

Test(table, numbers_beyond_its_end_are_let_go)
{
    static const int fds[] = {-1, TABLE_FD_COUNT, 1 << 30};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        cr_assert_null(table_add(fds[i]));
        table_ignore(fds[i]);
        cr_assert_null(table_find(fds[i]));
        cr_assert_eq(table_word(fds[i]), TABLE_UNKNOWN);
    }
    struct connection *connection = table_add(7);
    table_duplicate(7, TABLE_FD_COUNT + 1);
    table_remove(7);
    cr_assert_eq(fd_count(connection), 0, "a copy that has no place keeps it for ever");
}

Test(table, a_number_that_comes_again_was_closed_unseen)
{
    struct connection *first = table_add(9);
    uint32_t generation = atomic_load(&first->generation);
    struct connection *second = table_add(9);
    cr_assert_eq(table_find(9), second);
    cr_assert_gt(atomic_load(&first->generation), generation);
    table_ignore(9);
    cr_assert_null(table_find(9));
    cr_assert_eq(table_word(9), TABLE_IGNORED);
    cr_assert_null(table_find_socket(9));
    cr_assert_not_null(table_add(9));
}

Test(table, copies_name_the_same_connection)
{
    struct connection *connection = table_add(10), *other = table_add(12);
    table_duplicate(10, 11);
    cr_assert_eq(table_find(11), connection);
    cr_assert_eq(fd_count(connection), 2);
    table_duplicate(10, 10);
    cr_assert_eq(fd_count(connection), 2);
    table_duplicate(10, 12); /* dup2 over another one */
    cr_assert_eq(table_find(12), connection);
    cr_assert_eq(fd_count(other), 0);
    cr_assert_eq(fd_count(connection), 3);
    table_duplicate(10, 12); /* over itself */
    cr_assert_eq(fd_count(connection), 3);
    table_duplicate(50, 12); /* a file over a socket */
    cr_assert_null(table_find(12));
    table_ignore(51);
    table_duplicate(51, 11);
    cr_assert_eq(table_word(11), TABLE_IGNORED);
    cr_assert_eq(fd_count(connection), 1);
    table_remove(10);
    cr_assert_eq(fd_count(connection), 0);
}

Test(table, ranges)
{
    for (int fd = 20; fd < 30; fd++)
        table_add(fd);
    table_remove_range(22, 24);
    for (int fd = 20; fd < 30; fd++)
        cr_assert_eq(table_find(fd) == NULL, fd >= 22 && fd <= 24, "%d", fd);
    table_remove_range(28, ~0U);
    table_remove_range(0, 20);
    table_remove_range(26, 25); /* empty */
    for (int fd = 20; fd < 30; fd++)
        cr_assert_eq(table_find(fd) != NULL, fd == 21 || (fd >= 25 && fd <= 27), "%d", fd);
}

Test(table, a_vfork_child_changes_nothing)
{
    static struct connection *found[3];
    struct connection *connection = table_add(40);
    process_pid(); /* as the library's start and each fork make it known */
    pid_t child = vfork();
    if (child == 0) {
        table_remove(40);
        found[0] = table_find(40);
        table_remove_range(0, ~0U);
        found[1] = table_find(40);
        table_duplicate(40, 41);
        table_duplicate(50, 40);
        found[2] = table_find(40);
        _exit(table_find(41) != NULL);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(WEXITSTATUS(status), 0);
    for (size_t i = 0; i < ARRAY_LEN(found); i++)
        cr_assert_eq(found[i], connection);
    cr_assert_eq(fd_count(connection), 1);
}

/* A listener, and what is connected to it: [0] listens, [1] connected, [2] accepted. */
static void sockets_make(int fds[3])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    fds[1] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fds[0], (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(fds[0], 1), 0);
    cr_assert_eq(getsockname(fds[0], (struct sockaddr *)&address, &len), 0);
    cr_assert_eq(connect(fds[1], (struct sockaddr *)&address, len), 0);
    fds[2] = accept(fds[0], NULL, NULL);
}

Test(table, sockets_from_before_our_time_are_adopted_if_they_are_connected)
{
    int fds[3], pair[2];
    sockets_make(fds);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_not_null(table_find_socket(fds[1]));
    cr_assert_not_null(table_find_socket(fds[2]));
    cr_assert_eq(table_find(fds[2])->peer.any.sa_family, AF_INET);
    cr_assert_not_null(table_find_socket(pair[0]));
    cr_assert_null(table_find_socket(fds[0]), "it listens");
    int datagram = socket(AF_INET, SOCK_DGRAM, 0), file = open("/dev/null", O_RDWR);
    cr_assert_null(table_find_socket(datagram));
    cr_assert_eq(table_word(datagram), TABLE_IGNORED);
    errno = 0;
    cr_assert_null(table_find_socket(file));
    cr_assert_null(table_find_socket(-1));
    cr_assert_null(table_find_socket(1000));
    cr_assert_eq(errno, 0);
}

/* The kernel gives no memory for the table: then nothing may be taken for connections either. */
Test(table, without_memory_nothing_is_kept)
{
    enum { ROUNDS = 1000 };
    struct rlimit limit = {0, RLIM_INFINITY};
    struct connection *before = connection_new(); /* its slab has room now */
    cr_assert_not_null(before);
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    uint32_t highest = 0;
    for (int i = 0; i < ROUNDS; i++)
        table_add(3);
    struct connection *after = connection_new();
    highest = after ? after->index : ROUNDS;
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_AS, &limit);
    cr_assert_lt(highest, 3, "each socket costs a connection that nobody will ever release");
}
