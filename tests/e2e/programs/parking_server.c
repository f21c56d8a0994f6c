/* A thread for each connection, and one more for each request, GET /N: it asks upstream for the same, after the answer. As in
 * Ruby, a native thread that has nothing more to do waits on a condition variable on its stack, and is started anew by a
 * signal; and as Ruby it looks to a preloaded library. Arguments: the upstream port, and a file for the own one. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct work {
    void (*function)(long argument);
    long argument;
};

struct parked {
    pthread_cond_t condition;
    struct work work;
    struct parked *next;
};

const int ruby_api_version[3] = {3, 1, 0};
static int g_upstream_port;
static struct parked *g_parked;
static pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;

int ruby_thread_has_gvl_p(void);
int ruby_thread_has_gvl_p(void)
{
    return 1;
}

static void check(int is_well, const char *what)
{
    if (is_well)
        return;
    perror(what);
    exit(1);
}

static struct work work_wait(void)
{
    struct parked parked = {.condition = PTHREAD_COND_INITIALIZER};
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 3;
    pthread_mutex_lock(&g_mutex);
    parked.next = g_parked;
    g_parked = &parked;
    while (!parked.work.function)
        pthread_cond_timedwait(&parked.condition, &g_mutex, &end);
    pthread_mutex_unlock(&g_mutex);
    return parked.work;
}

static void *native_thread(void *argument)
{
    struct work work = *(struct work *)argument;
    for (free(argument);; work = work_wait())
        work.function(work.argument);
    return NULL;
}

static void thread_start(void (*function)(long), long argument)
{
    pthread_mutex_lock(&g_mutex);
    struct parked *parked = g_parked;
    if (parked) {
        g_parked = parked->next;
        parked->work = (struct work){function, argument};
        pthread_cond_signal(&parked->condition);
    }
    pthread_mutex_unlock(&g_mutex);
    if (parked)
        return;
    pthread_t thread;
    struct work *work = malloc(sizeof *work);
    *work = (struct work){function, argument};
    check(!pthread_create(&thread, NULL, native_thread, work), "pthread_create");
}

static void call(long number)
{
    char text[4096];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)g_upstream_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    usleep((useconds_t)(random() % 3000));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    int len = snprintf(text, sizeof text, "GET /x/%ld HTTP/1.1\r\nHost: up\r\nConnection: close\r\n\r\n", number);
    check(write(fd, text, (size_t)len) == len, "write");
    while (read(fd, text, sizeof text) > 0)
        ;
    close(fd);
}

static void serve(long fd)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char text[4096];
    size_t len = 0;
    for (ssize_t n; (n = read((int)fd, text + len, sizeof text - 1 - len)) > 0;) {
        len += (size_t)n;
        text[len] = 0;
        if (!strstr(text, "\r\n\r\n"))
            continue;
        thread_start(call, atol(strstr(text, "/x/") + 3));
        check(write((int)fd, answer, sizeof answer - 1) == sizeof answer - 1, "answer");
        len = 0;
    }
    close((int)fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    g_upstream_port = atoi(argv[argc > 2 ? 1 : 0]);
    check(bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 64) == 0 &&
          getsockname(listener, (struct sockaddr *)&address, &len) == 0, "listen");
    FILE *file = fopen(argv[2], "w");
    fprintf(file, "%d", ntohs(address.sin_port));
    fclose(file);
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;)
        thread_start(serve, fd);
    return 1;
}
