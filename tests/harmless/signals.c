/* Signals: handlers that do I/O, calls that are interrupted, SIGPIPE, small alternate stacks. */
#include "harmless.h"

#include <sys/auxv.h>

enum { TICK_US = 120000 };

static volatile sig_atomic_t g_count;
static int g_pair[2];

static void on_tick(int number)
{
    (void)number;
    g_count++;
}

static void on_pipe(int number)
{
    static const char said[] = "SIGPIPE\n";
    (void)number;
    g_count++;
    if (write(1, said, STR_LEN(said)) < 0)
        _exit(97);
}

static void handler_set(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    MUST(sigaction(number, &action, NULL) == 0);
}

static void tick_in(long us)
{
    struct itimerval once = {.it_value = {0, us}};
    setitimer(ITIMER_REAL, &once, NULL);
}

#define INTERRUPTED(expression)                                                                     \
    do {                                                                                            \
        long begin_ms = now_ms();                                                                   \
        g_count = 0;                                                                                \
        tick_in(TICK_US);                                                                           \
        TRY(expression);                                                                            \
        printf("  %s, %d signals\n", time_class(begin_ms), (int)g_count);                           \
        tick_in(0);                                                                                 \
    } while (0)

static void *late_answer(void *argument)
{
    (void)argument;
    usleep(TICK_US * 2);
    write_all(g_pair[1], "x", 1);
    return NULL;
}

/* Blocks SIGALRM for the helper, so that the signal is ours. */
static pthread_t helper_start(void *(*function)(void *))
{
    sigset_t alarm_only, before;
    pthread_t thread;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm_only, &before);
    MUST(pthread_create(&thread, NULL, function, NULL) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return thread;
}

static void reads_interrupted(void)
{
    char bytes[10];
    struct iovec iov = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    struct mmsghdr messages = {.msg_hdr = message};
    struct pollfd wait = {g_pair[0], POLLIN, 0};
    handler_set(SIGALRM, on_tick, 0);
    INTERRUPTED(read(g_pair[0], bytes, 10));
    INTERRUPTED(readv(g_pair[0], &iov, 1));
    INTERRUPTED(recv(g_pair[0], bytes, 10, 0));
    INTERRUPTED(recvfrom(g_pair[0], bytes, 10, 0, NULL, NULL));
    INTERRUPTED(recvmsg(g_pair[0], &message, 0));
    INTERRUPTED(recvmmsg(g_pair[0], &messages, 1, 0, NULL));
    INTERRUPTED(recv(g_pair[0], bytes, 10, MSG_WAITALL));
    INTERRUPTED(poll(&wait, 1, -1));
    INTERRUPTED(ppoll(&wait, 1, NULL, NULL));
    handler_set(SIGALRM, on_tick, SA_RESTART);
    pthread_t helper = helper_start(late_answer);
    INTERRUPTED(recv(g_pair[0], bytes, 10, 0));
    pthread_join(helper, NULL);
    INTERRUPTED(poll(&wait, 1, -1));
}

/* Into a full socket: how much went in before differs by the header, what the call says does not. */
static void sends_interrupted(void)
{
    static char much[1 << 20];
    struct iovec iov = {much, sizeof much};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    struct mmsghdr messages = {.msg_hdr = message};
    handler_set(SIGALRM, on_tick, 0);
    write_all(g_pair[0], GET, STR_LEN(GET));
    /* Buffers of a fixed size: TCP's own grow while nobody reads, and then take some more. */
    int size = 65536, quiet = 0;
    setsockopt(g_pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(g_pair[1], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    for (; quiet < 10; usleep(10000))
        quiet = send(g_pair[0], much, sizeof much, MSG_DONTWAIT) > 0 ? 0 : quiet + 1;
    printf("full: %s\n", errno_word(errno));
    INTERRUPTED(write(g_pair[0], much, sizeof much));
    INTERRUPTED(writev(g_pair[0], &iov, 1));
    INTERRUPTED(send(g_pair[0], much, sizeof much, 0));
    INTERRUPTED(sendto(g_pair[0], much, sizeof much, 0, NULL, 0));
    INTERRUPTED(sendmsg(g_pair[0], &message, 0));
    INTERRUPTED(sendmmsg(g_pair[0], &messages, 1, 0));
    INTERRUPTED(send(g_pair[0], much, sizeof much, MSG_DONTWAIT));
}

static void pipes_broken(void)
{
    int pair[2];
    struct iovec iov = {(char *)GET, STR_LEN(GET)};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    struct mmsghdr messages[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
    handler_set(SIGPIPE, on_pipe, 0);
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        pair_make(pair, is_tcp);
        pair_talk(pair);
        shutdown(pair[0], SHUT_WR);
        TRY(write(pair[0], GET, STR_LEN(GET)));
        TRY(writev(pair[0], &iov, 1));
        TRY(send(pair[0], GET, STR_LEN(GET), 0));
        TRY(send(pair[0], GET, STR_LEN(GET), MSG_NOSIGNAL));
        TRY(sendto(pair[0], GET, STR_LEN(GET), MSG_NOSIGNAL, NULL, 0));
        TRY(sendmsg(pair[0], &message, 0));
        TRY(sendmsg(pair[0], &message, MSG_NOSIGNAL));
        TRY(sendmmsg(pair[0], messages, 2, 0));
        TRY(sendmmsg(pair[0], messages, 2, MSG_NOSIGNAL));
        TRY(send(pair[0], "", 0, 0));
        pair_close(pair);
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        pair_tcp(pair);
        shutdown(pair[0], SHUT_WR);
        TRY(write(pair[0], GET, STR_LEN(GET)));
        _exit(0);
    }
    child_print("killed by SIGPIPE", child);
    signal(SIGPIPE, SIG_IGN);
}

static void on_signal_talk(int number)
{
    char bytes[300];
    int saved = errno;
    (void)number;
    if (send(g_pair[0], GET, STR_LEN(GET), MSG_NOSIGNAL) == (ssize_t)STR_LEN(GET))
        g_count++;
    if (recv(g_pair[1], bytes, sizeof bytes, 0) >= (ssize_t)STR_LEN(GET))
        g_count++;
    if (write(g_pair[1], ANSWER, STR_LEN(ANSWER)) == (ssize_t)STR_LEN(ANSWER))
        g_count++;
    if (read(g_pair[0], bytes, sizeof bytes) == (ssize_t)STR_LEN(ANSWER))
        g_count++;
    errno = saved;
}

static void on_small_stacks(void)
{
    size_t least = getauxval(AT_MINSIGSTKSZ) ? getauxval(AT_MINSIGSTKSZ) : 2048;
    for (size_t more = 4096; more <= 16384; more += 4096) {
        size_t size = least + more;
        char *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mprotect(memory, 4096, PROT_NONE);
        stack_t stack = {.ss_sp = memory + 4096, .ss_size = size}, before;
        MUST(sigaltstack(&stack, &before) == 0);
        handler_set(SIGUSR1, on_signal_talk, SA_ONSTACK);
        pair_tcp(g_pair);
        g_count = 0;
        TRY(raise(SIGUSR1));
        TRY(raise(SIGUSR1));
        printf("on a stack of %zu more: %d\n", more, (int)g_count);
        pair_close(g_pair);
        sigaltstack(&before, NULL);
        munmap(memory, 65536);
    }
}

int main(void)
{
    harmless_begin();
    status_print("SigCgt");
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        pair_make(g_pair, is_tcp);
        reads_interrupted();
        sends_interrupted();
        pair_close(g_pair);
    }
    pipes_broken();
    if (!IS_THREAD_SANITIZED) /* what it needs itself does not fit in there */
        on_small_stacks();
    status_print("SigCgt");
    status_print("SigIgn");
    status_print("SigBlk");
    raise(SIGTERM);
    return 0;
}
