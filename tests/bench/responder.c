/* responder [CONNECTION_COUNT] - a bare server: prints its port, then answers GETs, one connection at a
 * time; ends after CONNECTION_COUNT of them (default: never). */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ANSWER[] = "HTTP/1.1 200 OK\r\n"
                             "Content-Type: text/plain\r\n"
                             "Content-Length: 14\r\n"
                             "Connection: keep-alive\r\n"
                             "\r\n"
                             "Hello, world!\n";

static int listen_on_any(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        err(1, "listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* Requests without a body, each of which ends where a read ends. */
static void serve(int fd)
{
    char request[4096];
    size_t used = 0;
    ssize_t len;
    while ((len = recv(fd, request + used, sizeof request - used, 0)) > 0) {
        used += (size_t)len;
        if (used >= 4 && memcmp(request + used - 4, "\r\n\r\n", 4) == 0) {
            used = 0;
            if (send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) < 0)
                return;
        }
    }
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : -1;
    int one = 1, listening_fd = listen_on_any();
    for (; count != 0; count--) {
        int fd = accept(listening_fd, NULL, NULL);
        if (fd < 0)
            err(1, "accept");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        serve(fd);
        close(fd);
    }
    return 0;
}
