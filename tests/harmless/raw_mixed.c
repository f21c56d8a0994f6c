/* A program that uses libc's calls and system calls past libc on the same sockets. */
#include "harmless.h"

static int connecting(void)
{
    struct sockaddr_in address;
    close(listen_any(&address));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd wait = {fd, POLLOUT, 0};
    TRY(connect(fd, (struct sockaddr *)&address, sizeof address));
    TRY(poll(&wait, 1, 1000));
    return fd;
}

/* The number goes on under another name, which asks what became of it. */
static void error_for_a_copy(void)
{
    int error = -1, fd = connecting(), copy = (int)raw_call(SYS_dup, fd, 0, 0);
    socklen_t len = sizeof error;
    close(fd);
    TRY(getsockopt(copy, SOL_SOCKET, SO_ERROR, &error, &len));
    printf("%s\n", error ? errno_word(error) : "0");
    close(copy);
}

static void other_socket_under_a_number(size_t cut)
{
    int old[2], pair[2];
    char bytes[300];
    pair_tcp(old);
    pair_unix(pair);
    TRY(write(old[0], GET, cut));
    TRY(raw_call(SYS_dup2, pair[0], old[0], 0) == old[0]);
    TRY(write(old[0], "Name: value\r\n\r\n", 15));
    ssize_t len = read(pair[1], bytes, sizeof bytes);
    printf("%zd bytes, crc %08x\n", len, crc32_add(0, bytes, len > 0 ? (size_t)len : 0));
    pair_close(old);
    pair_close(pair);
}

static void end_of_a_head(void)
{
    static const char head[] = "POST / HTTP/1.1\r\nContent-Length: 20\r\n", end[] = "Host: peer\r\n\r\n",
                      body[] = "Name: value\r\n\r\n12345";
    int pair[2];
    char bytes[300];
    pair_tcp(pair);
    TRY(write(pair[0], head, STR_LEN(head)));
    TRY(raw_call(SYS_write, pair[0], (long)end, STR_LEN(end)));
    TRY(write(pair[0], body, STR_LEN(body)));
    ssize_t len = read(pair[1], bytes, sizeof bytes);
    printf("%zd bytes, crc %08x\n", len, crc32_add(0, bytes, len > 0 ? (size_t)len : 0));
    pair_close(pair);
}

int main(void)
{
    harmless_begin();
    error_for_a_copy();
    other_socket_under_a_number(20);
    other_socket_under_a_number(24);
    other_socket_under_a_number(STR_LEN(GET));
    end_of_a_head();
    return 0;
}
