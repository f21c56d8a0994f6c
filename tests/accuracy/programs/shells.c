/* A thread for each connection. It has programs make the calls: by system(3), by popen(3), and by a popen(3) with the same
 * command for all requests, which is told the number by its standard input. */
#include "serving.h"
#include <pthread.h>

static int g_upstream_port;

static const char *url_of(char text[MESSAGE_SIZE], const char *form, long number, const char *what)
{
    char url[256];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/up/%ld/%s", g_upstream_port, number, what);
    snprintf(text, MESSAGE_SIZE, form, url);
    return text;
}

static void succeed(int status, const char *what)
{
    must(status == 0 ? 0 : -1, what);
}

static void serve_by_shells(int fd, long number)
{
    char text[MESSAGE_SIZE];

    succeed(system(url_of(text, "curl -s -o /dev/null %s", number, "a")), "system");
    succeed(pclose(popen(url_of(text, "curl -s -o /dev/null %s", number, "b"), "r")), "popen");
    FILE *same = popen("curl -s -o /dev/null -K -", "w");
    fputs(url_of(text, "url = %s\n", number, "c"), same);
    succeed(pclose(same), "popen of the same");
    answer_send(fd, number);
}

static void *serve(void *argument)
{
    char text[MESSAGE_SIZE];
    int fd = (int)(long)argument;

    while (message_read(fd, text))
        serve_by_shells(fd, request_number(text));
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc < 3)
        return 2;
    int listener = local_listen(atoi(argv[1]));
    g_upstream_port = atoi(argv[2]);
    for (;;) {
        long fd = must(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
        must(-pthread_create(&thread, NULL, serve, (void *)fd), "pthread_create");
        pthread_detach(thread);
    }
}
