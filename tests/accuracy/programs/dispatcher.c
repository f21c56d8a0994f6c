/* The main thread reads requests (epoll), and hands each through a pipe to a worker, which calls and answers. */
#include "serving.h"
#include <pthread.h>
#include <sys/epoll.h>

struct job {
    int fd;
    long number;
};

static int g_upstream_port, g_pipe[2];

static void *work(void *unused)
{
    struct job job;
    int upstream = local_connect(g_upstream_port);

    while (read(g_pipe[0], &job, sizeof(job)) == sizeof(job))
        request_serve(job.fd, upstream, job.number);
    return unused;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

/* dispatch - take a request; a peer that closes has none that is being served. */
static void dispatch(int fd)
{
    char text[MESSAGE_SIZE];

    if (!message_read(fd, text)) {
        close(fd);
        return;
    }
    struct job job = { .fd = fd, .number = request_number(text) };
    must((int)write(g_pipe[1], &job, sizeof(job)), "write");
}

static void serve(int listener)
{
    struct epoll_event events[64];
    int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");

    watch(epoll, listener);
    for (;;) {
        int count = must(epoll_wait(epoll, events, 64, -1), "epoll_wait");
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                watch(epoll, must(accept(listener, NULL, NULL), "accept"));
            else
                dispatch(events[i].data.fd);
        }
    }
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc < 3)
        return 2;
    g_upstream_port = atoi(argv[2]);
    must(pipe(g_pipe), "pipe");
    int listener = local_listen(atoi(argv[1]));
    for (int i = 0; i < WORKER_COUNT; i++)
        must(-pthread_create(&thread, NULL, work, NULL), "pthread_create");
    serve(listener);
}
