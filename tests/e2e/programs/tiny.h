/* What the tiny programs of test_descriptors.py share. Each gets the server's port as argument 1. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Any result with its errno; errno is set to a value before, to see that a success leaves it. */
#define TRY(expression) \
    do { \
        errno = 7777; \
        long result = (long)(expression); \
        int error = errno; \
        printf("%s = %ld errno %d\n", #expression, result, error); \
    } while (0)

static const char GET[] = "GET /tiny HTTP/1.1\r\nHost: tiny\r\n\r\n";
#define GET_LEN (sizeof GET - 1)

static inline int connect_to(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("connect");
        exit(99);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* Reads up to "yes", which the server's answers end in. Returns how many bytes there were. */
static inline int answer(int fd)
{
    char bytes[4096];
    size_t len = 0;
    while (len < 3 || memcmp(bytes + len - 3, "yes", 3) != 0) {
        ssize_t n = recv(fd, bytes + len, sizeof bytes - len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        len += (size_t)n;
    }
    return (int)len;
}

static inline void request(int fd)
{
    if (send(fd, GET, GET_LEN, MSG_NOSIGNAL) != (ssize_t)GET_LEN)
        puts("the request was not taken whole");
    printf("answer of %d bytes\n", answer(fd));
}

static inline void request_once(const char *port)
{
    int fd = connect_to(port);
    request(fd);
    close(fd);
}
