/* Thread D reads requests, GET /HOW/N, and hands each over to another thread by HOW: a pipe, a pair of sockets, a queue with a
 * semaphore, a timer, a message queue. Who gets it asks upstream for the same, on a connection of its own, and answers.
 * Arguments: the upstream port, a file for the own one, and, where another process is to take jobs from the message queues and
 * put them back under each other's numbers: far. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { FD_COUNT = 1024, WORKERS = 4, SLOTS = 64, TYPES = 3 };

struct job {
    int fd;
    char path[60];
};

/* What the message queues carry the numbers of. */
struct slot {
    _Atomic int is_taken;
    struct job job;
};

struct typed {
    long type;
    struct slot_name {
        int slot;
        char job[60]; /* so that no two are alike; empty if they may be */
    } name;
};

static struct slot *g_slots;
static int g_message_queue, g_is_far;
static mqd_t g_posix_queue, g_posix_readers[WORKERS];
static int g_upstream_port, g_epoll, g_pipe[2], g_stream[2], g_packets[2], g_semaphore;
static struct job g_queue[FD_COUNT], g_timers[FD_COUNT];
static unsigned g_first, g_end;
static pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;

static void check(int is_well, const char *what)
{
    if (is_well)
        return;
    perror(what);
    exit(1);
}

static int head_read(int fd, char *text, size_t room)
{
    size_t len = 0;
    for (ssize_t n; len < room && (n = read(fd, text + len, room - len)) > 0;) {
        len += (size_t)n;
        text[len] = 0;
        if (strstr(text, "\r\n\r\n"))
            return 1;
    }
    return 0;
}

static void serve(const struct job *job)
{
    char text[4096];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)g_upstream_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int upstream = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(upstream, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    int len = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: up\r\nConnection: close\r\n\r\n", job->path);
    check(write(upstream, text, (size_t)len) == len, "write");
    while (read(upstream, text, sizeof text) > 0)
        ;
    close(upstream);
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    check(write(job->fd, answer, sizeof answer - 1) == sizeof answer - 1, "answer");
}

static void *work(void *fd)
{
    struct job job;
    while (read(*(int *)fd, &job, sizeof job) == sizeof job)
        serve(&job);
    return NULL;
}

static void *work_queue(void *unused)
{
    uint64_t one;
    while (read(g_semaphore, &one, sizeof one) == sizeof one) {
        pthread_mutex_lock(&g_mutex);
        struct job job = g_queue[g_first++ % FD_COUNT];
        pthread_mutex_unlock(&g_mutex);
        serve(&job);
    }
    return unused;
}

static struct slot_name slot_put(const struct job *job)
{
    int slot = (int)(random() % SLOTS);
    struct slot_name name = {0};
    while (atomic_exchange(&g_slots[slot].is_taken, 1))
        slot = (slot + 1) % SLOTS;
    g_slots[slot].job = *job;
    name.slot = slot;
    if (!g_is_far)
        memcpy(name.job, job->path, sizeof name.job);
    return name;
}

static struct job slot_take(int slot)
{
    struct job job = g_slots[slot].job;
    atomic_store(&g_slots[slot].is_taken, 0);
    return job;
}

static void posix_send(const struct slot_name *name)
{
    check(mq_send(g_posix_queue, (const char *)name, sizeof *name, (unsigned)random() % TYPES) == 0, "mq_send");
}

static struct slot_name posix_receive(mqd_t queue)
{
    struct slot_name name;
    check(mq_receive(queue, (char *)&name, sizeof name, NULL) == sizeof name, "mq_receive");
    return name;
}

static void typed_send(const struct slot_name *name)
{
    struct typed typed = {.type = 1 + name->slot % TYPES, .name = *name};
    check(msgsnd(g_message_queue, &typed, sizeof typed.name, 0) == 0, "msgsnd");
}

static struct slot_name typed_receive(void)
{
    struct typed typed;
    check(msgrcv(g_message_queue, &typed, sizeof typed.name, -TYPES, 0) == sizeof typed.name, "msgrcv");
    return typed.name;
}

static void *work_posix(void *queue)
{
    for (;;) {
        struct job job = slot_take(posix_receive(*(mqd_t *)queue).slot);
        serve(&job);
    }
    return queue;
}

static void *work_typed(void *unused)
{
    for (;;) {
        struct job job = slot_take(typed_receive().slot);
        serve(&job);
    }
    return unused;
}

static int take_now(int is_posix, struct slot_name *name)
{
    struct timespec past = {0};
    struct typed typed;
    if (is_posix)
        return mq_timedreceive(g_posix_queue, (char *)name, sizeof *name, NULL, &past) == sizeof *name;
    int is_taken = msgrcv(g_message_queue, &typed, sizeof typed.name, -TYPES, IPC_NOWAIT) == sizeof typed.name;
    *name = typed.name;
    return is_taken;
}

static void put_back(int is_posix, const struct slot_name *name)
{
    if (is_posix)
        posix_send(name);
    else
        typed_send(name);
}

/* In a process of its own: takes the numbers of two jobs, exchanges the jobs, and puts the numbers back. */
static void exchange(int is_posix)
{
    struct slot_name first, second;
    if (fork() != 0)
        return;
    for (prctl(PR_SET_PDEATHSIG, SIGKILL);; usleep(1000)) {
        if (!take_now(is_posix, &first))
            continue;
        if (take_now(is_posix, &second)) {
            struct job job = g_slots[first.slot].job;
            g_slots[first.slot].job = g_slots[second.slot].job;
            g_slots[second.slot].job = job;
            put_back(is_posix, &second);
        }
        put_back(is_posix, &first);
    }
}

static void end(int signal)
{
    msgctl(g_message_queue, IPC_RMID, NULL);
    _exit(signal);
}

static void queues_make(void)
{
    struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = sizeof(struct slot_name)};
    char name[40];
    snprintf(name, sizeof name, "/handover-%d", getpid());
    g_slots = mmap(NULL, SLOTS * sizeof *g_slots, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    g_posix_queue = mq_open(name, O_CREAT | O_RDWR, 0600, &attributes);
    g_message_queue = msgget(IPC_PRIVATE, 0600);
    signal(SIGTERM, end);
    check(g_posix_queue >= 0 && g_message_queue >= 0, "message queues");
    for (int i = 0; i < WORKERS; i++)
        check((g_posix_readers[i] = mq_open(name, O_RDONLY)) >= 0, "mq_open");
    mq_unlink(name);
    for (int i = 0; g_is_far && i < 2; i++)
        exchange(i);
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    check(epoll_ctl(g_epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void hand_over(const struct job *job)
{
    ssize_t len = sizeof *job;
    if (strncmp(job->path, "/pipe", 5) == 0) {
        check(write(g_pipe[1], job, sizeof *job) == len, "pipe");
    } else if (strncmp(job->path, "/stream", 7) == 0) {
        check(send(g_stream[1], job, sizeof *job, 0) == len, "stream");
    } else if (strncmp(job->path, "/packets", 8) == 0) {
        check(write(g_packets[1], job, sizeof *job) == len, "packets");
    } else if (strncmp(job->path, "/queue", 6) == 0) {
        pthread_mutex_lock(&g_mutex);
        g_queue[g_end++ % FD_COUNT] = *job;
        pthread_mutex_unlock(&g_mutex);
        check(eventfd_write(g_semaphore, 1) == 0, "semaphore");
    } else if (strncmp(job->path, "/posix", 6) == 0) {
        struct slot_name name = slot_put(job);
        posix_send(&name);
    } else if (strncmp(job->path, "/typed", 6) == 0) {
        struct slot_name name = slot_put(job);
        typed_send(&name);
    } else {
        struct itimerspec soon = {.it_value.tv_nsec = 1 + random() % 3000000};
        int timer = timerfd_create(CLOCK_MONOTONIC, 0);
        g_timers[timer] = *job;
        watch(timer);
        check(timerfd_settime(timer, 0, &soon, NULL) == 0, "timer");
    }
}

static void ready(int fd)
{
    char text[4096];
    struct job job = {.fd = fd};
    uint64_t count;
    if (g_timers[fd].fd) {
        job = g_timers[fd];
        check(read(fd, &count, sizeof count) == sizeof count, "timer");
        g_timers[fd].fd = 0;
        close(fd);
        serve(&job);
    } else if (head_read(fd, text, sizeof text - 1)) {
        check(sscanf(text, "GET %59s", job.path) == 1, "request");
        hand_over(&job);
    } else {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct epoll_event events[64];
    pthread_t thread;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    g_upstream_port = atoi(argv[argc > 2 ? 1 : 0]);
    g_epoll = epoll_create1(0);
    g_is_far = argc > 3;
    queues_make();
    g_semaphore = eventfd(0, EFD_SEMAPHORE);
    check(pipe(g_pipe) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, g_stream) == 0 &&
          socketpair(AF_UNIX, SOCK_SEQPACKET, 0, g_packets) == 0, "pairs");
    for (int i = 0; i < WORKERS; i++)
        check(!pthread_create(&thread, NULL, work, &g_pipe[0]) && !pthread_create(&thread, NULL, work, &g_stream[0]) &&
              !pthread_create(&thread, NULL, work, &g_packets[0]) &&
              !pthread_create(&thread, NULL, work_posix, &g_posix_readers[i]) &&
              !pthread_create(&thread, NULL, work_typed, NULL), "pthread_create");
    check(!pthread_create(&thread, NULL, work_queue, NULL), "pthread_create");
    check(bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 64) == 0 &&
          getsockname(listener, (struct sockaddr *)&address, &len) == 0, "listen");
    FILE *file = fopen(argv[2], "w");
    fprintf(file, "%d", ntohs(address.sin_port));
    fclose(file);
    watch(listener);
    for (;;) {
        int count = epoll_wait(g_epoll, events, 64, -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.fd == listener)
                watch(accept(listener, NULL, NULL));
            else
                ready(events[i].data.fd);
    }
}
