#include "answer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_LEN_MAX = 16384, ANSWER_TIMEOUT_MS = 20000 };

/* Returns how many bytes came, 0 at the end of the stream, -1 on an error. */
static ssize_t read_some(int fd, char *bytes, size_t len)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    for (;;) {
        if (poll(&readable, 1, ANSWER_TIMEOUT_MS) == 0) {
            fprintf(stderr, "drip: no answer\n");
            return -1;
        }
        ssize_t n = read(fd, bytes, len);
        if (n >= 0)
            return n;
        if (errno != EAGAIN && errno != EINTR) {
            perror("drip: read");
            return -1;
        }
    }
}

/* Byte by byte, so that nothing of the body is read with it. */
static int read_head(int fd, char head[HEAD_LEN_MAX])
{
    size_t len = 0;
    while (len < HEAD_LEN_MAX - 1) {
        ssize_t n = read_some(fd, head + len, 1);
        if (n <= 0) {
            fprintf(stderr, "drip: the answer ends in its head\n");
            return -1;
        }
        head[++len] = '\0';
        if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0)
            return 0;
    }
    fprintf(stderr, "drip: the answer's head is too long\n");
    return -1;
}

int answer_print(int fd)
{
    char head[HEAD_LEN_MAX], piece[4096];
    if (read_head(fd, head) < 0)
        return -1;
    const char *length = strcasestr(head, "\r\nContent-Length:");
    long left = length ? strtol(strchr(length, ':') + 1, NULL, 10) : -1;
    printf("%.*s\n", (int)strcspn(head, "\r"), head);
    while (left != 0) {
        size_t want = left > 0 && left < (long)sizeof piece ? (size_t)left : sizeof piece;
        ssize_t n = read_some(fd, piece, want);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        fwrite(piece, 1, (size_t)n, stdout);
        left -= left > 0 ? n : 0;
    }
    putchar('\n');
    if (left > 0)
        fprintf(stderr, "drip: the answer is %ld bytes short\n", left);
    return left > 0 ? -1 : 0;
}
