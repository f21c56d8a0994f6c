/* Ways to begin, to change and to end a process, each with a request before and after. */
#include "harmless.h"

#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>

static char g_stack[256 * 1024] __attribute__((aligned(64)));
static int g_pair[2];

static void say(const char *text)
{
    if (write(1, text, strlen(text)) < 0)
        _exit(98);
}

static int talk_in_a_child(void *text)
{
    pair_talk(g_pair);
    printf("%s: own id %d, parent's child %d\n", (char *)text, getpid() == syscall(SYS_getpid),
           getppid() != getpid());
    fflush(stdout);
    return 7;
}

/* A child with memory of its own, but not by fork. */
static void cloned(void)
{
    pid_t child;
    pair_tcp(g_pair);
    pair_talk(g_pair);
    MUST((child = clone(talk_in_a_child, g_stack + sizeof g_stack, SIGCHLD, "clone")) > 0);
    child_print("clone", child);
    MUST((child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) >= 0);
    if (child == 0)
        _exit(talk_in_a_child("clone by syscall"));
    child_print("clone by syscall", child);
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0)
        _exit(talk_in_a_child("clone3"));
    if (child > 0)
        child_print("clone3", child);
    /* The child shares memory and descriptors, and the parent waits. */
    MUST((child = clone(talk_in_a_child, g_stack + sizeof g_stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD,
                        "clone as a guest")) > 0);
    child_print("clone as a guest", child);
    pair_talk(g_pair);
    pair_close(g_pair);
}

static void at_quick_exit_say(void)
{
    say("at_quick_exit\n");
}

static void at_exit_say(void)
{
    say("atexit\n");
}

static void end_by_return(void)
{
    exit(3);
}

static void end_by_quick_exit(void)
{
    quick_exit(4);
}

static void end_by_underscore(void)
{
    _exit(5);
}

static void end_by_syscall(void)
{
    syscall(SYS_exit_group, 6);
}

static void *end_by_thread(void *unused)
{
    (void)unused;
    exit(8);
}

static void end_by_another_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, end_by_thread, NULL);
    pthread_join(thread, NULL);
}

static void end_by_leaving_main(void)
{
    pthread_exit(NULL);
}

static void end_by_kill(void)
{
    raise(SIGKILL);
}

static void end_by_fault(void)
{
    *(volatile char *)16 = 1;
}

/* With a request under way, since that is when there is something to be said at the end. */
static void endings(void)
{
    static const struct {
        const char *name;
        void (*end)(void);
    } ways[] = {{"exit", end_by_return},       {"quick_exit", end_by_quick_exit},
                {"_exit", end_by_underscore},  {"exit_group", end_by_syscall},
                {"abort", abort},              {"another thread", end_by_another_thread},
                {"kill", end_by_kill},         {"pthread_exit", end_by_leaving_main},
                {"a fault", end_by_fault}};
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        pair_tcp(g_pair);
        pid_t child = fork();
        if (child == 0) {
            atexit(at_exit_say);
            at_quick_exit(at_quick_exit_say);
            pair_talk(g_pair);
            TRY(send(g_pair[0], GET, STR_LEN(GET), 0));
            ways[i].end();
        }
        child_print(ways[i].name, child);
        pair_close(g_pair);
    }
}

/* The descriptors that a daemon closes are all, whosever they are. */
static void daemonised(void)
{
    int done[2];
    char text[200] = "";
    MUST(pipe(done) == 0);
    pid_t child = fork();
    if (child == 0) {
        for (int fd = 3; fd < 1024; fd++)
            if (fd != done[1])
                close(fd);
        if (daemon(0, 0) < 0)
            _exit(1);
        pair_tcp(g_pair);
        TRY(send(g_pair[0], GET, STR_LEN(GET), 0));
        size_t len = peer_take(g_pair[1], text, sizeof text, STR_LEN(GET));
        dprintf(done[1], "daemon: %zu bytes, lowest descriptor %d\n", len, dup(0));
        _exit(0);
    }
    child_print("daemon", child);
    close(done[1]);
    for (ssize_t n; (n = read(done[0], text, sizeof text)) > 0;)
        printf("%.*s", (int)n, text);
    close(done[0]);
}

static void limited(void)
{
    char name[] = "limited-XXXXXX";
    int fd = mkstemp(name);
    struct rlimit small = {1000, 1000}, few = {0, 0};
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        TRY(setrlimit(RLIMIT_FSIZE, &small));
        TRY(write(fd, g_stack, 2000));
        TRY(write(fd, g_stack, 2000));
        pair_tcp(g_pair);
        pair_talk(g_pair);
        few.rlim_cur = few.rlim_max = (rlim_t)g_pair[1] + 1;
        TRY(setrlimit(RLIMIT_NOFILE, &few));
        TRY(dup(0));
        TRY(socket(AF_INET, SOCK_STREAM, 0));
        pair_talk(g_pair);
        few.rlim_cur = few.rlim_max = 0;
        TRY(setrlimit(RLIMIT_NOFILE, &few));
        TRY(dup(0));
        TRY(write(g_pair[0], GET, STR_LEN(GET)));
        _exit(0);
    }
    child_print("limited", child);
    close(fd);
    unlink(name);
}

/* What a server gives up before it works. */
static void unprivileged(void)
{
    pid_t child = fork();
    if (child == 0) {
        pair_tcp(g_pair);
        TRY(prctl(PR_SET_DUMPABLE, 0));
        pair_talk(g_pair);
        TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        if (geteuid() == 0) {
            TRY(chroot("/usr"));
            TRY(chdir("/"));
            TRY(setgroups(0, NULL));
            TRY(setgid(65534));
            TRY(setuid(65534));
            TRY(setuid(0));
        } else {
            TRY(chroot("/usr"));
        }
        pair_talk(g_pair);
        pair_close(g_pair);
        pair_tcp(g_pair);
        pair_talk(g_pair);
        _exit(0);
    }
    child_print("unprivileged", child);
}

/* A user namespace is for processes of one thread. */
static void in_a_namespace(int flags, const char *name)
{
    pid_t child = fork();
    if (child == 0) {
        pair_tcp(g_pair);
        pair_talk(g_pair);
        TRY(unshare(flags));
        pair_talk(g_pair);
        _exit(0);
    }
    child_print(name, child);
}

int main(void)
{
    harmless_begin();
    cloned();
    endings();
    daemonised();
    limited();
    unprivileged();
    in_a_namespace(CLONE_NEWUSER, "user namespace");
    in_a_namespace(CLONE_FILES | CLONE_FS, "own descriptors");
    fds_print("end", true);
    return 0;
}
