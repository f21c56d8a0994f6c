/* The main thread accepts, and hands connections through a pipe to workers, which read the requests. */
#include "serving.h"
#include <pthread.h>

static int g_upstream_port, g_pipe[2];

static void *work(void *unused)
{
    int fd, upstream = local_connect(g_upstream_port);

    while (read(g_pipe[0], &fd, sizeof(fd)) == sizeof(fd))
        connection_serve(fd, upstream);
    return unused;
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
    for (;;) {
        int fd = must(accept(listener, NULL, NULL), "accept");
        must((int)write(g_pipe[1], &fd, sizeof(fd)), "write");
    }
}
