/* The socket sink: whole lines or none, never waiting, and nothing sent twice by a fork child. */
#include "export/socket_sink.h"

#include "base/clock.h"
#include "base/process.h"
#include "support/shared_stats.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_LEN = 1000, RECEIVED_MAX = 16 << 20 };

static char g_directory[64], g_path[96], g_received[RECEIVED_MAX + 1];
static struct exporter g_exporter;
static struct socket_sink g_sink = {.exporter = &g_exporter};
static struct run_stats *g_stats;

static void set_up(void)
{
    strcpy(g_directory, "/tmp/test_socket_sink.XXXXXX");
    cr_assert(mkdtemp(g_directory));
    snprintf(g_path, sizeof g_path, "%s/socket", g_directory);
    g_stats = shared_stats_new();
    g_exporter.kind = EXPORTER_UNIX;
    strcpy(g_exporter.path, g_path);
    process_pid(); /* as the library's start does */
}

static void tear_down(void)
{
    unlink(g_path);
    rmdir(g_directory);
}

TestSuite(socket_sink, .init = set_up, .fini = tear_down, .timeout = 20);

static int listen_unix(int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type, 0);
    strcpy(address.sun_path, g_path);
    unlink(g_path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    if (type == SOCK_STREAM)
        cr_assert_eq(listen(fd, 8), 0);
    return fd;
}

static int listen_tcp(int family)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t len = family == AF_INET ? sizeof v4 : sizeof v6;
    int fd = socket(family, SOCK_STREAM, 0);
    if (bind(fd, address, len))
        cr_skip_test("no such loopback address here");
    cr_assert_eq(listen(fd, 8), 0);
    getsockname(fd, address, &len);
    g_exporter.kind = EXPORTER_TCP;
    g_exporter.port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    strcpy(g_exporter.host, family == AF_INET ? "localhost" : "::1");
    return fd;
}

static int write_text(const char *text)
{
    return socket_sink_write(&g_sink, text, strlen(text));
}

/* {who:0000number000...} with LINE_LEN bytes in all. */
static int write_numbered(char who, int number)
{
    char line[LINE_LEN + 1];
    snprintf(line, sizeof line, "{%c:%0*d}\n", who, LINE_LEN - 5, number);
    return socket_sink_write(&g_sink, line, LINE_LEN);
}

static size_t g_received_len;

/* Adds what comes, until there was nothing for @quiet_ms, to what came before, as a string. */
static const char *receive_more(int fd, int quiet_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, quiet_ms) > 0) {
        ssize_t n = recv(fd, g_received + g_received_len, RECEIVED_MAX - g_received_len, 0);
        if (n <= 0)
            break;
        g_received_len += (size_t)n;
    }
    g_received[g_received_len] = '\0';
    return g_received;
}

static const char *receive(int fd, int quiet_ms)
{
    g_received_len = 0;
    return receive_more(fd, quiet_ms);
}

/* How many numbered lines of @who there are; each whole, in order and none twice. A part of a
 * line is allowed at the very end only, where @cut says so. */
static int count_numbered(const char *received, char who, bool cut)
{
    int count = 0, last = -1;
    for (; *received; received += LINE_LEN) {
        if (strlen(received) < LINE_LEN) {
            cr_expect(cut, "cut line at the end");
            break;
        }
        cr_assert(received[0] == '{' && received[2] == ':' && received[LINE_LEN - 2] == '}' &&
                  received[LINE_LEN - 1] == '\n');
        if (received[1] != who)
            continue;
        int number = atoi(received + 3);
        cr_expect_gt(number, last);
        last = number;
        count++;
    }
    return count;
}

static int sink_fd(void)
{
    return atomic_load(&g_sink.fd.number) - 1;
}

static uint64_t in_ms(uint64_t ms)
{
    return clock_monotonic_ns() + ms * NANOS_PER_MILLI;
}

Test(socket_sink, unix_stream)
{
    int listener = listen_unix(SOCK_STREAM);
    errno = 77;
    cr_expect_eq(write_text("one\n"), 0);
    cr_expect_eq(write_text("two\n"), 0);
    cr_expect_eq(errno, 77);
    int peer = accept(listener, NULL, NULL);
    cr_expect_str_eq(receive(peer, 50), "one\ntwo\n");
    cr_expect_geq(sink_fd(), 64);
    cr_expect_eq(fcntl(sink_fd(), F_GETFD), FD_CLOEXEC);
}

Test(socket_sink, unix_datagram_has_one_line_a_message)
{
    char message[100];
    int peer = listen_unix(SOCK_DGRAM);
    cr_expect_eq(write_text("one\n"), 0);
    cr_expect_eq(write_text("two\n"), 0);
    cr_expect_eq(recv(peer, message, sizeof message, MSG_DONTWAIT), 4);
    cr_expect_eq(recv(peer, message, sizeof message, MSG_DONTWAIT), 4);
}

Test(socket_sink, full_datagram_queue_keeps_the_rest)
{
    char message[2 * LINE_LEN];
    int peer = listen_unix(SOCK_DGRAM), received = 0;
    for (int i = 0; i < 50; i++)
        cr_expect_eq(write_numbered('p', i), 0);
    for (int i = 50; i < 60; i++) {
        while (recv(peer, message, sizeof message, MSG_DONTWAIT) == LINE_LEN)
            cr_expect_eq(atoi(message + 3), received++);
        cr_expect_eq(write_numbered('p', i), 0);
    }
    while (recv(peer, message, sizeof message, MSG_DONTWAIT) == LINE_LEN)
        cr_expect_eq(atoi(message + 3), received++);
    cr_expect_eq(received, 60);
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_FULL], 0);
}

Test(socket_sink, tcp)
{
    int listener = listen_tcp(AF_INET);
    cr_expect_eq(write_text("one\n"), 0);
    cr_expect_str_eq(receive(accept(listener, NULL, NULL), 50), "one\n");
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_GONE], 0);
}

Test(socket_sink, tcp_version_6)
{
    int listener = listen_tcp(AF_INET6);
    cr_expect_eq(write_text("one\n"), 0);
    cr_expect_str_eq(receive(accept(listener, NULL, NULL), 50), "one\n");
}

Test(socket_sink, slow_reader_costs_lines_but_no_time_and_no_half_line)
{
    int listener = listen_unix(SOCK_STREAM), taken = 0;
    uint64_t start_ns = clock_monotonic_ns();
    for (int i = 0; i < 2000; i++)
        taken += write_numbered('p', i) == 0;
    cr_expect_lt(clock_monotonic_ns() - start_ns, 1000 * NANOS_PER_MILLI);
    cr_expect(taken > 64 && taken < 1000, "%d", taken);
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_FULL], 2000 - (uint64_t)taken);
    int peer = accept(listener, NULL, NULL);
    int received = count_numbered(receive(peer, 20), 'p', true);
    cr_expect_lt(received, taken);
    /* Room again: the pending lines come first, then the new one. */
    cr_expect_eq(write_numbered('p', 2000), 0);
    cr_expect_eq(count_numbered(receive_more(peer, 20), 'p', false), taken + 1);
}

static void *read_after_a_while(void *listener)
{
    usleep(50000);
    receive(accept(*(int *)listener, NULL, NULL), 200);
    return NULL;
}

Test(socket_sink, flush_waits_for_a_slow_reader)
{
    pthread_t thread;
    int listener = listen_unix(SOCK_STREAM), taken = 0;
    for (int i = 0; i < 2000; i++)
        taken += write_numbered('p', i) == 0;
    pthread_create(&thread, NULL, read_after_a_while, &listener);
    socket_sink_flush(&g_sink, in_ms(5000));
    pthread_join(thread, NULL);
    cr_expect_eq(count_numbered(g_received, 'p', false), taken);
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_FULL], 2000 - (uint64_t)taken);
}

Test(socket_sink, flush_ends_in_time_and_counts_what_is_left)
{
    int listener = listen_unix(SOCK_STREAM), taken = 0;
    for (int i = 0; i < 2000; i++)
        taken += write_numbered('p', i) == 0;
    uint64_t start_ns = clock_monotonic_ns();
    socket_sink_flush(&g_sink, in_ms(100));
    uint64_t took_ns = clock_monotonic_ns() - start_ns;
    cr_expect(took_ns > 90 * NANOS_PER_MILLI && took_ns < 1000 * NANOS_PER_MILLI);
    close(sink_fd());
    int received = count_numbered(receive(accept(listener, NULL, NULL), 20), 'p', true);
    cr_expect_eq((uint64_t)received + g_stats->dropped_count[DROP_SOCKET_FULL], 2000);
    cr_expect_lt(received, taken);
}

Test(socket_sink, fork_child_does_not_repeat_its_parents_lines)
{
    int listener = listen_unix(SOCK_STREAM), taken = 0;
    for (int i = 0; i < 500; i++)
        taken += write_numbered('p', i) == 0;
    pid_t child = fork();
    if (child == 0) {
        int failed = write_numbered('c', 0);
        socket_sink_flush(&g_sink, in_ms(1000));
        _exit(failed ? 1 : 0);
    }
    int status;
    waitpid(child, &status, 0);
    cr_expect_eq(status, 0);
    int parents = accept(listener, NULL, NULL), childs = accept(listener, NULL, NULL);
    receive(childs, 50);
    cr_expect_eq(count_numbered(g_received, 'c', false), 1);
    cr_expect_eq(count_numbered(g_received, 'p', false), 0);
    receive(parents, 20);
    cr_expect_eq(write_numbered('p', 500), 0);
    receive_more(parents, 50);
    cr_expect_eq(count_numbered(g_received, 'p', false), taken + 1);
    cr_expect_eq(count_numbered(g_received, 'c', false), 0);
}

Test(socket_sink, flush_in_a_fork_child_neither_sends_nor_drops)
{
    int listener = listen_unix(SOCK_STREAM);
    for (int i = 0; i < 500; i++)
        write_numbered('p', i);
    uint64_t dropped = g_stats->dropped_count[DROP_SOCKET_FULL];
    if (fork() == 0) {
        socket_sink_flush(&g_sink, in_ms(1000));
        _exit(0);
    }
    wait(NULL);
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_FULL], dropped);
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_GONE], 0);
    close(listener);
}

Test(socket_sink, absent_peer_is_a_counted_drop_and_is_asked_seldom)
{
    cr_expect_eq(write_text("one\n"), -ENOENT);
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_GONE], 1);
    cr_expect_eq(g_stats->last_errno[DROP_SOCKET_GONE], ENOENT);
    int listener = listen_unix(SOCK_STREAM);
    cr_expect_eq(write_text("two\n"), -ENOENT);
    usleep(110000);
    cr_expect_eq(write_text("three\n"), 0);
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_GONE], 2);
    cr_expect_str_eq(receive(accept(listener, NULL, NULL), 50), "three\n");
}

Test(socket_sink, refused_tcp_connection_is_a_counted_drop)
{
    close(listen_tcp(AF_INET));
    write_text("one\n");
    socket_sink_flush(&g_sink, in_ms(1000));
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_GONE], 1);
    cr_expect_eq(g_stats->last_errno[DROP_SOCKET_GONE], ECONNREFUSED);
}

/* SIGPIPE would end this test. */
Test(socket_sink, lines_wait_for_a_peer_that_comes_back)
{
    int listener = listen_unix(SOCK_STREAM);
    cr_expect_eq(write_text("one\n"), 0);
    close(accept(listener, NULL, NULL));
    close(listener);
    unlink(g_path);
    cr_expect_eq(write_text("two\n"), 0);
    usleep(110000);
    cr_expect_eq(write_text("three\n"), 0);
    listener = listen_unix(SOCK_STREAM);
    usleep(110000);
    cr_expect_eq(write_text("four\n"), 0);
    cr_expect_str_eq(receive(accept(listener, NULL, NULL), 50), "two\nthree\nfour\n");
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_GONE], 0);
}

/* Over TCP, since a unix stream takes a small write as a whole or not at all. */
Test(socket_sink, half_sent_line_is_sent_whole_on_the_next_connection)
{
    struct linger reset = {.l_onoff = 1};
    int small = 4096, listener = listen_tcp(AF_INET), taken = 0;
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    while (write_numbered('p', taken) == 0)
        cr_assert_lt(taken++, RECEIVED_MAX / LINE_LEN);
    int peer = accept(listener, NULL, NULL);
    int received = count_numbered(receive(peer, 50), 'p', true);
    cr_assert_neq(strlen(g_received) % LINE_LEN, 0, "no line was cut: nothing is shown");
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(peer);
    usleep(110000);
    cr_expect_eq(write_numbered('p', taken), 0);
    receive(accept(listener, NULL, NULL), 50);
    cr_expect_eq(atoi(g_received + 3), received);
    cr_expect_eq(received + count_numbered(g_received, 'p', false), taken + 1);
}

Test(socket_sink, pending_lines_of_a_peer_that_is_gone_for_good_are_counted_at_the_end)
{
    int listener = listen_unix(SOCK_STREAM);
    cr_expect_eq(write_text("one\n"), 0);
    close(accept(listener, NULL, NULL));
    close(listener);
    unlink(g_path);
    write_text("two\n");
    write_text("three\n");
    uint64_t start_ns = clock_monotonic_ns();
    socket_sink_flush(&g_sink, in_ms(5000));
    cr_expect_lt(clock_monotonic_ns() - start_ns, 1000 * NANOS_PER_MILLI);
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_GONE], 2);
}

Test(socket_sink, replaced_descriptor_is_not_written_to)
{
    int listener = listen_unix(SOCK_STREAM), pair[2];
    char byte;
    cr_assert_eq(write_text("one\n"), 0);
    int fd = sink_fd();
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(dup2(pair[0], fd), fd);
    usleep(110000);
    cr_expect_eq(write_text("two\n"), 0);
    cr_expect_eq(recv(pair[1], &byte, 1, MSG_DONTWAIT), -1);
    cr_expect_neq(fcntl(fd, F_GETFD), -1, "the program's descriptor was closed");
    cr_expect_str_eq(receive(accept(listener, NULL, NULL), 20), "one\n");
    cr_expect_str_eq(receive(accept(listener, NULL, NULL), 20), "two\n");
}

Test(socket_sink, signal_handler_that_interrupted_the_holder_drops_and_counts)
{
    listen_unix(SOCK_STREAM);
    cr_assert(lock_acquire(&g_sink.lock));
    cr_expect_eq(write_text("one\n"), -EBUSY);
    cr_expect_eq(g_stats->dropped_count[DROP_BUSY], 1);
    /* In a fork child nobody holds it any longer. */
    if (fork() == 0)
        _exit(write_text("child\n") ? 1 : 0);
    int status;
    wait(&status);
    cr_expect_eq(status, 0);
    lock_release(&g_sink.lock);
    cr_expect_eq(write_text("two\n"), 0);
}

static volatile int g_vfork_result;

Test(socket_sink, vfork_child_leaves_its_line_to_the_parent)
{
    int listener = listen_unix(SOCK_STREAM);
    pid_t child = vfork();
    if (child == 0) {
        g_vfork_result = write_text("child\n");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    cr_expect_eq(g_vfork_result, 0);
    cr_expect_eq(sink_fd(), -1);
    cr_expect_eq(write_text("parent\n"), 0);
    cr_expect_str_eq(receive(accept(listener, NULL, NULL), 50), "child\nparent\n");
}

Test(socket_sink, full_listen_queue_is_waited_for_at_the_end)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = listen_unix(SOCK_STREAM);
    strcpy(address.sun_path, g_path);
    for (int i = 0; i < 20; i++)
        connect(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&address,
                sizeof address);
    cr_expect_eq(write_text("one\n"), 0);
    pid_t child = fork();
    if (child == 0) {
        usleep(50000);
        for (;;)
            accept(listener, NULL, NULL);
    }
    socket_sink_flush(&g_sink, in_ms(2000));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_expect_eq(g_sink.was_connected, true);
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_FULL], 0);
}

enum { THREADS = 4, LINES = 500 };

static void *write_own_lines(void *who)
{
    for (int i = 0; i < LINES; i++)
        write_numbered((char)(intptr_t)who, i);
    return NULL;
}

Test(socket_sink, lines_of_many_threads_stay_whole)
{
    pthread_t threads[THREADS], reader;
    int listener = listen_unix(SOCK_STREAM), received = 0;
    pthread_create(&reader, NULL, read_after_a_while, &listener);
    for (int t = 0; t < THREADS; t++)
        pthread_create(&threads[t], NULL, write_own_lines, (void *)(intptr_t)('a' + t));
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    socket_sink_flush(&g_sink, in_ms(5000));
    pthread_join(reader, NULL);
    for (int t = 0; t < THREADS; t++)
        received += count_numbered(g_received, (char)('a' + t), false);
    uint64_t dropped = g_stats->dropped_count[DROP_SOCKET_FULL] + g_stats->dropped_count[DROP_BUSY];
    cr_expect_eq((uint64_t)received + dropped, THREADS * LINES);
}
