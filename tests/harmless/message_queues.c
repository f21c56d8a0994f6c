/* What threads hand each other work by: message queues of POSIX and System V, in odd ways. */
#include "harmless.h"

#include <mqueue.h>
#include <sys/msg.h>

#define BAD ((void *)(volatile uintptr_t){8})
#define TYPED_ROOM 64

struct typed {
    long type;
    char text[TYPED_ROOM];
};

static char g_name[40], g_text[128];
static struct mq_attr g_attributes = {.mq_maxmsg = 4, .mq_msgsize = 64};

static mqd_t queue_make(int flags)
{
    snprintf(g_name, sizeof g_name, "/harmless-%d", getpid());
    mqd_t queue = mq_open(g_name, O_CREAT | O_EXCL | O_RDWR | flags, 0600, &g_attributes);
    MUST(queue >= 0);
    return queue;
}

static void opening(void)
{
    volatile int plain = O_RDWR;
    TRY(mq_open("no slash", O_RDWR));
    TRY(mq_open("/harmless none", plain));
    TRY(mq_open("/harmless/deep", O_CREAT | O_RDWR, 0600, NULL));
    TRY(mq_open("/harmless", O_CREAT | O_RDWR, 0600, BAD));
    TRY(mq_open("/harmless", O_CREAT | O_RDWR, 0600, &(struct mq_attr){.mq_maxmsg = -1}));
    mqd_t queue = queue_make(0), again = mq_open(g_name, plain), reader = mq_open(g_name, O_RDONLY | O_NONBLOCK);
    TRY(mq_open(g_name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL));
    printf("%d %d %d, flags %x\n", queue, again, reader, fcntl(queue, F_GETFD));
    TRY(mq_unlink(g_name));
    TRY(mq_send(reader, "x", 1, 0));
    TRY(mq_send(again, "one", 3, 0));
    TRY(mq_close(again));
    TRY(mq_close(again));
    TRY(mq_receive(reader, g_text, sizeof g_text, NULL));
    TRY(mq_receive(reader, g_text, sizeof g_text, NULL));
    TRY(close(reader));
    TRY(mq_receive(reader, g_text, sizeof g_text, NULL));
    int copy = dup(queue);
    TRY(mq_close(queue));
    TRY(mq_send(copy, "two", 3, 0));
    TRY(read(copy, g_text, 5));
    TRY(write(copy, g_text, 5));
    TRY(mq_receive(copy, g_text, sizeof g_text, NULL));
    int file = open("/dev/null", O_RDWR);
    TRY(dup2(file, copy) == copy);
    TRY(mq_send(copy, "three", 5, 0));
    close(copy), close(file);
    TRY(mq_close(-1));
    TRY(mq_send(-1, "x", 1, 0));
}

static void posix_receive(mqd_t queue)
{
    unsigned priority = 99;
    memset(g_text, 0, sizeof g_text);
    ssize_t len = mq_receive(queue, g_text, sizeof g_text, &priority);
    printf("%zd %s \"%s\" priority %u\n", len, len < 0 ? errno_word(errno) : "-", g_text, priority);
}

static void posix_messages(void)
{
    mqd_t queue = queue_make(O_NONBLOCK);
    struct mq_attr state;
    struct timespec past = {0}, wrong = {.tv_nsec = -1}, soon;
    TRY(mq_send(queue, "low", 3, 1));
    TRY(mq_send(queue, "high", 4, 9));
    TRY(mq_send(queue, "", 0, 5));
    TRY(mq_send(queue, "high too", 8, 9));
    TRY(mq_send(queue, "too many", 8, 9));
    TRY(mq_getattr(queue, &state));
    printf("%ld in it\n", state.mq_curmsgs);
    for (int i = 0; i < 5; i++)
        posix_receive(queue);
    TRY(mq_send(queue, g_text, 65, 0));
    TRY(mq_send(queue, "x", 1, 1U << 20));
    TRY(mq_send(queue, BAD, 10, 0));
    TRY(mq_send(queue, BAD, (size_t)-1, 0));
    TRY(mq_send(queue, BAD, 0, 0));
    TRY(mq_receive(queue, g_text, 63, NULL));
    TRY(mq_receive(queue, g_text, sizeof g_text, NULL));
    TRY(mq_send(queue, "lost", 4, 0));
    TRY(mq_receive(queue, BAD, 64, NULL));
    TRY(mq_receive(queue, g_text, sizeof g_text, NULL));
    TRY(mq_setattr(queue, &(struct mq_attr){.mq_flags = 0}, NULL));
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec += soon.tv_nsec >= 970000000;
    soon.tv_nsec = (soon.tv_nsec + 30000000) % 1000000000;
    TRY(mq_timedreceive(queue, g_text, sizeof g_text, NULL, &past));
    TRY(mq_timedreceive(queue, g_text, sizeof g_text, NULL, &wrong));
    TRY(mq_timedreceive(queue, g_text, sizeof g_text, NULL, &soon));
    TRY(mq_timedreceive(queue, g_text, sizeof g_text, NULL, BAD));
    for (int i = 0; i < 5; i++)
        TRY(mq_timedsend(queue, "same", 4, 0, &past));
    TRY(mq_timedsend(queue, "same", 4, 0, BAD));
    for (int i = 0; i < 4; i++)
        TRY(mq_timedreceive(queue, g_text, sizeof g_text, NULL, &past));
    mq_unlink(g_name), mq_close(queue);
}

static void typed_receive(int id, long type, size_t room, int flags)
{
    struct typed typed = {0};
    ssize_t len = msgrcv(id, &typed, room, type, flags | IPC_NOWAIT);
    printf("%zd %s type %ld \"%s\"\n", len, len < 0 ? errno_word(errno) : "-", typed.type, typed.text);
}

static void typed_send(int id, long type, const char *text)
{
    struct typed typed = {.type = type};
    strcpy(typed.text, text);
    TRY(msgsnd(id, &typed, strlen(text), IPC_NOWAIT));
}

static void typed_messages(void)
{
    int id = msgget(IPC_PRIVATE, 0600);
    struct msqid_ds state;
    MUST(id >= 0);
    for (int i = 0; i < 5; i++)
        typed_send(id, 1 + i % 3, &"messages"[i]);
    typed_send(id, 7, "");
    typed_send(id, 8, "x");
    typed_send(id, 0, "none");
    typed_receive(id, 3, TYPED_ROOM, 0);
    typed_receive(id, -2, TYPED_ROOM, 0);
    typed_receive(id, 1, TYPED_ROOM, MSG_EXCEPT);
    typed_receive(id, 0, 2, 0);
    typed_receive(id, 0, 2, MSG_NOERROR);
    typed_receive(id, 0, TYPED_ROOM, MSG_COPY);
    for (int i = 0; i < 5; i++)
        typed_receive(id, 0, TYPED_ROOM, 0);
    TRY(msgsnd(id, BAD, 5, 0));
    TRY(msgsnd(id, BAD, 1, 0));
    TRY(msgsnd(id, &(struct typed){1, ""}, (size_t)-1, 0));
    typed_send(id, 1, "lost");
    TRY(msgrcv(id, BAD, 10, 0, 0));
    TRY(msgrcv(id, g_text, (size_t)-1, 0, IPC_NOWAIT));
    TRY(msgctl(id, IPC_STAT, &state));
    printf("%lu in it\n", state.msg_qnum);
    TRY(msgctl(id, IPC_STAT, BAD));
    TRY(msgctl(id, IPC_RMID, NULL));
    typed_send(id, 1, "gone");
    typed_receive(id, 0, TYPED_ROOM, 0);
    TRY(msgctl(id, IPC_RMID, NULL));
    TRY(msgsnd(-1, &(struct typed){1, ""}, 1, 0));
    TRY(msgrcv(-1, g_text, 1, 0, 0));
    TRY(msgget(0x7e57, 0600));
}

static void full_queue(void)
{
    int id = msgget(IPC_PRIVATE, 0600), in = 0, out = 0;
    struct typed typed = {.type = 1, .text = "many"};
    while (msgsnd(id, &typed, 20, IPC_NOWAIT) == 0)
        in++;
    printf("%d, then %s\n", in, errno_word(errno));
    while (msgrcv(id, &typed, TYPED_ROOM, 0, IPC_NOWAIT) == 20)
        out++;
    printf("%d, then %s\n", out, errno_word(errno));
    msgctl(id, IPC_RMID, NULL);
    for (int i = 0; i < 600; i++) { /* more than are followed, but not at a time */
        MUST((id = msgget(IPC_PRIVATE, 0600)) >= 0 && msgsnd(id, &typed, 20, 0) == 0);
        MUST(msgrcv(id, &typed, TYPED_ROOM, 0, 0) == 20 && msgctl(id, IPC_RMID, NULL) == 0);
    }
}

/* What another process has sent, and what goes past libc's wrappers. */
static void processes(void)
{
    int id = msgget(IPC_PRIVATE, 0600), status;
    mqd_t queue = queue_make(0);
    typed_send(id, 1, "parent's");
    pid_t pid = fork();
    if (pid == 0) {
        typed_receive(id, 0, TYPED_ROOM, 0);
        typed_send(id, 2, "child's");
        _exit(mq_send(queue, "child's", 7, 0) == 0 ? 3 : 4);
    }
    MUST(waitpid(pid, &status, 0) == pid);
    printf("status %d\n", WEXITSTATUS(status));
    typed_receive(id, 0, TYPED_ROOM, 0);
    posix_receive(queue);
    TRY(syscall(SYS_msgsnd, id, &(struct typed){1, "raw"}, 3, 0));
    typed_receive(id, 0, TYPED_ROOM, 0);
    TRY(syscall(SYS_mq_timedsend, queue, "raw", 3, 0, NULL));
    posix_receive(queue);
    msgctl(id, IPC_RMID, NULL);
    mq_unlink(g_name), mq_close(queue);
}

static int g_id;
static mqd_t g_queue;
static _Atomic long g_sum;

static void *hammer(void *number)
{
    for (long i = 0; i < 3000; i++) {
        struct { long type, job; } typed = {1 + i % 3, i * 4 + (long)number};
        long job = typed.job;
        MUST(msgsnd(g_id, &typed, sizeof job, 0) == 0 && msgrcv(g_id, &typed, sizeof job, 0, 0) == sizeof job);
        MUST(mq_send(g_queue, (char *)&job, sizeof job, (unsigned)i % 5) == 0);
        MUST(mq_receive(g_queue, (char *)&job, sizeof job, NULL) == sizeof job);
        g_sum += typed.job + job;
    }
    return NULL;
}

static void threads(void)
{
    pthread_t all[4];
    g_attributes.mq_msgsize = sizeof(long);
    g_id = msgget(IPC_PRIVATE, 0600);
    g_queue = queue_make(0);
    for (long i = 0; i < 4; i++)
        MUST(pthread_create(&all[i], NULL, hammer, (void *)i) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(all[i], NULL);
    printf("sum %ld\n", g_sum);
    msgctl(g_id, IPC_RMID, NULL);
    mq_unlink(g_name), mq_close(g_queue);
}

static void *wait_for_removal(void *unused)
{
    TRY(msgrcv(g_id, g_text, 20, 0, 0));
    return unused;
}

static void removed_while_waited_for(void)
{
    pthread_t thread;
    g_id = msgget(IPC_PRIVATE, 0600);
    MUST(pthread_create(&thread, NULL, wait_for_removal, NULL) == 0);
    usleep(20000);
    msgctl(g_id, IPC_RMID, NULL);
    pthread_join(thread, NULL);
}

int main(void)
{
    harmless_begin();
    opening();
    posix_messages();
    typed_messages();
    full_queue();
    processes();
    removed_while_waited_for();
    threads();
    return 0;
}
