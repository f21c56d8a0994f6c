/* One socket in several processes, or by several ways at once: what one of them sends is not seen by the others. Each case
 * ends with a body that looks like a request: a header in there is one too many. */
#include "harmless.h"

#include <aio.h>
#include <spawn.h>

extern char **environ;

static const char INNER[] = "GET /inner HTTP/1.1\r\nHost: y\r\n\r\n12";
static char g_first[200], g_second[200];

/* Two heads: the first one's body is as long as the second one's head. */
static void heads_make(void)
{
    snprintf(g_second, sizeof g_second, "POST /b HTTP/1.1\r\nHost: xyz\r\nContent-Length: %zu\r\n\r\n", STR_LEN(INNER));
    snprintf(g_first, sizeof g_first, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", strlen(g_second));
}

static void text_send(int fd, const char *text)
{
    write_all(fd, text, strlen(text));
}

/* What came, without at most @heads injected lines. */
static void peer_check(const char *label, int fd, int heads)
{
    char bytes[4096];
    size_t len = 0;
    ssize_t n;
    while ((n = recv(fd, bytes + len, sizeof bytes - len - 1, 0)) > 0)
        len += (size_t)n;
    bytes[len] = '\0';
    int injected = 0;
    for (char *at = bytes; (at = strstr(at, "\r\ntraceparent: ")); at++)
        injected++;
    size_t left = injected_strip(bytes, len, true);
    printf("%s: %zu bytes, crc %08x%s\n", label, left, crc32_add(0, bytes, left), injected > heads ? ", one header too many" : "");
}

static void end(const char *label, int pair[2], int heads)
{
    shutdown(pair[0], SHUT_WR);
    peer_check(label, pair[1], heads);
    pair_close(pair);
}

static char g_filler[200];

/* ---- other processes ---- */

static void by_fork(int fd)
{
    pid_t child = fork();
    if (child == 0) {
        write_all(fd, g_filler, strlen(g_second));
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void by_system(int fd)
{
    char command[100];
    snprintf(command, sizeof command, "head -c %zu /dev/zero >&%d", strlen(g_second), fd);
    system(command);
}

static void by_spawn(int fd)
{
    char count[20];
    char *words[] = {"head", "-c", count, "/dev/zero", NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    snprintf(count, sizeof count, "%zu", strlen(g_second));
    fcntl(fd, F_SETFD, FD_CLOEXEC); /* as Python's sockets are */
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd, 1);
    MUST(posix_spawnp(&child, "head", &actions, NULL, words, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    waitpid(child, NULL, 0);
}

static void by_vfork(int fd)
{
    char count[20];
    snprintf(count, sizeof count, "%zu", strlen(g_second));
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    pid_t child = vfork();
    if (child == 0) {
        dup2(fd, 1);
        execlp("head", "head", "-c", count, "/dev/zero", (char *)NULL);
        _exit(99);
    }
    waitpid(child, NULL, 0);
}

/* A child that has it by SCM_RIGHTS, over a socket of its own. */
static void by_rights(int fd)
{
    int way[2], copy = -1;
    char control[CMSG_SPACE(sizeof fd)], byte = 'x';
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    pair_unix(way);
    memset(control, 0, sizeof control);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    MUST(sendmsg(way[0], &message, 0) == 1 && recvmsg(way[1], &message, 0) == 1);
    memcpy(&copy, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof copy);
    write_all(copy, g_filler, strlen(g_second));
    close(copy);
    pair_close(way);
}

/* ---- other calls ---- */

static void by_pwritev2(int fd)
{
    struct iovec iov = {g_filler, strlen(g_second)};
    TRY(pwritev2(fd, &iov, 1, -1, 0) == (ssize_t)iov.iov_len);
}

static void by_aio(int fd)
{
    struct aiocb request = {.aio_fildes = fd, .aio_buf = g_filler, .aio_nbytes = strlen(g_second)};
    const struct aiocb *list[] = {&request};
    MUST(aio_write(&request) == 0);
    while (aio_error(&request) == EINPROGRESS)
        aio_suspend(list, 1, NULL);
    TRY(aio_return(&request) == (ssize_t)strlen(g_second));
}

static void by_stdio(int fd)
{
    fflush(stdout);
    int before = dup(1);
    MUST(dup2(fd, 1) == 1);
    printf("%.*s", (int)strlen(g_second), g_filler);
    fflush(stdout);
    MUST(dup2(before, 1) == 1);
    close(before);
}

static void between(const char *name, void (*send_body)(int), bool is_tcp)
{
    int pair[2];
    char label[60];
    pair_make(pair, is_tcp);
    text_send(pair[0], g_first);
    send_body(pair[0]);
    text_send(pair[0], g_second);
    text_send(pair[0], INNER);
    snprintf(label, sizeof label, "%s, %s", name, is_tcp ? "TCP" : "unix");
    end(label, pair, 2);
}

/* The socket is as new, and so are its numbers of bytes. */
static void connected_anew(void)
{
    struct sockaddr_in address;
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int listener = listen_any(&address), pair[2] = {socket(AF_INET, SOCK_STREAM, 0), -1};
    TRY(connect(pair[0], (struct sockaddr *)&address, sizeof address));
    MUST((pair[1] = accept(listener, NULL, NULL)) >= 0);
    text_send(pair[0], g_first);
    TRY(connect(pair[0], &none, sizeof none));
    close(pair[1]);
    TRY(connect(pair[0], (struct sockaddr *)&address, sizeof address));
    MUST((pair[1] = accept(listener, NULL, NULL)) >= 0);
    text_send(pair[0], g_second);
    text_send(pair[0], INNER);
    end("connected anew", pair, 1);
    close(listener);
}

/* What a vfork child opens is not the parent's, whatever its number. */
static void numbers_of_a_vfork_child(void)
{
    int pair[2];
    pair_unix(pair);
    text_send(pair[0], g_second);
    pid_t child = vfork();
    if (child == 0) {
        close(pair[0]);
        _exit(socket(AF_INET, SOCK_STREAM, 0) == pair[0] ? 0 : 1);
    }
    child_print("vfork child", child);
    text_send(pair[0], INNER);
    end("after a vfork child", pair, 1);
}

static void packets(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char bytes[400];
    int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0), fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), accepted;
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "harmless-%d", getpid());
    MUST(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4) == 0 &&
         connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    MUST((accepted = accept(listener, NULL, NULL)) >= 0);
    TRY(write(accepted, GET, STR_LEN(GET)));
    TRY(recv(fd, bytes, 40, MSG_TRUNC));
    close(accepted);
    close(fd);
    close(listener);
}

/* What comes in overwrites the list that says where it is to go. */
static void overwritten_lists(void)
{
    static union {
        struct iovec iov[2];
        struct msghdr message;
        char bytes[4096];
    } both;
    int pair[2];
    pair_unix(pair);
    write_all(pair[1], g_filler, 100);
    both.iov[0] = (struct iovec){both.bytes, 20};
    both.iov[1] = (struct iovec){both.bytes + 20, 4000};
    TRY(readv(pair[0], both.iov, 2));
    write_all(pair[1], g_filler, 100);
    struct iovec iov = {both.bytes, sizeof both};
    both.message = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
    TRY(recvmsg(pair[0], &both.message, 0) != 0);
    pair_close(pair);
}

static void read_only_messages(void)
{
    struct mmsghdr *messages = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iovec iov = {(char *)GET, STR_LEN(GET)};
    int pair[2];
    pair_unix(pair);
    messages[0].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
    mprotect(messages, 4096, PROT_READ);
    TRY(sendmmsg(pair[0], messages, 1, 0));
    munmap(messages, 4096);
    pair_close(pair);
}

/* Whose error it is, and who is told: once. */
static int refused(void)
{
    struct sockaddr_in address;
    close(listen_any(&address));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    TRY(connect(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static void error_ask(int fd)
{
    int error = -1;
    socklen_t len = sizeof error;
    struct pollfd wait = {fd, POLLOUT, 0};
    poll(&wait, 1, PATIENCE_MS);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    printf("SO_ERROR %s\n", errno_word(error));
}

static void errors_of_others(void)
{
    int a = refused(), b = refused(), go[2];
    MUST(dup2(b, a) == a);
    error_ask(b);
    close(a);
    close(b);
    int fd = refused();
    MUST(pipe(go) == 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        MUST(read(go[0], &byte, 1) == 1);
        error_ask(fd);
        _exit(0);
    }
    close(fd);
    MUST(write(go[1], "x", 1) == 1);
    child_print("who asks", child);
    close(go[0]);
    close(go[1]);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*send_body)(int);
    } ways[] = {{"fork", by_fork},         {"system", by_system}, {"spawn", by_spawn}, {"vfork", by_vfork}, {"rights", by_rights},
                {"pwritev2", by_pwritev2}, {"aio", by_aio},       {"stdio", by_stdio}};
    harmless_begin();
    heads_make();
    memset(g_filler, 'z', sizeof g_filler - 1);
    for (size_t i = 0; i < COUNT_OF(ways); i++)
        for (int is_tcp = 0; is_tcp < 2; is_tcp++)
            between(ways[i].name, ways[i].send_body, is_tcp);
    connected_anew();
    numbers_of_a_vfork_child();
    packets();
    overwritten_lists();
    read_only_messages();
    errors_of_others();
    fds_print("end", true);
    return 0;
}
