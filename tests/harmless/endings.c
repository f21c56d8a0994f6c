/* How connections begin and end: refused, in progress, half closed, reset, timed out, never accepted. */
#include "harmless.h"

enum { TIMEOUT_US = 120000 };

static int error_of(int fd)
{
    int error = -1;
    socklen_t len = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return error;
}

#define ERROR_PRINT(fd)                                                                             \
    do {                                                                                            \
        int error_now = error_of(fd);                                                               \
        printf("SO_ERROR of %s: %s\n", #fd, error_now ? errno_word(error_now) : "0");               \
    } while (0)

static struct sockaddr_in closed_port(void)
{
    struct sockaddr_in address;
    close(listen_any(&address));
    return address;
}

static void refused(void)
{
    struct sockaddr_in address = closed_port();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    TRY(connect(fd, (struct sockaddr *)&address, sizeof address));
    ERROR_PRINT(fd);
    TRY(send(fd, GET, STR_LEN(GET), MSG_NOSIGNAL));
    TRY(recv(fd, &address, 1, 0));
    close(fd);
}

static int connecting_to(struct sockaddr_in address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd wait = {fd, POLLOUT, 0};
    TRY(connect(fd, (struct sockaddr *)&address, sizeof address));
    TRY(poll(&wait, 1, 1000));
    printf("revents %#x\n", (unsigned)wait.revents);
    return fd;
}

static void in_progress(void)
{
    struct sockaddr_in address;
    int listener = listen_any(&address), fd = connecting_to(address), server;
    TRY(connect(fd, (struct sockaddr *)&address, sizeof address));
    TRY(connect(fd, (struct sockaddr *)&address, sizeof address));
    ERROR_PRINT(fd);
    server = accept(listener, NULL, NULL);
    int pair[2] = {fd, server};
    fcntl(fd, F_SETFL, 0);
    pair_talk(pair);
    pair_close(pair);
    close(listener);
    fd = connecting_to(closed_port());
    ERROR_PRINT(fd);
    ERROR_PRINT(fd);
    TRY(connect(fd, (struct sockaddr *)&address, sizeof address) < 0);
    close(fd);
    fd = connecting_to(closed_port());
    TRY(send(fd, GET, STR_LEN(GET), MSG_NOSIGNAL));
    TRY(send(fd, GET, STR_LEN(GET), MSG_NOSIGNAL));
    ERROR_PRINT(fd);
    close(fd);
    fd = connecting_to(closed_port());
    TRY(recv(fd, &address, 1, 0));
    TRY(recv(fd, &address, 1, 0));
    close(fd);
}

/* One process has done with a connection that another still asks about. */
static void error_for_another_process(void)
{
    int fd = connecting_to(closed_port()), ends[2];
    char byte;
    MUST(pipe(ends) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (read(ends[0], &byte, 1) < 0) /* until the parent has closed it */
            _exit(1);
        ERROR_PRINT(fd);
        _exit(0);
    }
    close(fd);
    if (write(ends[1], "x", 1) < 0)
        exit(1);
    child_print("child", child);
    close(ends[0]);
    close(ends[1]);
}

static void half_closed(bool is_tcp)
{
    int pair[2];
    char bytes[200];
    pair_make(pair, is_tcp);
    TRY(send(pair[0], GET, STR_LEN(GET), 0));
    TRY(shutdown(pair[0], SHUT_WR));
    TRY(shutdown(pair[0], SHUT_WR));
    peer_print("request", pair[1], 1000);
    TRY(send(pair[1], ANSWER, STR_LEN(ANSWER), 0));
    TRY(shutdown(pair[1], SHUT_WR));
    TRY(recv(pair[0], bytes, sizeof bytes, 0));
    TRY(recv(pair[0], bytes, sizeof bytes, 0));
    TRY(recv(pair[1], bytes, sizeof bytes, 0));
    TRY(send(pair[1], ANSWER, STR_LEN(ANSWER), MSG_NOSIGNAL));
    TRY(shutdown(pair[0], SHUT_RDWR) <= 0);
    pair_close(pair);
}

static void reset(bool is_after_answer)
{
    struct linger at_once = {1, 0};
    int pair[2];
    char bytes[200];
    pair_tcp(pair);
    TRY(send(pair[0], GET, STR_LEN(GET), 0));
    if (is_after_answer)
        TRY(send(pair[1], ANSWER, 20, 0));
    setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    TRY(close(pair[1]));
    struct pollfd wait = {pair[0], POLLIN, 0};
    TRY(poll(&wait, 1, 1000));
    printf("revents %#x\n", (unsigned)wait.revents);
    TRY(recv(pair[0], bytes, sizeof bytes, 0));
    TRY(recv(pair[0], bytes, sizeof bytes, 0));
    TRY(send(pair[0], GET, STR_LEN(GET), MSG_NOSIGNAL));
    ERROR_PRINT(pair[0]);
    close(pair[0]);
}

static void timed_out(bool is_tcp)
{
    static char much[1 << 20];
    struct timeval patience = {0, TIMEOUT_US};
    int pair[2];
    char byte;
    pair_make(pair, is_tcp);
    pair_talk(pair);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    long begin = now_ms();
    TRY(recv(pair[0], &byte, 1, 0));
    printf("%s\n", time_class(begin));
    write_all(pair[0], GET, 30);
    while (send(pair[0], much, sizeof much, MSG_DONTWAIT) > 0)
        ;
    begin = now_ms();
    TRY(send(pair[0], GET, STR_LEN(GET), 0));
    printf("%s\n", time_class(begin));
    pair_close(pair);
}

/* Clients that are gone before they are accepted. */
static void never_accepted(bool is_unix, bool is_reset)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
    struct sockaddr_in address;
    struct linger at_once = {1, 0};
    char byte;
    int listener, client = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    if (is_unix) {
        unlink(name.sun_path);
        listener = socket(AF_UNIX, SOCK_STREAM, 0);
        MUST(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 5) == 0);
        TRY(connect(client, (struct sockaddr *)&name, sizeof name));
    } else {
        listener = listen_any(&address);
        TRY(connect(client, (struct sockaddr *)&address, sizeof address));
    }
    TRY(send(client, GET, STR_LEN(GET), 0));
    if (is_reset)
        setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(client);
    int server;
    TRY((server = accept(listener, NULL, NULL)));
    TRY(recv(server, &byte, 1, MSG_DONTWAIT));
    TRY(send(server, ANSWER, STR_LEN(ANSWER), MSG_NOSIGNAL) < 0);
    close(server);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    TRY(accept(listener, NULL, NULL));
    socklen_t len = 1;
    TRY(accept4(listener, (struct sockaddr *)&address, &len, 0));
    printf("%u\n", len);
    close(listener);
}

static void addresses(void)
{
    struct sockaddr_in address, peer;
    int listener = listen_any(&address);
    for (socklen_t room = 0; room <= sizeof peer; room += 4) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        socklen_t len = room;
        MUST(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
        memset(&peer, 0x55, sizeof peer);
        int server = accept(listener, (struct sockaddr *)&peer, &len);
        peer.sin_port = 0;
        printf("room %u: len %u, crc %08x\n", room, len,
               room < 4 ? crc32_add(0, &peer, sizeof peer) : crc32_add(0, &peer.sin_addr, 4));
        int pair[2] = {client, server};
        pair_talk(pair);
        pair_close(pair);
    }
    close(listener);
}

int main(void)
{
    harmless_begin();
    refused();
    in_progress();
    error_for_another_process();
    half_closed(true);
    half_closed(false);
    reset(false);
    reset(true);
    timed_out(true);
    timed_out(false);
    for (int i = 0; i < 4; i++)
        never_accepted(i & 1, i & 2);
    addresses();
    return 0;
}
