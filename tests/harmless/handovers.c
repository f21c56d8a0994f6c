/* What threads hand each other work by: pipes, eventfds, timers, pairs of packets, in odd ways. */
#include "harmless.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static char g_bytes[1 << 17];

static void bad_pointers(void)
{
    int fds[2], one = eventfd(0, EFD_NONBLOCK), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    volatile uintptr_t bad = 8;
    uint64_t count = 3;
    TRY(pipe((int *)bad));
    TRY(pipe2((int *)bad, O_CLOEXEC));
    TRY(pipe2(fds, ~0));
    MUST(pipe2(fds, O_NONBLOCK) == 0);
    TRY(write(fds[1], (void *)bad, 10));
    TRY(write(fds[1], g_bytes, 0));
    TRY(read(fds[0], (void *)bad, 10));
    TRY(write(fds[1], "abc", 3));
    TRY(read(fds[0], (void *)bad, 10));
    TRY(read(fds[0], g_bytes, 10));
    TRY(read(fds[1], g_bytes, 10));
    TRY(write(fds[0], g_bytes, 10));
    TRY(write(one, (void *)bad, 8));
    TRY(write(one, &count, 7));
    TRY(read(one, &count, 7));
    TRY(write(one, &count, 8));
    TRY(read(one, (void *)bad, 8));
    TRY(read(one, &count, 8));
    TRY(eventfd(0, ~0));
    TRY(eventfd_read(-1, &count));
    TRY(eventfd_write(fds[0], 1));
    TRY(timerfd_create(99, 0));
    TRY(timerfd_settime(timer, 0, (void *)bad, NULL));
    TRY(timerfd_settime(timer, 0, NULL, NULL));
    TRY(timerfd_settime(one, 0, &(struct itimerspec){.it_value.tv_nsec = 1}, NULL));
    TRY(timerfd_settime(-1, 0, &(struct itimerspec){.it_value.tv_nsec = 1}, NULL));
    close(fds[0]), close(fds[1]), close(one), close(timer);
}

static void full_pipe(void)
{
    int fds[2];
    size_t in = 0, out = 0;
    MUST(pipe2(fds, O_NONBLOCK) == 0);
    for (ssize_t n; (n = write(fds[1], g_bytes, 50000)) > 0; in += (size_t)n)
        printf("in %zd\n", n);
    TRY(write(fds[1], g_bytes, 1));
    for (ssize_t n; (n = read(fds[0], g_bytes, 30001)) > 0; out += (size_t)n)
        printf("out %zd\n", n);
    TRY(read(fds[0], g_bytes, 1));
    printf("%zu of %zu\n", out, in);
    for (int i = 0; i < 300; i++)
        MUST(write(fds[1], &i, sizeof i) == sizeof i);
    for (int i = 0, got; i < 300; i++)
        MUST(read(fds[0], &got, sizeof got) == sizeof got && got == i);
    close(fds[0]);
    TRY(write(fds[1], "x", 1));
    close(fds[1]);
}

static void vectors_and_splices(void)
{
    int a[2], b[2];
    struct iovec iov[2] = {{g_bytes, 3}, {g_bytes + 3, 4}};
    MUST(pipe(a) == 0 && pipe(b) == 0);
    TRY(writev(a[1], iov, 2));
    TRY(splice(a[0], NULL, b[1], NULL, 5, 0));
    TRY(tee(a[0], b[1], 2, 0));
    TRY(readv(b[0], iov, 2));
    TRY(read(a[0], g_bytes, 10));
    TRY(dprintf(a[1], "%d\n", 12345));
    FILE *file = fdopen(a[0], "r");
    char line[20] = "";
    TRY(fgets(line, sizeof line, file) != NULL);
    printf("%s", line);
    fclose(file);
    TRY(read(a[0], g_bytes, 1));
    close(a[1]), close(b[0]), close(b[1]);
}

static void odd_closes(void)
{
    int fds[2], other[2];
    MUST(pipe(fds) == 0);
    int copy = dup(fds[1]), copy2 = fcntl(fds[0], F_DUPFD, 50);
    close(fds[1]);
    TRY(write(copy, "one", 3));
    close(fds[0]);
    TRY(read(copy2, g_bytes, 10));
    MUST(pipe(other) == 0);
    TRY(dup2(other[1], copy) == copy);
    TRY(write(copy, "two", 3));
    TRY(read(copy2, g_bytes, 10));
    TRY(read(other[0], g_bytes, 10));
    MUST(syscall(SYS_close, other[0]) == 0);
    int file = open("/dev/zero", O_RDONLY);
    TRY(file == other[0]);
    TRY(read(file, g_bytes, 10));
    close_range((unsigned)MIN(copy, other[1]), (unsigned)MAX(copy, other[1]), 0);
    close(file), close(copy2);
    for (int i = 0; i < 3000; i++) { /* more than are followed, but not at a time */
        MUST(pipe(fds) == 0);
        MUST(write(fds[1], "z", 1) == 1 && read(fds[0], g_bytes, 5) == 1);
        close(fds[i & 1]), close(fds[~i & 1]);
    }
}

static void counters(void)
{
    int plain = eventfd(5, EFD_NONBLOCK), semaphore = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);
    uint64_t got = 0, top = UINT64_MAX - 1;
    TRY(eventfd_read(plain, &got));
    printf("%lu\n", got);
    TRY(eventfd_read(plain, &got));
    TRY(eventfd_write(plain, 7));
    TRY(eventfd_write(plain, 0));
    TRY(eventfd_write(plain, 8));
    TRY(read(plain, &got, 8));
    printf("%lu\n", got);
    TRY(eventfd_write(plain, UINT64_MAX));
    TRY(write(plain, &top, 8));
    TRY(eventfd_write(plain, 1));
    TRY(read(plain, g_bytes, 100));
    TRY(eventfd_write(semaphore, 2));
    for (int i = 0; i < 5; i++) {
        TRY(read(semaphore, &got, 8));
        printf("%lu\n", got);
    }
    close(plain), close(semaphore);
}

static void timers(void)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec once = {.it_value.tv_nsec = 1000000}, old, never = {0};
    uint64_t got = 0;
    TRY(timerfd_settime(timer, 0, &once, NULL));
    TRY(read(timer, &got, 8));
    printf("%lu\n", got);
    TRY(timerfd_settime(timer, 0, &(struct itimerspec){{100, 0}, {100, 0}}, &old));
    TRY(timerfd_settime(timer, 0, &never, &old));
    printf("%ld\n", old.it_interval.tv_sec);
    TRY(timerfd_settime(timer, TFD_TIMER_ABSTIME, &(struct itimerspec){{0, 1000000}, {0, 1}}, NULL));
    TRY(read(timer, &got, 8));
    TRY(write(timer, &got, 8));
    close(timer);
}

static void packets(int type)
{
    int pair[2];
    MUST(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, pair) == 0);
    TRY(send(pair[0], "first", 5, 0));
    TRY(write(pair[0], "second", 6));
    TRY(send(pair[1], "back", 4, MSG_NOSIGNAL));
    TRY(recv(pair[1], g_bytes, 2, MSG_PEEK));
    TRY(recv(pair[1], g_bytes, 2, 0));
    TRY(read(pair[1], g_bytes, 20));
    TRY(recv(pair[0], g_bytes, 1, MSG_TRUNC));
    TRY(recv(pair[0], g_bytes, 1, 0));
    TRY(send(pair[0], (void *)8, 5, 0));
    TRY(send(pair[0], "x", 1, MSG_OOB));
    struct iovec iov = {g_bytes, 9};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    TRY(sendmsg(pair[1], &message, 0));
    TRY(recvmsg(pair[0], &message, 0));
    TRY(shutdown(pair[0], SHUT_WR));
    TRY(write(pair[0], "x", 1));
    close(pair[0]);
    TRY(read(pair[1], g_bytes, 20));
    close(pair[1]);
}

static int g_pipe[2], g_event, g_stream[2];
static _Atomic long g_sum;

static void *hammer(void *number)
{
    for (long i = 0; i < 5000; i++) {
        long job = i * 4 + (long)number, got = 0;
        uint64_t count;
        MUST(write(g_pipe[1], &job, sizeof job) == sizeof job);
        MUST(read(g_pipe[0], &got, sizeof got) == sizeof got);
        MUST(eventfd_write(g_event, 1) == 0 && read(g_event, &count, sizeof count) == sizeof count);
        MUST(send(g_stream[0], &job, sizeof job, 0) == sizeof job);
        g_sum += got;
        MUST(recv(g_stream[1], &got, sizeof got, 0) == sizeof got);
        g_sum += got;
        if (i % 100 == 0) {
            int fds[2];
            MUST(pipe(fds) == 0 && write(fds[1], "a", 1) == 1);
            close(fds[0]), close(fds[1]);
        }
    }
    return NULL;
}

static void threads(void)
{
    pthread_t all[4];
    MUST(pipe(g_pipe) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, g_stream) == 0);
    g_event = eventfd(0, EFD_SEMAPHORE);
    for (long i = 0; i < 4; i++)
        MUST(pthread_create(&all[i], NULL, hammer, (void *)i) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(all[i], NULL);
    printf("sum %ld\n", g_sum);
}

static void processes(void)
{
    int fds[2], back[2];
    MUST(pipe(fds) == 0 && pipe(back) == 0);
    TRY(write(fds[1], "before", 6));
    pid_t pid = fork();
    if (pid == 0) {
        ssize_t n = read(fds[0], g_bytes, 100);
        _exit(write(back[1], g_bytes, (size_t)n) == 6 ? 3 : 4);
    }
    TRY(read(back[0], g_bytes, 100));
    int status;
    MUST(waitpid(pid, &status, 0) == pid);
    printf("status %d\n", WEXITSTATUS(status));
    pid = vfork();
    if (pid == 0) {
        close(fds[0]);
        if (write(fds[1], "child", 5) != 5)
            _exit(1);
        _exit(0);
    }
    MUST(waitpid(pid, &status, 0) == pid);
    TRY(read(fds[0], g_bytes, 100));
    TRY(write(fds[1], "after", 5));
    TRY(read(fds[0], g_bytes, 100));
}

int main(void)
{
    harmless_begin();
    bad_pointers();
    full_pipe();
    vectors_and_splices();
    odd_closes();
    counters();
    timers();
    packets(SOCK_DGRAM);
    packets(SOCK_SEQPACKET);
    packets(SOCK_STREAM);
    processes();
    threads();
    return 0;
}
