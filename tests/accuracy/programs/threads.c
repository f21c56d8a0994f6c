/* A thread for each connection, blocking sockets. After each answer a thread of its own calls /up/N/after. */
#include "serving.h"
#include <pthread.h>

static int g_upstream_port;

static void thread_start(void *(*start)(void *), long argument)
{
    pthread_t thread;

    must(-pthread_create(&thread, NULL, start, (void *)argument), "pthread_create");
    pthread_detach(thread);
}

static void *notify(void *number)
{
    int upstream = local_connect(g_upstream_port);

    call(upstream, (long)number, "after");
    close(upstream);
    return NULL;
}

static void *serve(void *argument)
{
    char text[MESSAGE_SIZE];
    int fd = (int)(long)argument, upstream = local_connect(g_upstream_port);

    while (message_read(fd, text)) {
        request_serve(fd, upstream, request_number(text));
        thread_start(notify, request_number(text));
    }
    close(upstream);
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int listener = local_listen(atoi(argv[1]));
    g_upstream_port = atoi(argv[2]);
    for (;;)
        thread_start(serve, must(accept(listener, NULL, NULL), "accept"));
}
