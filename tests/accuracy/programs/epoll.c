/* One thread, non-blocking sockets, a timerfd for each client. Without a third argument each request opens an upstream
 * connection of its own; with one, so many are kept open, and calls wait in a queue for a free one. */
#include "serving.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

enum { FD_COUNT = 4096 };
enum kind { LISTENER, CLIENT, UPSTREAM, TIMER };

/* What a descriptor is for. A client has one request at a time. */
struct slot {
    enum kind kind;
    int client;   /* UPSTREAM, TIMER: for whom; an upstream connection that is free has -1 */
    int timer;    /* CLIENT */
    int upstream; /* CLIENT: the request's own connection, or -1 */
    long number;  /* CLIENT: of its request */
    char what;    /* CLIENT: the call that is due, 'a' or 'b' */
};

static struct slot g_slots[FD_COUNT];
static int g_epoll, g_upstream_port, g_pool_size;
static int g_pool[FD_COUNT];
static int g_queue[FD_COUNT];
static unsigned g_queue_first, g_queue_end;

static struct slot *watch(int fd, enum kind kind, unsigned events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };

    must(epoll_ctl(g_epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    g_slots[fd] = (struct slot){ .kind = kind, .client = -1, .timer = -1, .upstream = -1 };
    return &g_slots[fd];
}

static void send_for(int upstream, int client)
{
    g_slots[upstream].client = client;
    call_send(upstream, g_slots[client].number, (char[]){ g_slots[client].what, 0 });
}

/* own_connect - begin a connection; the call is made when it stands. */
static int own_connect(int client)
{
    struct sockaddr_in address = local_address(g_upstream_port);
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");

    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS)
        must(-1, "connect");
    watch(fd, UPSTREAM, EPOLLOUT)->client = client;
    return fd;
}

static int pool_find(void)
{
    for (int i = 0; i < g_pool_size; i++)
        if (g_slots[g_pool[i]].client < 0)
            return g_pool[i];
    return -1;
}

/* call_begin - make the call that is due for @client, or see to it that it will be made. */
static void call_begin(int client)
{
    int free_one = g_pool_size ? pool_find() : g_slots[client].upstream;

    if (free_one >= 0)
        send_for(free_one, client);
    else if (g_pool_size)
        g_queue[g_queue_end++ % FD_COUNT] = client;
    else
        g_slots[client].upstream = own_connect(client);
}

/* call_end - the call has its answer: wait for the second, or answer. */
static void call_end(int client)
{
    struct slot *slot = &g_slots[client];

    if (slot->what == 'a') {
        struct itimerspec delay = { .it_value.tv_nsec = 1 + random() % 5000000 };
        must(timerfd_settime(slot->timer, 0, &delay, NULL), "timerfd_settime");
        return;
    }
    if (slot->upstream >= 0)
        close(slot->upstream);
    slot->upstream = -1;
    answer_send(client, slot->number);
}

static void listener_ready(int fd)
{
    int client = must(accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), "accept4");
    int timer = must(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd_create");

    watch(client, CLIENT, EPOLLIN)->timer = timer;
    watch(timer, TIMER, EPOLLIN)->client = client;
}

static void client_ready(int fd)
{
    char text[MESSAGE_SIZE];

    if (!message_read(fd, text)) {
        close(g_slots[fd].timer);
        close(fd);
        return;
    }
    g_slots[fd].number = request_number(text);
    g_slots[fd].what = 'a';
    call_begin(fd);
}

static void timer_ready(int fd)
{
    unsigned long count;
    int client = g_slots[fd].client;

    must((int)read(fd, &count, sizeof(count)), "read");
    g_slots[client].what = 'b';
    call_begin(client);
}

static void upstream_ready(int fd, unsigned events)
{
    char text[MESSAGE_SIZE];
    int client = g_slots[fd].client;

    if (events & EPOLLOUT) {
        struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
        must(epoll_ctl(g_epoll, EPOLL_CTL_MOD, fd, &event), "epoll_ctl");
        send_for(fd, client);
        return;
    }
    if (!message_read(fd, text))
        must(-1, "the upstream server has closed");
    if (g_pool_size) {
        g_slots[fd].client = -1;
        if (g_queue_first != g_queue_end)
            send_for(fd, g_queue[g_queue_first++ % FD_COUNT]);
    }
    call_end(client);
}

static void ready(int fd, unsigned events)
{
    switch (g_slots[fd].kind) {
    case LISTENER:
        listener_ready(fd);
        break;
    case CLIENT:
        client_ready(fd);
        break;
    case TIMER:
        timer_ready(fd);
        break;
    case UPSTREAM:
        upstream_ready(fd, events);
        break;
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[64];

    if (argc < 3)
        return 2;
    g_epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    g_upstream_port = atoi(argv[2]);
    g_pool_size = argc > 3 ? atoi(argv[3]) : 0;
    for (int i = 0; i < g_pool_size; i++) {
        g_pool[i] = local_connect(g_upstream_port);
        watch(g_pool[i], UPSTREAM, EPOLLIN);
    }
    watch(local_listen(atoi(argv[1])), LISTENER, EPOLLIN);
    for (;;) {
        int count = must(epoll_wait(g_epoll, events, 64, -1), "epoll_wait");
        for (int i = 0; i < count; i++)
            ready(events[i].data.fd, events[i].events);
    }
}
