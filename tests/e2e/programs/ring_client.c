/* ring_client PORT COUNT [DIRECTORY] - COUNT requests, a connection each; says how many were answered.
 * With DIRECTORY: goes on until there is a file "stop" in it, and after each 100 writes the number of
 * answers to "answers". */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool ask(int port, int number)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[512];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool is_answered = false;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        int len = snprintf(text, sizeof text, "GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n", number);
        ssize_t got = write(fd, text, (size_t)len) == len ? read(fd, text, sizeof text - 1) : -1;
        is_answered = got > 15 && memcmp(text, "HTTP/1.1 200 OK", 15) == 0;
        while (got > 0)
            got = read(fd, text, sizeof text);
    }
    close(fd);
    return is_answered;
}

static void progress_write(const char *directory, int answered, int asked)
{
    char path[4096], next[4096];
    snprintf(path, sizeof path, "%s/answers", directory);
    snprintf(next, sizeof next, "%s/answers.next", directory);
    FILE *file = fopen(next, "w");
    fprintf(file, "%d %d\n", answered, asked);
    fclose(file);
    rename(next, path);
}

int main(int argc, char **argv)
{
    int port = atoi(argv[1]), count = atoi(argv[2]), answered = 0, asked = 0;
    char stop[4096] = "";
    if (argc > 3)
        snprintf(stop, sizeof stop, "%s/stop", argv[3]);
    while (argc > 3 ? access(stop, F_OK) < 0 : asked < count) {
        answered += ask(port, asked++);
        if (argc > 3 && asked % 100 == 0)
            progress_write(argv[3], answered, asked);
    }
    if (argc > 3)
        progress_write(argv[3], answered, asked);
    printf("%d of %d\n", answered, asked);
    return answered != asked;
}
