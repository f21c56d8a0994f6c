/* A thread that is cancelled in each cancellation point that a socket has: where it was cancelled, what its
 * cleanup could do, and what the socket is good for afterwards. */
#include "harmless.h"

#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/msg.h>

static int g_pair[2], g_listener, g_pipe[2], g_messages;
static mqd_t g_queue;
static struct sockaddr_in g_address;
static char g_much[1 << 20];

static struct iovec g_iov = {g_much, sizeof g_much}, g_room = {g_much, 100};
static struct msghdr g_send = {.msg_iov = &g_iov, .msg_iovlen = 1};
static struct msghdr g_receive = {.msg_iov = &g_room, .msg_iovlen = 1};

static void in_read(void) { TRY(read(g_pair[0], g_much, 100)); }
static void in_readv(void) { TRY(readv(g_pair[0], &g_room, 1)); }
static void in_recv(void) { TRY(recv(g_pair[0], g_much, 100, 0)); }
static void in_recvfrom(void) { TRY(recvfrom(g_pair[0], g_much, 100, 0, NULL, NULL)); }
static void in_recvmsg(void) { TRY(recvmsg(g_pair[0], &g_receive, 0)); }
static void in_recvmmsg(void)
{
    struct mmsghdr messages = {.msg_hdr = g_receive};
    TRY(recvmmsg(g_pair[0], &messages, 1, 0, NULL));
}
static void in_write(void) { TRY(write(g_pair[1], g_much, sizeof g_much) > 0); }
static void in_writev(void) { TRY(writev(g_pair[1], &g_iov, 1) > 0); }
static void in_send(void) { TRY(send(g_pair[1], g_much, sizeof g_much, 0) > 0); }
static void in_sendto(void) { TRY(sendto(g_pair[1], g_much, sizeof g_much, 0, NULL, 0) > 0); }
static void in_sendmsg(void) { TRY(sendmsg(g_pair[1], &g_send, 0) > 0); }
static void in_sendmmsg(void)
{
    struct mmsghdr messages = {.msg_hdr = g_send};
    TRY(sendmmsg(g_pair[1], &messages, 1, 0));
}
static void in_accept(void) { TRY(accept(g_listener, NULL, NULL)); }
static void in_accept4(void) { TRY(accept4(g_listener, NULL, NULL, SOCK_CLOEXEC)); }
static void in_poll(void)
{
    struct pollfd wait = {g_pair[0], POLLIN, 0};
    TRY(poll(&wait, 1, -1));
}
static void in_ppoll(void)
{
    struct pollfd wait = {g_pair[0], POLLIN, 0};
    TRY(ppoll(&wait, 1, NULL, NULL));
}
static void in_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(g_pair[0], &set);
    TRY(select(g_pair[0] + 1, &set, NULL, NULL, NULL));
}
static void in_pselect(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(g_pair[0], &set);
    TRY(pselect(g_pair[0] + 1, &set, NULL, NULL, NULL, NULL));
}
static void in_epoll(void)
{
    struct epoll_event event;
    int fd = epoll_create1(0);
    TRY(epoll_wait(fd, &event, 1, -1));
}
static void in_splice(void) { TRY(splice(g_pair[0], NULL, g_pipe[1], NULL, 100, 0)); }
static void in_mq_receive(void) { TRY(mq_receive(g_queue, g_much, sizeof g_much, NULL)); }
static void in_mq_timedreceive(void)
{
    TRY(mq_timedreceive(g_queue, g_much, sizeof g_much, NULL, &(struct timespec){.tv_sec = LONG_MAX}));
}
static void queue_fill(void)
{
    MUST(mq_send(g_queue, "full", 4, 0) == 0);
}
static void in_mq_send(void)
{
    queue_fill();
    TRY(mq_send(g_queue, "more", 4, 0));
}
static void in_mq_timedsend(void)
{
    queue_fill();
    TRY(mq_timedsend(g_queue, "more", 4, 0, &(struct timespec){.tv_sec = LONG_MAX}));
}
static void in_msgrcv(void) { TRY(msgrcv(g_messages, g_much, 100, 0, 0)); }
static void in_msgsnd(void)
{
    *(long *)g_much = 1;
    while (msgsnd(g_messages, g_much, 1000, IPC_NOWAIT) == 0)
        ;
    TRY(msgsnd(g_messages, g_much, 1000, 0));
}
/* These do not wait: a cancellation that is pending is taken at once, or not at all. */
static void in_connect(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    TRY(connect(fd, (struct sockaddr *)&g_address, sizeof g_address));
}
static void in_close(void) { TRY(close(dup(g_pair[0])) == 0); }
static void in_socket(void) { TRY(close(socket(AF_INET, SOCK_STREAM, 0)) == 0); }
static void in_dup(void) { TRY(dup2(g_pair[0], 90)); }
static void in_shutdown(void) { TRY(shutdown(g_listener, 77)); }
static void in_getsockopt(void)
{
    int value;
    socklen_t len = sizeof value;
    TRY(getsockopt(g_pair[0], SOL_SOCKET, SO_ERROR, &value, &len));
}
static void in_close_range(void) { TRY(close_range(90, 90, 0)); }
static void in_fcntl(void) { TRY(fcntl(g_pair[0], F_GETFD)); }
static void in_fcntl_dup(void) { TRY(fcntl(g_pair[0], F_DUPFD, 91)); }
static void in_syscall_close(void) { TRY(syscall(SYS_close, 91)); }
static void in_sendfile(void) { TRY(sendfile(g_pair[0], -1, NULL, 1)); }
static void in_small_write(void) { TRY(write(g_pair[0], GET, STR_LEN(GET))); }
static void in_small_send(void) { TRY(send(g_pair[0], GET, STR_LEN(GET), MSG_DONTWAIT)); }
static void in_small_sendmmsg(void)
{
    struct iovec iov = {(char *)GET, STR_LEN(GET)};
    struct mmsghdr messages = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
    TRY(sendmmsg(g_pair[0], &messages, 1, 0));
}
static void in_empty_send(void) { TRY(send(g_pair[0], "", 0, 0)); }

static const struct {
    const char *name;
    void (*call)(void);
    bool is_waiting;
} CALLS[] = {
    {"read", in_read, true},         {"readv", in_readv, true},
    {"recv", in_recv, true},         {"recvfrom", in_recvfrom, true},
    {"recvmsg", in_recvmsg, true},   {"recvmmsg", in_recvmmsg, true},
    {"write", in_write, true},       {"writev", in_writev, true},
    {"send", in_send, true},         {"sendto", in_sendto, true},
    {"sendmsg", in_sendmsg, true},   {"sendmmsg", in_sendmmsg, true},
    {"accept", in_accept, true},     {"accept4", in_accept4, true},
    {"poll", in_poll, true},         {"ppoll", in_ppoll, true},
    {"select", in_select, true},     {"pselect", in_pselect, true},
    {"epoll_wait", in_epoll, true},  {"splice", in_splice, true},
    {"mq_receive", in_mq_receive, true}, {"mq_timedreceive", in_mq_timedreceive, true},
    {"mq_send", in_mq_send, true},   {"mq_timedsend", in_mq_timedsend, true},
    {"msgrcv", in_msgrcv, true},     {"msgsnd", in_msgsnd, true},
    {"connect", in_connect, false},  {"close", in_close, false},
    {"socket", in_socket, false},    {"dup2", in_dup, false},
    {"shutdown", in_shutdown, false}, {"getsockopt", in_getsockopt, false},
    {"close_range", in_close_range, false}, {"fcntl", in_fcntl, false},
    {"fcntl F_DUPFD", in_fcntl_dup, false}, {"syscall close", in_syscall_close, false},
    {"sendfile", in_sendfile, false}, {"small write", in_small_write, false},
    {"small send", in_small_send, false}, {"small sendmmsg", in_small_sendmmsg, false},
    {"empty send", in_empty_send, false},
};

static pthread_barrier_t g_barrier;
static size_t g_call;

static void cleanup(void *argument)
{
    printf("  cleanup of %s\n", (const char *)argument);
}

static void *thread_run(void *argument)
{
    (void)argument;
    pthread_cleanup_push(cleanup, (void *)CALLS[g_call].name);
    if (CALLS[g_call].is_waiting) {
        pthread_barrier_wait(&g_barrier);
    } else {
        int before;
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
        pthread_barrier_wait(&g_barrier);
        pthread_barrier_wait(&g_barrier); /* the cancellation is pending now */
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    }
    CALLS[g_call].call();
    pthread_cleanup_pop(0);
    return NULL;
}

static void queues_make(void)
{
    char name[40];
    snprintf(name, sizeof name, "/cancel-%d", getpid());
    g_queue = mq_open(name, O_CREAT | O_RDWR, 0600, &(struct mq_attr){.mq_maxmsg = 1, .mq_msgsize = 10});
    g_messages = msgget(IPC_PRIVATE, 0600);
    MUST(g_queue >= 0 && g_messages >= 0);
    mq_unlink(name);
}

static void one(bool has_talked)
{
    pthread_t thread;
    void *result;
    pair_unix(g_pair);
    MUST(pipe(g_pipe) == 0);
    queues_make();
    g_listener = listen_any(&g_address);
    if (has_talked)
        pair_talk(g_pair);
    pthread_barrier_init(&g_barrier, NULL, 2);
    MUST(pthread_create(&thread, NULL, thread_run, NULL) == 0);
    pthread_barrier_wait(&g_barrier);
    if (CALLS[g_call].is_waiting)
        usleep(3000); /* it waits in the call by now; if not, it is cancelled on entry, with the same end */
    pthread_cancel(thread);
    if (!CALLS[g_call].is_waiting)
        pthread_barrier_wait(&g_barrier);
    pthread_join(thread, &result);
    printf("%s: %s\n", CALLS[g_call].name, result == PTHREAD_CANCELED ? "cancelled" : "ended");
    /* What was sent in part is of no known length: the other direction must work. */
    TRY(send(g_pair[0], GET, STR_LEN(GET), MSG_DONTWAIT));
    close(90);
    close(91);
    pair_close(g_pair);
    close(g_listener);
    close(g_pipe[0]);
    close(g_pipe[1]);
    mq_close(g_queue);
    msgctl(g_messages, IPC_RMID, NULL);
}

int main(void)
{
    harmless_begin();
    for (g_call = 0; g_call < COUNT_OF(CALLS); g_call++) {
        one(false);
        one(true);
    }
    return 0;
}
