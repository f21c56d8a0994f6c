/* Several threads on one socket, threads with small stacks, and how many threads there are. */
#include "harmless.h"

/* What ThreadSanitizer needs itself does not fit into small stacks. */
enum { THREADS = 4, ROUNDS = 200, SMALL_STACK = IS_THREAD_SANITIZED ? 262144 : 65536 };

static int g_pair[2];
static pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;

/* Turns of whole requests: each is one send, and the peer counts them. */
static void *requests_send(void *argument)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&g_mutex);
        ssize_t sent = send(g_pair[0], GET, STR_LEN(GET), 0);
        pthread_mutex_unlock(&g_mutex);
        if (sent != (ssize_t)STR_LEN(GET))
            printf("sent %zd\n", sent);
    }
    return argument;
}

static void *requests_send_unlocked(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        if (send(g_pair[0], GET, STR_LEN(GET), 0) != (ssize_t)STR_LEN(GET))
            puts("not sent whole");
    return argument;
}

static void on_one_socket(const char *label, void *(*function)(void *), bool is_tcp)
{
    pthread_t threads[THREADS];
    struct drain drain;
    pair_make(g_pair, is_tcp);
    drain_begin(&drain, g_pair[1], 1 << 20);
    for (int i = 0; i < THREADS; i++)
        MUST(pthread_create(&threads[i], NULL, function, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    shutdown(g_pair[0], SHUT_WR);
    drain_print(label, &drain);
    pair_close(g_pair);
}

static void *talk_often(void *argument)
{
    int pair[2];
    char bytes[200];
    pair_make(pair, argument != NULL);
    for (int i = 0; i < ROUNDS; i++) {
        MUST(send(pair[0], GET, STR_LEN(GET), 0) == (ssize_t)STR_LEN(GET));
        MUST(peer_take(pair[1], bytes, sizeof bytes, STR_LEN(GET)) == STR_LEN(GET));
        MUST(send(pair[1], ANSWER, STR_LEN(ANSWER), 0) == (ssize_t)STR_LEN(ANSWER));
        MUST(recv(pair[0], bytes, sizeof bytes, 0) == (ssize_t)STR_LEN(ANSWER));
    }
    pair_close(pair);
    return argument;
}

static void with_stacks_of(size_t size)
{
    pthread_t threads[THREADS];
    pthread_attr_t attributes;
    void *result;
    pthread_attr_init(&attributes);
    MUST(pthread_attr_setstacksize(&attributes, size) == 0);
    for (long i = 0; i < THREADS; i++)
        MUST(pthread_create(&threads[i], &attributes, talk_often, (void *)(i % 2)) == 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        printf("stack of %zu: thread %d gave %ld\n", size, i, (long)result);
    }
}

/* ---- one socket, and what else can be done with it at the same time ---- */

static _Atomic int g_is_over;

static void *copy_and_close(void *argument)
{
    int place = dup(0);
    while (!g_is_over) {
        int copy = dup(g_pair[(uintptr_t)argument % 2]);
        MUST(copy >= 0 && dup2(copy, place) == place && close(copy) == 0);
        copy = fcntl(place, F_DUPFD_CLOEXEC, 100);
        MUST(copy >= 100 && close(copy) == 0);
    }
    close(place);
    return argument;
}

static void *ask_about(void *argument)
{
    int fd = g_pair[(uintptr_t)argument % 2], value;
    socklen_t len = sizeof value;
    while (!g_is_over) {
        struct pollfd wait = {fd, POLLIN, 0};
        MUST(poll(&wait, 1, 0) >= 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len) == 0 && value == 0);
        MUST(recv(fd, &value, 1, MSG_PEEK | MSG_DONTWAIT) != 0);
    }
    return argument;
}

static void talk_meanwhile(void *(*function)(void *))
{
    pthread_t threads[THREADS];
    char bytes[200];
    pair_tcp(g_pair);
    g_is_over = false;
    for (long i = 0; i < THREADS; i++)
        MUST(pthread_create(&threads[i], NULL, function, (void *)i) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        write_all(g_pair[0], GET, STR_LEN(GET));
        MUST(peer_take(g_pair[1], bytes, sizeof bytes, STR_LEN(GET)) == STR_LEN(GET));
        write_all(g_pair[1], ANSWER, STR_LEN(ANSWER));
        MUST(recv(g_pair[0], bytes, sizeof bytes, 0) == (ssize_t)STR_LEN(ANSWER));
    }
    g_is_over = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pair_close(g_pair);
    puts("talked meanwhile");
}

/* An answer for every head that ends, however they come. */
static void *answers_write(void *fd)
{
    static const char end[] = "\r\n\r\n";
    char bytes[500];
    size_t matched = 0;
    for (int answered = 0; answered < ROUNDS;) {
        ssize_t n = recv(*(int *)fd, bytes, sizeof bytes, 0);
        MUST(n > 0);
        for (ssize_t i = 0; i < n; i++) {
            matched = bytes[i] == end[matched] ? matched + 1 : bytes[i] == end[0];
            if (matched == STR_LEN(end)) {
                write_all(*(int *)fd, ANSWER, STR_LEN(ANSWER));
                answered++;
                matched = 0;
            }
        }
    }
    return NULL;
}

static void *requests_write(void *fd)
{
    for (int i = 0; i < ROUNDS; i++)
        write_all(*(int *)fd, GET, STR_LEN(GET));
    return NULL;
}

/* Pipelined: requests by one thread, their answers by another. */
static void read_and_write_apart(void)
{
    pthread_t writer, server;
    struct drain drain;
    int pair[2];
    pair_tcp(pair);
    drain_begin(&drain, pair[0], 1 << 20);
    MUST(pthread_create(&server, NULL, answers_write, &pair[1]) == 0);
    MUST(pthread_create(&writer, NULL, requests_write, &pair[0]) == 0);
    pthread_join(writer, NULL);
    pthread_join(server, NULL);
    shutdown(pair[1], SHUT_WR);
    drain_print("answers", &drain);
    pair_close(pair);
}

static void *child_of_a_request(void *argument)
{
    pthread_attr_t attributes;
    size_t size = 0;
    char name[16];
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &size);
    pthread_getname_np(pthread_self(), name, sizeof name);
    pthread_mutex_lock(&g_mutex); /* whoever started this one has said so */
    pthread_mutex_unlock(&g_mutex);
    printf("in a thread: stack %zu, name %s\n", size, name);
    status_print("Threads");
    status_print("SigBlk");
    pthread_attr_destroy(&attributes);
    return argument;
}

/* A thread that is started while a request is being served. */
static void while_serving(void)
{
    int pair[2];
    char bytes[1000];
    pthread_t thread;
    pthread_attr_t attributes;
    void *result;
    pair_tcp(pair);
    write_all(pair[0], GET, STR_LEN(GET));
    peer_take(pair[1], bytes, sizeof bytes, STR_LEN(GET));
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SMALL_STACK);
    pthread_mutex_lock(&g_mutex);
    TRY(pthread_setname_np(pthread_self(), "fifteen bytes.."));
    TRY(pthread_setname_np(pthread_self(), "sixteen bytes..."));
    TRY(pthread_join(pthread_self(), NULL));
    TRY(pthread_create(&thread, &attributes, child_of_a_request, (void *)77));
    pthread_mutex_unlock(&g_mutex);
    pthread_join(thread, &result);
    printf("gave %ld\n", (long)result);
    pthread_attr_setstacksize(&attributes, 1UL << 46);
    TRY(pthread_create(&thread, &attributes, child_of_a_request, NULL));
    write_all(pair[1], ANSWER, STR_LEN(ANSWER));
    pair_close(pair);
}

int main(void)
{
    harmless_begin();
    status_print("Threads");
    on_one_socket("by turns over TCP", requests_send, true);
    on_one_socket("by turns", requests_send, false);
    on_one_socket("at once over TCP", requests_send_unlocked, true);
    on_one_socket("at once", requests_send_unlocked, false);
    with_stacks_of(SMALL_STACK);
    if (!IS_THREAD_SANITIZED)
        with_stacks_of(PTHREAD_STACK_MIN + 16384);
    talk_meanwhile(copy_and_close);
    talk_meanwhile(ask_about);
    read_and_write_apart();
    while_serving();
    status_print("Threads");
    return 0;
}
