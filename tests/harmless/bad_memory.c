/* Pointers to what cannot be read: EFAULT, or as much as was there, and never a signal. */
#include "harmless.h"

#include <netdb.h>
#include <linux/seccomp.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>

extern char **environ;

/* A page that is there, and behind it one that is not to be touched. */
static char *g_page, *g_guard;

static void pages_make(void)
{
    long size = sysconf(_SC_PAGESIZE);
    g_page = mmap(NULL, (size_t)(2 * size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(g_page != MAP_FAILED);
    g_guard = g_page + size;
    MUST(mprotect(g_guard, (size_t)size, PROT_NONE) == 0);
}

/* The last @len bytes before the guard, filled. */
static char *edge(const char *bytes, size_t len)
{
    return memcpy(g_guard - len, bytes, len);
}

static void sends(int fd)
{
    struct iovec iov[2] = {{(char *)GET, STR_LEN(GET)}, {g_guard, 5}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    struct mmsghdr messages = {.msg_hdr = {.msg_iov = iov + 1, .msg_iovlen = 1}};
    TRY(send(fd, g_guard, 5, 0));
    TRY(sendto(fd, g_guard, 5, 0, NULL, 0));
    TRY(write(fd, g_guard, 5));
    TRY(writev(fd, iov + 1, 1));
    TRY(writev(fd, (struct iovec *)g_guard, 2));
    TRY(sendmsg(fd, (struct msghdr *)g_guard, 0));
    TRY(sendmmsg(fd, (struct mmsghdr *)g_guard, 1, 0));
    TRY(sendmmsg(fd, &messages, 1, 0));
    message.msg_iov = (struct iovec *)g_guard;
    TRY(sendmsg(fd, &message, 0));
    message.msg_iov = iov + 1;
    message.msg_iovlen = 1;
    TRY(sendmsg(fd, &message, 0));
    message.msg_iov = iov;
    message.msg_control = g_guard;
    message.msg_controllen = 64;
    TRY(sendmsg(fd, &message, 0));
    message.msg_control = NULL;
    message.msg_controllen = 0;
    message.msg_name = g_guard;
    message.msg_namelen = sizeof(struct sockaddr_in);
    TRY(sendmsg(fd, &message, 0));
    TRY(sendto(fd, GET, STR_LEN(GET), 0, (struct sockaddr *)g_guard, sizeof(struct sockaddr_in)));
    TRY(sendfile(fd, 0, (off_t *)g_guard, 5));
}

static void receives(int fd)
{
    struct iovec iov[2] = {{g_guard, 5}, {g_page, 5}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 1};
    struct mmsghdr messages = {.msg_hdr = message};
    TRY(recv(fd, g_guard, 5, 0));
    TRY(recvfrom(fd, g_guard, 5, 0, NULL, NULL));
    TRY(recvfrom(fd, g_page, 1, 0, (struct sockaddr *)g_guard, (socklen_t *)g_guard));
    TRY(read(fd, g_guard, 5));
    TRY(readv(fd, iov, 2));
    TRY(readv(fd, (struct iovec *)g_guard, 2));
    TRY(recvmsg(fd, (struct msghdr *)g_guard, 0));
    TRY(recvmsg(fd, &message, 0));
    TRY(recvmmsg(fd, &messages, 1, MSG_DONTWAIT, NULL));
    TRY(recvmmsg(fd, (struct mmsghdr *)g_guard, 1, MSG_DONTWAIT, NULL));
    message.msg_iov = (struct iovec *)g_guard;
    TRY(recvmsg(fd, &message, 0));
    TRY(recv(fd, g_guard - 3, 7, 0)); /* some of it fits */
}

static void both_ways(bool is_tcp)
{
    int pair[2];
    printf("-- %s\n", is_tcp ? "TCP" : "unix");
    pair_make(pair, is_tcp);
    sends(pair[0]);
    pair_close(pair);
    pair_make(pair, is_tcp);
    sends(pair[1]);
    pair_talk(pair);
    write_all(pair[1], "more than five bytes", 20);
    write_all(pair[0], GET, STR_LEN(GET));
    receives(pair[0]);
    receives(pair[1]);
    pair_close(pair);
}

/* What can be read goes out: all of a head that ends with the page, some of one that goes on. */
static void at_the_edge(bool is_tcp)
{
    int pair[2];
    pair_make(pair, is_tcp);
    TRY(send(pair[0], edge(GET, STR_LEN(GET)), STR_LEN(GET), 0));
    peer_print("whole", pair[1], STR_LEN(GET));
    pair_close(pair);
    pair_make(pair, is_tcp);
    ssize_t sent;
    TRY(sent = send(pair[0], edge(GET, STR_LEN(GET)), STR_LEN(GET) + 100, 0));
    if (sent > 0)
        peer_print("part", pair[1], (size_t)sent);
    TRY(send(pair[0], GET, STR_LEN(GET), 0));
    peer_print("next", pair[1], STR_LEN(GET));
    pair_close(pair);
}

static void addresses(void)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int listener = listen_any(&address), fd = socket(AF_INET, SOCK_STREAM, 0);
    TRY(connect(fd, (struct sockaddr *)g_guard, len));
    TRY(connect(fd, (struct sockaddr *)(g_guard - 4), len));
    TRY(connect(fd, (struct sockaddr *)edge((char *)&address, 4), 4));
    TRY(connect(fd, (struct sockaddr *)g_guard, 0));
    TRY(connect(fd, (struct sockaddr *)g_guard, UINT_MAX));
    TRY(sendto(fd, GET, 5, MSG_FASTOPEN, (struct sockaddr *)g_guard, len));
    TRY(connect(fd, (struct sockaddr *)edge((char *)&address, len), len));
    TRY(accept(listener, (struct sockaddr *)g_guard, (socklen_t *)g_guard));
    TRY(getsockopt(fd, SOL_SOCKET, SO_ERROR, g_guard, &len));
    TRY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &len, (socklen_t *)g_guard));
    TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)g_guard));
    TRY(getpeername(fd, (struct sockaddr *)g_guard, &len));
    close(fd);
    close(listener);
}

static void waits(void)
{
    int epoll = epoll_create1(0), pair[2];
    struct epoll_event event = {.events = EPOLLOUT};
    struct timeval none = {0};
    pair_unix(pair);
    epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event);
    TRY(epoll_wait(epoll, (struct epoll_event *)g_guard, 1, 0));
    TRY(poll((struct pollfd *)g_guard, 1, 0));
    TRY(ppoll((struct pollfd *)g_guard, 1, NULL, NULL));
    TRY(select(pair[0] + 1, (fd_set *)g_guard, NULL, NULL, &none));
    close(epoll);
    pair_close(pair);
}

static void execs(void)
{
    char *arguments[] = {"true", NULL};
    char *torn[] = {"true", g_guard, NULL};
    TRY(execve(g_guard, arguments, environ));
    TRY(execve("/bin/true", (char **)g_guard, environ));
    TRY(execve("/bin/true", arguments, (char **)g_guard));
    TRY(execve("/bin/true", torn, environ));
    TRY(execve("/bin/true", arguments, torn));
    TRY(execv(g_guard, arguments));
    TRY(execv("/bin/true", (char **)g_guard));
    TRY(fexecve(0, (char **)g_guard, environ));
    TRY(execveat(AT_FDCWD, g_guard, arguments, environ, 0));
    TRY(execveat(AT_FDCWD, "/bin/true", arguments, (char **)g_guard, 0));
    TRY(syscall(SYS_execve, g_guard, arguments, environ));
    TRY(posix_spawn(NULL, g_guard, NULL, NULL, arguments, environ));
}

static void others(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    TRY(setrlimit(RLIMIT_NOFILE, (struct rlimit *)g_guard));
    TRY(prlimit(0, RLIMIT_AS, (struct rlimit *)g_guard, NULL));
    TRY(prlimit(0, RLIMIT_AS, NULL, (struct rlimit *)g_guard));
    TRY(chroot(g_guard));
    TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, g_guard));
    TRY(prctl(PR_SET_NAME, g_guard));
    TRY(splice(fd, (off64_t *)g_guard, fd, NULL, 5, 0));
    close(fd);
}

int main(void)
{
    harmless_begin();
    pages_make();
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        both_ways(is_tcp);
        at_the_edge(is_tcp);
    }
    addresses();
    waits();
    execs();
    others();
    fds_print("end", true);
    return 0;
}
