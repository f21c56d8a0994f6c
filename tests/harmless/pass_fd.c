/* Descriptors that come from elsewhere: passed over a socket, inherited, handed over by an activator. */
#include "harmless.h"

static ssize_t fd_send(int channel, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec iov = {"fd", 2};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return sendmsg(channel, &message, 0);
}

static int fd_receive(int channel)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    char bytes[10];
    int fd = -1;
    struct iovec iov = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    TRY(recvmsg(channel, &message, MSG_CMSG_CLOEXEC));
    printf("flags %#x, control of %zu\n", message.msg_flags, (size_t)message.msg_controllen);
    if (CMSG_FIRSTHDR(&message))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

/* A request that one process begins and another ends. */
static void passed_after(size_t cut)
{
    int channel[2], pair[2];
    pair_unix(channel);
    pair_tcp(pair);
    printf("passed after %zu bytes\n", cut);
    if (cut)
        TRY(write(pair[0], GET, cut));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(pair[0]);
        close(channel[0]);
        int fd = fd_receive(channel[1]);
        printf("as %s\n", fd >= 0 ? "another" : "nothing");
        if (cut < STR_LEN(GET))
            TRY(send(fd, GET + cut, STR_LEN(GET) - cut, 0));
        peer_print("answer in the child", fd, STR_LEN(ANSWER));
        fflush(stdout);
        _exit(3);
    }
    ssize_t sent = fd_send(channel[0], pair[0]);
    close(pair[0]);
    char bytes[1000];
    size_t len = peer_take(pair[1], bytes, sizeof bytes, STR_LEN(GET));
    write_all(pair[1], ANSWER, STR_LEN(ANSWER));
    child_print("child", child); /* which has said all it has to say */
    printf("sent %zd\n", sent);
    printf("request of %zu, crc %08x\n", len, crc32_add(0, bytes, len));
    close(pair[1]);
    pair_close(channel);
}

/* With a descriptor going along with the head itself. */
static void along_with_a_head(void)
{
    int pair[2], ends[2];
    pair_unix(pair);
    MUST(pipe(ends) == 0);
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec iov[2] = {{(char *)GET, 20}, {(char *)GET + 20, STR_LEN(GET) - 20}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = &control,
                             .msg_controllen = sizeof control};
    memcpy(CMSG_DATA(&control.header), &ends[1], sizeof(int));
    TRY(sendmsg(pair[0], &message, 0));
    char bytes[1000];
    struct iovec in = {bytes, sizeof bytes};
    struct msghdr got = {.msg_iov = &in, .msg_iovlen = 1, .msg_control = &control,
                         .msg_controllen = sizeof control};
    ssize_t len = recvmsg(pair[1], &got, 0);
    int fd = -1;
    if (CMSG_FIRSTHDR(&got))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&got)), sizeof fd);
    printf("head of %zu, flags %#x\n", injected_strip(bytes, (size_t)len, true), got.msg_flags);
    TRY(write(fd, "x", 1));
    TRY(read(ends[0], bytes, 10));
    TRY(recv(pair[1], bytes, 10, MSG_DONTWAIT));
    close(fd);
    close(ends[0]);
    close(ends[1]);
    pair_close(pair);
}

/* The program again, with sockets where it expects them. */
static int inherited(void)
{
    char bytes[1000];
    fds_print("inherited", true);
    size_t len = peer_take(0, bytes, sizeof bytes, STR_LEN(GET));
    fprintf(stderr, "on 0: %zu bytes\n", len);
    TRY(write(0, ANSWER, STR_LEN(ANSWER)));
    int fd = accept4(3, NULL, NULL, SOCK_CLOEXEC); /* as LISTEN_FDS=1 says */
    TRY(fd);
    len = peer_take(fd, bytes, sizeof bytes, STR_LEN(GET));
    fprintf(stderr, "on the activated one: %zu bytes\n", len);
    TRY(send(fd, ANSWER, STR_LEN(ANSWER), 0));
    TRY(read(5, bytes, 5));
    TRY(write(5, GET, STR_LEN(GET)));
    return 7;
}

static void activated(const char *self)
{
    struct sockaddr_in address;
    int pair[2], out[2], listener = listen_any(&address);
    pair_tcp(pair);
    pair_unix(out);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int high = fcntl(listener, F_DUPFD, 100), high_out = fcntl(out[1], F_DUPFD, 100);
        dup2(pair[1], 0);
        dup2(high, 3);
        dup2(high_out, 5);
        close(4);
        closefrom(6);
        setenv("LISTEN_FDS", "1", 1);
        execl(self, self, "inherited", (char *)NULL);
        _exit(98);
    }
    close(pair[1]);
    close(out[1]);
    write_all(out[0], "12345", 5);
    write_all(pair[0], GET, STR_LEN(GET));
    int client = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
    write_all(client, GET, STR_LEN(GET));
    child_print("child", child);
    peer_print("from 0", pair[0], STR_LEN(ANSWER));
    peer_print("from 3", client, STR_LEN(ANSWER));
    peer_print("from 5", out[0], STR_LEN(GET));
    close(client);
    close(listener);
    close(pair[0]);
    close(out[0]);
}

int main(int argc, char **argv)
{
    harmless_begin();
    if (argc > 1)
        return inherited();
    passed_after(0);
    passed_after(1);
    passed_after(30);
    passed_after(STR_LEN(GET));
    along_with_a_head();
    activated(argv[0]);
    fds_print("at last", true);
    return 0;
}
