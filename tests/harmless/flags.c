/* What the flags of send and recv mean, on sockets that talk HTTP. */
#include "harmless.h"

#include <linux/errqueue.h>

enum { BIG_LEN = 100000 };

static void receiving(bool is_tcp)
{
    int pair[2];
    char bytes[200];
    pair_make(pair, is_tcp);
    pair_talk(pair);
    TRY(recv(pair[0], bytes, 10, MSG_DONTWAIT));
    TRY(recv(pair[0], bytes, 0, MSG_DONTWAIT));
    write_all(pair[1], "0123456789", 10);
    TRY(recv(pair[0], bytes, 4, MSG_PEEK));
    TRY(recv(pair[0], bytes, 100, MSG_PEEK | MSG_DONTWAIT));
    TRY(recv(pair[0], bytes, 4, MSG_WAITALL));
    TRY(recv(pair[0], bytes, 3, is_tcp ? MSG_TRUNC : 0));
    TRY(recv(pair[0], bytes, 100, MSG_WAITALL | MSG_DONTWAIT));
    write_all(pair[1], ANSWER, STR_LEN(ANSWER)); /* nobody asked */
    TRY(recv(pair[0], bytes, 100, 0));
    write_all(pair[0], GET, STR_LEN(GET));
    write_all(pair[1], ANSWER, STR_LEN(ANSWER));
    TRY(recv(pair[0], bytes, 17, MSG_PEEK));
    TRY(recv(pair[0], NULL, 17, is_tcp ? MSG_TRUNC : MSG_PEEK));
    TRY(recv(pair[0], bytes, 100, 0));
    printf("%.10s\n", bytes);
    shutdown(pair[1], SHUT_WR);
    TRY(recv(pair[0], bytes, 100, MSG_WAITALL));
    TRY(recv(pair[0], bytes, 100, MSG_PEEK));
    TRY(recv(pair[0], bytes, 100, MSG_ERRQUEUE));
    TRY(recv(pair[0], bytes, 100, MSG_OOB));
    pair_close(pair);
}

static void waiting_for_all(void)
{
    int pair[2];
    char bytes[1000];
    pair_tcp(pair);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 10; i++) {
            write_all(pair[1], "0123456789", 10);
            usleep(2000);
        }
        _exit(0);
    }
    TRY(recv(pair[0], bytes, 100, MSG_WAITALL));
    child_print("child", child);
    struct timeval patience = {0, 120000};
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    write_all(pair[1], "0123456789", 10);
    long begin = now_ms();
    TRY(recv(pair[0], bytes, 100, MSG_WAITALL));
    printf("%s\n", time_class(begin));
    pair_close(pair);
}

/* Out-of-band bytes between and within requests. */
static void out_of_band(bool is_inline)
{
    int pair[2], on = 1;
    char bytes[1000];
    pair_tcp(pair);
    if (is_inline)
        setsockopt(pair[1], SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    TRY(send(pair[0], GET, 20, 0));
    TRY(send(pair[0], "!", 1, MSG_OOB));
    TRY(send(pair[0], GET + 20, STR_LEN(GET) - 20, 0));
    size_t want = STR_LEN(GET) + is_inline;
    size_t len = 0;
    struct pollfd wait = {pair[1], POLLIN | POLLPRI, 0};
    TRY(poll(&wait, 1, 1000));
    TRY((wait.revents & POLLPRI) != 0);
    if (!is_inline) {
        TRY(recv(pair[1], bytes, 5, MSG_OOB));
        printf("%c\n", bytes[0]);
    }
    for (ssize_t n; len < want && (n = recv(pair[1], bytes + len, sizeof bytes - len, 0)) > 0;)
        len = injected_strip(bytes, len + (size_t)n, true);
    printf("%zu bytes, crc %08x\n", len, crc32_add(0, bytes, len));
    TRY(send(pair[0], GET, STR_LEN(GET), MSG_OOB)); /* all but the last in the stream */
    TRY(send(pair[0], GET, STR_LEN(GET), 0));
    peer_print("then", pair[1], 2 * STR_LEN(GET) - !is_inline);
    pair_close(pair);
}

static void sending(bool is_tcp)
{
    static char big[BIG_LEN];
    int pair[2];
    struct iovec iov[2] = {{(char *)GET, 10}, {(char *)GET + 10, STR_LEN(GET) - 10}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    pair_make(pair, is_tcp);
    TRY(send(pair[0], GET, 20, MSG_MORE));
    TRY(send(pair[0], GET + 20, STR_LEN(GET) - 20, MSG_MORE | MSG_DONTWAIT));
    TRY(send(pair[0], GET, STR_LEN(GET), MSG_NOSIGNAL | MSG_DONTROUTE));
    TRY(sendmsg(pair[0], &message, MSG_NOSIGNAL | MSG_CONFIRM));
    TRY(send(pair[0], GET, STR_LEN(GET), MSG_EOR));
    TRY(send(pair[0], GET, STR_LEN(GET), 0x40000000));
    TRY(send(pair[0], GET, STR_LEN(GET), MSG_ERRQUEUE));
    peer_print("requests", pair[1], STR_LEN(GET) * (is_tcp ? 6 : 4));
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    ssize_t sent;
    while ((sent = send(pair[0], big, sizeof big, 0)) > 0)
        ;
    TRY(sent);
    TRY(send(pair[0], GET, STR_LEN(GET), 0));
    TRY(write(pair[0], GET, STR_LEN(GET)));
    TRY(writev(pair[0], iov, 2));
    TRY(sendmsg(pair[0], &message, 0));
    pair_close(pair);
}

static void zero_copy(bool has_head_before)
{
    static char body[BIG_LEN];
    int pair[2], on = 1;
    char head[100];
    struct drain drain;
    pair_tcp(pair);
    TRY(setsockopt(pair[0], SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on));
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)(i * 31 >> 3);
    drain_begin(&drain, pair[1], 1 << 20);
    int len = snprintf(head, sizeof head, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", sizeof body);
    if (has_head_before)
        TRY(send(pair[0], head, (size_t)len, 0));
    else
        TRY(send(pair[0], head, (size_t)len, MSG_ZEROCOPY));
    for (size_t at = 0; at < sizeof body;) {
        ssize_t sent = send(pair[0], body + at, sizeof body - at, MSG_ZEROCOPY);
        MUST(sent > 0);
        at += (size_t)sent;
    }
    TRY(send(pair[0], GET, STR_LEN(GET), 0));
    TRY(send(pair[0], GET, STR_LEN(GET), MSG_ZEROCOPY));
    shutdown(pair[0], SHUT_WR);
    drain_print("zero copy", &drain);
    /* How many calls the kernel has numbered. */
    unsigned last = 0;
    for (int i = 0; i < 100; i++) {
        char control[200];
        struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
        if (recvmsg(pair[0], &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            usleep(200);
            continue;
        }
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        const struct sock_extended_err *error = (void *)CMSG_DATA(header);
        if (error->ee_origin == SO_EE_ORIGIN_ZEROCOPY && error->ee_data > last)
            last = error->ee_data;
    }
    printf("the last notified one is %u\n", last);
    pair_close(pair);
}

static void fast_open(bool by_message, bool is_nonblocking)
{
    struct sockaddr_in address;
    int listener = listen_any(&address), value = 16;
    setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &value, sizeof value);
    for (int i = 0; i < 3; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | (is_nonblocking ? SOCK_NONBLOCK : 0), 0);
        struct iovec iov = {(char *)GET, STR_LEN(GET)};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &address,
                                 .msg_namelen = sizeof address};
        errno = 0;
        ssize_t sent = by_message ? sendmsg(fd, &message, MSG_FASTOPEN)
                                  : sendto(fd, GET, STR_LEN(GET), MSG_FASTOPEN,
                                           (struct sockaddr *)&address, sizeof address);
        printf("fast open: %zd %s\n", sent, sent < 0 ? errno_word(errno) : "");
        int server = accept(listener, NULL, NULL);
        if (sent < 0) {
            struct pollfd wait = {fd, POLLOUT, 0};
            TRY(poll(&wait, 1, 1000));
            TRY(send(fd, GET, STR_LEN(GET), 0));
        }
        peer_print("request", server, STR_LEN(GET));
        write_all(server, ANSWER, STR_LEN(ANSWER));
        peer_print("answer", fd, STR_LEN(ANSWER));
        TRY(sendto(fd, GET, STR_LEN(GET), 0, (struct sockaddr *)&address, sizeof address));
        close(fd);
        close(server);
    }
    close(listener);
}

int main(void)
{
    harmless_begin();
    receiving(true);
    receiving(false);
    waiting_for_all();
    out_of_band(false);
    out_of_band(true);
    sending(true);
    sending(false);
    zero_copy(true);
    zero_copy(false);
    for (int i = 0; i < 4; i++)
        fast_open(i & 1, i & 2);
    return 0;
}
