/* Several threads on one socket, threads with small stacks, and how many threads there are. */
#include "harmless.h"

enum { THREADS = 4, ROUNDS = 200, SMALL_STACK = 65536 };

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

static void *child_of_a_request(void *argument)
{
    pthread_attr_t attributes;
    size_t size = 0;
    char name[16];
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &size);
    pthread_getname_np(pthread_self(), name, sizeof name);
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
    TRY(pthread_create(&thread, &attributes, child_of_a_request, (void *)77));
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
    with_stacks_of(PTHREAD_STACK_MIN + 16384);
    while_serving();
    status_print("Threads");
    return 0;
}
