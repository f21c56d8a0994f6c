/* drip - an HTTP client that sends its requests in tiny pieces and trusts no return value. */
#include "answer.h"
#include "emit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WRITABLE_TIMEOUT_MS = 20000 };

struct options {
    struct sockaddr_in server;
    enum emit_call call;
    size_t chunk_len;
    size_t body_len;
    int request_count;
    bool is_blocking;
    const char *path;
};

static void usage(FILE *to)
{
    fputs("usage: drip [OPTIONS] IPV4-ADDRESS PORT\n"
          "  --chunk N     bytes handed to each call (default 1)\n"
          "  --requests N  requests, one after another on one connection (default 1)\n"
          "  --body N      POST a body of N bytes (default 0: GET)\n"
          "  --path PATH   what to ask for (default /)\n"
          "  --call NAME   write, send, sendto, sendmsg, sendmmsg or writev (default write)\n"
          "  --blocking    leave the socket blocking\n"
          "Ends with 0 only if every call returned what POSIX promises.\n",
          to);
}

static long number_from(const char *text, long low, long high)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < low || value > high) {
        fprintf(stderr, "drip: %s is not a number from %ld to %ld\n", text, low, high);
        exit(2);
    }
    return value;
}

static void call_parse(const char *name, struct options *options)
{
    int call = emit_call_find(name);
    if (call < 0) {
        usage(stderr);
        exit(2);
    }
    options->call = (enum emit_call)call;
}

static struct options options_parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"chunk", required_argument, NULL, 'c'},    {"body", required_argument, NULL, 'b'},
        {"requests", required_argument, NULL, 'r'}, {"path", required_argument, NULL, 'p'},
        {"call", required_argument, NULL, 'k'},     {"blocking", no_argument, NULL, 'B'},
        {"help", no_argument, NULL, 'h'},           {0},
    };
    struct options options = {.chunk_len = 1, .request_count = 1, .path = "/"};
    for (int c; (c = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (c == 'c')
            options.chunk_len = (size_t)number_from(optarg, 1, 1 << 30);
        else if (c == 'b')
            options.body_len = (size_t)number_from(optarg, 0, 1 << 30);
        else if (c == 'r')
            options.request_count = (int)number_from(optarg, 1, 1 << 30);
        else if (c == 'p')
            options.path = optarg;
        else if (c == 'k')
            call_parse(optarg, &options);
        else if (c == 'B')
            options.is_blocking = true;
        else {
            usage(c == 'h' ? stdout : stderr);
            exit(c == 'h' ? 0 : 2);
        }
    }
    options.server.sin_family = AF_INET;
    if (optind + 2 != argc || inet_pton(AF_INET, argv[optind], &options.server.sin_addr) != 1) {
        usage(stderr);
        exit(2);
    }
    options.server.sin_port = htons((uint16_t)number_from(argv[optind + 1], 1, 65535));
    return options;
}

/* The kernel raises the send buffer to its minimum (4.5 KiB on Linux): it fills after a few calls
 * where the server reads slowly. */
static int connect_to(const struct options *options)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int smallest = 1, on = 1;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&options->server, sizeof options->server) < 0) {
        perror("drip: connect");
        return -1;
    }
    if (!options->is_blocking && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
        perror("drip: fcntl");
        return -1;
    }
    return fd;
}

static int await_writable(int fd)
{
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    if (poll(&writable, 1, WRITABLE_TIMEOUT_MS) == 1 && writable.revents & POLLOUT)
        return 0;
    fprintf(stderr, "drip: the socket does not become writable\n");
    return -1;
}

static int send_all(int fd, const struct options *options, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t piece_len = len < options->chunk_len ? len : options->chunk_len;
        ssize_t n = emit(options->call, fd, options->is_blocking, bytes, piece_len);
        if (n < 0 || (n == 0 && await_writable(fd) < 0))
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* The request's text, to be freed; its length in @len. */
static char *request_format(const struct options *options, size_t *len)
{
    char *head;
    int head_len = asprintf(&head,
                            "%s %s HTTP/1.1\r\nHost: drip\r\nUser-Agent: drip/1.0\r\n"
                            "Content-Length: %zu\r\n\r\n",
                            options->body_len ? "POST" : "GET", options->path, options->body_len);
    char *request = head_len < 0 ? NULL : realloc(head, (size_t)head_len + options->body_len);
    if (!request) {
        fprintf(stderr, "drip: no memory\n");
        exit(1);
    }
    for (size_t i = 0; i < options->body_len; i++)
        request[(size_t)head_len + i] = (char)('a' + i % 26);
    *len = (size_t)head_len + options->body_len;
    return request;
}

int main(int argc, char **argv)
{
    struct options options = options_parse(argc, argv);
    size_t len, total = 0;
    signal(SIGPIPE, SIG_IGN);
    int fd = connect_to(&options);
    if (fd < 0)
        return 1;
    char *request = request_format(&options, &len);
    for (int i = 0; i < options.request_count; i++) {
        if (send_all(fd, &options, request, len) < 0 || answer_print(fd) < 0)
            return 1;
        total += len;
        printf("request %d: %zu bytes written, %zu in all\n", i + 1, len, total);
    }
    free(request);
    return close(fd) == 0 ? 0 : 1;
}
