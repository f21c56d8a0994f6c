/* What run_traced.h has: makes a call by each way. C and C++. argv: a port. */
#include "run_traced.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int g_port;

static void *get(void *path)
{
    char request[128], answer[512];
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)g_port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    snprintf(request, sizeof request, "GET /%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", (char *)path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, request, strlen(request), 0) > 0)
        while (recv(fd, answer, sizeof answer, 0) > 0)
            ;
    close(fd);
    return NULL;
}

static void get_in_thread(const char *path)
{
    pthread_t thread;
    pthread_create(&thread, NULL, get, (void *)path);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    char traceparent[RUN_TRACED_TRACEPARENT_SIZE] = "";
    g_port = argc > 1 ? atoi(argv[1]) : 0;
    errno = 77;
    run_traced_span test = run_traced_test_begin("a suite", "a test with a name of more than thirty-two bytes");
    get((void *)"in-test");
    run_traced_span span = run_traced_span_begin("inner");
    run_traced_set_string(span, "app.string", "text");
    run_traced_set_int(span, "app.int", -7);
    run_traced_set_bool(span, "app.bool", 0);
    run_traced_add_event(span, "app.event");
    size_t len = run_traced_traceparent(traceparent, sizeof traceparent);
    get((void *)"in-span");
    get_in_thread("in-thread");
    run_traced_span_fail(span, "app_error", "it did not work");
    run_traced_span_end(span);
    run_traced_span_end(span); /* does nothing */
    run_traced_set_int(span, "app.late", 1);
    get((void *)"in-test-again");
    run_traced_test_end(test, RUN_TRACED_FAIL);
    get((void *)"outside");
    if (argc > 2)
        run_traced_test_begin(NULL, argv[2]);
    printf("%s %zu %d\n", test ? "traced" : "bare", len == strlen(traceparent) ? len : 999, errno);
    return 0;
}
