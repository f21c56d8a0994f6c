/* What the servers in C share: HTTP/1.1 by hand over sockets, for GET /r/N. Each calls upstream for /up/N/a, waits for
 * 0 to 5 ms, calls for /up/N/b, and answers N. */
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE_SIZE = 4096, WORKER_COUNT = 70 };

/* must - @result, unless it is negative: then the program ends. */
static inline int must(int result, const char *what)
{
    if (result >= 0)
        return result;
    perror(what);
    exit(1);
}

static inline struct sockaddr_in local_address(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((unsigned short)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static inline int local_listen(int port)
{
    struct sockaddr_in address = local_address(port);
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"), on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    must(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
    must(listen(fd, 512), "listen");
    return fd;
}

static inline int local_connect(int port)
{
    struct sockaddr_in address = local_address(port);
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

    must(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
    return fd;
}

/* message_len - bytes of the head and body that @text begins with, or 0 while some are to come. */
static inline size_t message_len(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");

    if (!end)
        return 0;
    size_t len = (size_t)(end - text) + 4 + (length && length < end ? strtoul(length + 15, NULL, 10) : 0);
    return strlen(text) < len ? 0 : len;
}

/* message_read - read one request or answer. Returns its bytes, or 0 if the peer has closed. */
static inline size_t message_read(int fd, char text[MESSAGE_SIZE])
{
    size_t len = 0;

    do {
        ssize_t count = read(fd, text + len, MESSAGE_SIZE - 1 - len);
        if (count <= 0)
            return 0;
        len += (size_t)count;
        text[len] = 0;
    } while (!message_len(text));
    return len;
}

/* request_number - N of "GET /r/N ...". */
static inline long request_number(const char *text)
{
    return strtol(text + strlen("GET /r/"), NULL, 10);
}

static inline void text_send(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0)
        perror("write");
}

/* call_send - ask upstream for /up/@number/@what. */
static inline void call_send(int upstream, long number, const char *what)
{
    char text[256];

    snprintf(text, sizeof(text), "GET /up/%ld/%s HTTP/1.1\r\nHost: upstream\r\nAccept: */*\r\n\r\n", number, what);
    text_send(upstream, text);
}

static inline void answer_send(int fd, long number)
{
    char text[256];
    int len = snprintf(NULL, 0, "%ld", number);

    snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%ld", len, number);
    text_send(fd, text);
}

/* call - ask upstream for /up/@number/@what and wait for the answer. */
static inline void call(int upstream, long number, const char *what)
{
    char text[MESSAGE_SIZE];

    call_send(upstream, number, what);
    message_read(upstream, text);
}

/* request_serve - all of one request that was read from @fd, with blocking calls. */
static inline void request_serve(int fd, int upstream, long number)
{
    call(upstream, number, "a");
    usleep((useconds_t)(random() % 5000));
    call(upstream, number, "b");
    answer_send(fd, number);
}

/* connection_serve - all requests of a connection, which is closed then. */
static inline void connection_serve(int fd, int upstream)
{
    char text[MESSAGE_SIZE];

    while (message_read(fd, text))
        request_serve(fd, upstream, request_number(text));
    close(fd);
}
