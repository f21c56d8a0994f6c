/* A descriptor that is closed past libc, and whose number is then something else. */
#include "harmless.h"

static void close_raw(int fd)
{
    TRY(raw_call(SYS_close, fd, 0, 0));
}

static void close_syscall(int fd)
{
    TRY(syscall(SYS_close, fd));
}

/* All that comes, as it comes: nothing is taken out. */
static void all_print(const char *label, int fd)
{
    char bytes[1000];
    ssize_t len = read(fd, bytes, sizeof bytes);
    printf("%s: %zd bytes, crc %08x\n", label, len, crc32_add(0, bytes, len > 0 ? (size_t)len : 0));
}

static void as_file(int fd)
{
    TRY(open("file", O_RDWR | O_CREAT | O_TRUNC, 0600) == fd);
    TRY(write(fd, GET, STR_LEN(GET)));
    TRY(write(fd, "\r\n\r\n", 4));
    TRY(lseek(fd, 0, SEEK_SET));
    all_print("file", fd);
    TRY(read(fd, NULL, 0));
    close(fd);
}

static void as_pipe(int fd)
{
    int ends[2];
    TRY(pipe(ends));
    TRY(dup2(ends[1], 40));
    TRY(ends[0] == fd || ends[1] == fd);
    TRY(write(ends[1], GET, STR_LEN(GET)));
    TRY(write(ends[1], "\r\n", 2));
    all_print("pipe", ends[0]);
    close(ends[0]);
    close(ends[1]);
    close(40);
}

static void as_socketpair(int fd)
{
    int pair[2];
    pair_unix(pair);
    int first = pair[1] == fd; /* before anything was read from it */
    TRY(pair[first] == fd);
    for (int i = 0; i < 2; i++) {
        TRY(write(pair[i ^ first], "Name: value\r\n\r\nno HTTP\r\n\r\n", 26));
        all_print("socketpair", pair[!(i ^ first)]);
    }
    pair_close(pair);
}

static void as_socket(int fd)
{
    struct sockaddr_in address;
    int listener = listen_any(&address);
    if (listener == fd) { /* a listener where a connection was */
        TRY(write(listener, "\r\n\r\n", 4));
        TRY(recv(listener, &address, 1, MSG_DONTWAIT));
    }
    int client = socket(AF_INET, SOCK_STREAM, 0);
    TRY(write(client, "\r\n", 2));
    TRY(connect(client, (struct sockaddr *)&address, sizeof address));
    int server = accept(listener, NULL, NULL);
    int pair[2] = {client, server};
    pair_talk(pair);
    pair_close(pair);
    close(listener);
}

static void as_datagrams(int fd)
{
    int pair[2];
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    TRY(pair[0] == fd || pair[1] == fd);
    for (int i = 0; i < 2; i++) {
        int from = i ^ (pair[1] == fd);
        TRY(write(pair[from], "Name: value\r\n\r\n", 15));
        all_print("datagram", pair[!from]);
    }
    pair_close(pair);
}

int main(void)
{
    static void (*const closers[])(int) = {close_raw, close_syscall};
    static void (*const uses[])(int) = {as_file,   as_pipe,      as_socketpair, as_socket,
                                        as_datagrams};
    static const size_t cuts[] = {0, 10, 24, STR_LEN(GET) - 2, STR_LEN(GET)};
    harmless_begin();
    for (size_t i = 0; i < COUNT_OF(closers); i++)
        for (size_t j = 0; j < COUNT_OF(uses); j++)
            for (size_t k = 0; k < COUNT_OF(cuts); k++) {
                int pair[2];
                pair_tcp(pair);
                printf("closed in way %zu, used in way %zu, after %zu bytes\n", i, j, cuts[k]);
                if (cuts[k])
                    TRY(write(pair[0], GET, cuts[k]));
                closers[i](pair[0]);
                uses[j](pair[0]);
                close(pair[1]);
            }
    fds_print("at last", true);
    return 0;
}
