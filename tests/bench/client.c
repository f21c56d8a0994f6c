/* client PORT [COUNT] - keep-alive GETs on one connection, one after the other.
 * Without COUNT: for each number on standard input, makes that many requests, after a few that warm up,
 * and prints what they took: "wall nanoseconds, CPU nanoseconds". */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP_COUNT = 30 };

static const char REQUEST[] = "GET /items/42?verbose=1 HTTP/1.1\r\n"
                              "Host: shop.example:8080\r\n"
                              "User-Agent: bench/1.0\r\n"
                              "Accept: */*\r\n"
                              "\r\n";

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int connect_to(int port)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* The responder's answers are all alike and come in one piece. */
static void exchange(int fd)
{
    char answer[4096];
    if (send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) != (ssize_t)sizeof REQUEST - 1)
        err(1, "send");
    ssize_t len = recv(fd, answer, sizeof answer, 0);
    if (len < 12 || memcmp(answer, "HTTP/1.1 200", 12) != 0)
        errx(1, "no answer");
}

/* Lets the caches forget whoever ran before. */
static void warm_up(int fd)
{
    for (int i = 0; i < WARM_UP_COUNT; i++)
        exchange(fd);
}

static void measure(int fd, long count)
{
    warm_up(fd);
    uint64_t wall_ns = now_ns(CLOCK_MONOTONIC), cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (long i = 0; i < count; i++)
        exchange(fd);
    cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
    wall_ns = now_ns(CLOCK_MONOTONIC) - wall_ns;
    printf("%llu %llu\n", (unsigned long long)wall_ns, (unsigned long long)cpu_ns);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    long count;
    if (argc < 2)
        errx(2, "usage: client PORT [COUNT]");
    int fd = connect_to(atoi(argv[1]));
    if (argc > 2)
        for (long i = atol(argv[2]); i > 0; i--)
            exchange(fd);
    else
        while (scanf("%ld", &count) == 1)
            measure(fd, count);
    close(fd);
    return 0;
}
