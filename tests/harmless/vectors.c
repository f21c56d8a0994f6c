/* Calls that take lists: of none, of many, of too many; with control data; and bad addresses. */
#include "harmless.h"

/* The compiler is not to know these. */
static void *volatile g_nowhere = (void *)0x10;
static volatile int g_less_than_none = -1;

static char g_head[8192];

/* A head cut into as many pieces. */
static size_t head_cut(struct iovec *iov, size_t count)
{
    int len = snprintf(g_head, sizeof g_head, "GET / HTTP/1.1\r\nHost: peer\r\nX-Long: %05000d\r\n\r\n", 7);
    for (size_t i = 0; i < count; i++) {
        size_t from = i * (size_t)len / count, to = (i + 1) * (size_t)len / count;
        iov[i] = (struct iovec){g_head + from, to - from};
    }
    return (size_t)len;
}

static void many_pieces(bool is_tcp)
{
    static const size_t counts[] = {1, 2, 15, 16, 17, 100, 1021, 1022, 1023, 1024, 1025, 5000};
    static struct iovec iov[5000];
    int pair[2];
    pair_make(pair, is_tcp);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        size_t len = head_cut(iov, counts[i]), want = 0;
        struct msghdr message = {.msg_iov = iov, .msg_iovlen = counts[i]};
        struct mmsghdr messages[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
        printf("%zu pieces\n", counts[i]);
        TRY(writev(pair[0], iov, (int)counts[i]));
        TRY(sendmsg(pair[0], &message, 0));
        TRY(sendmmsg(pair[0], messages, 2, 0));
        printf("%u %u\n", messages[0].msg_len, messages[1].msg_len);
        want = counts[i] > 1024 ? 0 : 4 * len;
        if (want)
            peer_print("requests", pair[1], want);
        write_all(pair[1], ANSWER, STR_LEN(ANSWER));
        TRY(readv(pair[0], iov, counts[i] > 1024 ? (int)counts[i] : 1) > 0);
        char rest[100];
        while (recv(pair[0], rest, sizeof rest, MSG_DONTWAIT) > 0)
            ;
    }
    pair_close(pair);
}

static void none_and_empty(int fd)
{
    struct iovec iov[4] = {{0}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 4};
    struct mmsghdr messages = {.msg_hdr = message};
    TRY(writev(fd, iov, 0));
    TRY(writev(fd, NULL, 0));
    TRY(writev(fd, iov, 4));
    TRY(writev(fd, iov, g_less_than_none));
    TRY(sendmsg(fd, &message, 0));
    message.msg_iovlen = 0;
    TRY(sendmsg(fd, &message, 0));
    message.msg_iov = NULL;
    TRY(sendmsg(fd, &message, 0));
    TRY(sendmmsg(fd, &messages, 1, 0));
    TRY(sendmmsg(fd, &messages, 0, 0));
    TRY(sendmmsg(fd, NULL, 0, 0));
    TRY(recvmmsg(fd, NULL, 0, MSG_DONTWAIT, NULL));
    TRY(readv(fd, iov, 0));
    TRY(recvmsg(fd, &message, MSG_DONTWAIT));
}

static void bad_addresses(int fd)
{
    struct iovec iov[2] = {{(char *)GET, STR_LEN(GET)}, {g_nowhere, 5}};
    struct iovec whole_space = {(char *)GET, SIZE_MAX}, half = {(char *)GET, (size_t)SSIZE_MAX + 1};
    struct msghdr message = {.msg_iov = g_nowhere, .msg_iovlen = 1};
    struct mmsghdr messages = {.msg_hdr = message};
    TRY(send(fd, NULL, 5, 0));
    TRY(send(fd, g_nowhere, 5, 0));
    TRY(write(fd, (void *)-1, 5));
    TRY(writev(fd, g_nowhere, 2));
    TRY(sendmsg(fd, NULL, 0));
    TRY(sendmsg(fd, g_nowhere, 0));
    TRY(sendmsg(fd, &message, 0));
    TRY(sendmmsg(fd, g_nowhere, 2, 0));
    TRY(sendmmsg(fd, &messages, 1, 0));
    TRY(writev(fd, iov + 1, 1));
    TRY(writev(fd, &half, 1));
    TRY(writev(fd, &whole_space, 1));
    TRY(recv(fd, g_nowhere, 5, MSG_DONTWAIT));
    TRY(recvmsg(fd, g_nowhere, MSG_DONTWAIT));
    TRY(recvmsg(fd, NULL, MSG_DONTWAIT));
    TRY(readv(fd, g_nowhere, 1));
    TRY(recvmmsg(fd, g_nowhere, 1, MSG_DONTWAIT, NULL));
    TRY(accept(fd, g_nowhere, g_nowhere));
    TRY(getsockopt(fd, SOL_SOCKET, SO_ERROR, g_nowhere, g_nowhere));
    TRY(poll(g_nowhere, 1, 0));
}

/* Counts that no list has: the kernel looks at the count first. */
static void false_counts(int fd)
{
    char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(memory + 4096, 4096, PROT_NONE);
    struct iovec *iov = (struct iovec *)(memory + 4096) - 1;
    *iov = (struct iovec){(char *)GET, STR_LEN(GET)};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 1UL << 20};
    struct mmsghdr *messages = (struct mmsghdr *)(memory + 4096 - 128) - 1;
    messages->msg_hdr = message;
    TRY(sendmsg(fd, &message, 0));
    TRY(writev(fd, iov, 1 << 20));
    TRY(readv(fd, iov, 1 << 20));
    TRY(sendmmsg(fd, messages, 1, 0));
    TRY(recvmsg(fd, &message, MSG_DONTWAIT));
    munmap(memory, 8192);
}

static void control_data(void)
{
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr header;
    } control;
    int pair[2], on = 1;
    pair_unix(pair);
    setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    struct iovec iov = {(char *)GET, STR_LEN(GET)};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct ucred self = {getpid(), getuid(), getgid()};
    for (int i = 0; i < 3; i++) {
        control.header = (struct cmsghdr){CMSG_LEN(sizeof self), SOL_SOCKET, SCM_CREDENTIALS};
        memcpy(CMSG_DATA(&control.header), &self, sizeof self);
        TRY(sendmsg(pair[0], &message, 0));
        char bytes[500];
        struct iovec in = {bytes, sizeof bytes};
        struct msghdr got = {.msg_iov = &in, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
        ssize_t len = recvmsg(pair[1], &got, 0);
        struct ucred who = {0};
        if (CMSG_FIRSTHDR(&got))
            memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&got)), sizeof who);
        printf("%zu bytes, flags %#x, %s\n", len > 0 ? injected_strip(bytes, (size_t)len, true) : 0,
               got.msg_flags, who.pid == self.pid ? "from us" : "from another");
    }
    control.header = (struct cmsghdr){5, SOL_SOCKET, SCM_RIGHTS}; /* too short to be one */
    TRY(sendmsg(pair[0], &message, 0));
    control.header = (struct cmsghdr){CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &(int){-1}, 4);
    TRY(sendmsg(pair[0], &message, 0));
    TRY(recv(pair[1], &on, 1, MSG_DONTWAIT));
    pair_close(pair);
}

int main(void)
{
    harmless_begin();
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        int pair[2];
        many_pieces(is_tcp);
        pair_make(pair, is_tcp);
        none_and_empty(pair[0]);
        bad_addresses(pair[0]);
        false_counts(pair[0]);
        pair_talk(pair);
        none_and_empty(pair[0]);
        bad_addresses(pair[0]);
        false_counts(pair[0]);
        pair_close(pair);
    }
    control_data();
    return 0;
}
