/* harmless.h - what the programs of the differential test bed share.
 *
 * Each prints all that it can observe, and nothing that differs from one run to the next: no process ids, no
 * ports, no times but by class. The peer of a connection takes out the header lines that tracing puts in:
 * peer_take() gives the bytes as the sender wrote them. */
#ifndef RUN_TRACED_HARMLESS_H
#define RUN_TRACED_HARMLESS_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define STR_LEN(literal) (sizeof(literal) - 1)
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#ifdef __SANITIZE_THREAD__
enum { IS_THREAD_SANITIZED = true };
#else
enum { IS_THREAD_SANITIZED = false };
#endif

enum { ERRNO_BEFORE = 7777, PATIENCE_MS = 5000 };

static const char GET[] UNUSED = "GET /harmless HTTP/1.1\r\nHost: peer\r\nAccept: */*\r\n\r\n";
static const char ANSWER[] UNUSED = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes";

/* Prints an expression's value and its errno, which a success must leave alone. */
#define TRY(expression)                                                                             \
    do {                                                                                            \
        errno = ERRNO_BEFORE;                                                                       \
        long try_result = (long)(expression);                                                       \
        int try_errno = errno;                                                                      \
        printf("%s = %ld%s%s\n", #expression, try_result, try_errno == ERRNO_BEFORE ? "" : " ",     \
               try_errno == ERRNO_BEFORE ? "" : errno_word(try_errno));                             \
    } while (0)

/* For what has to work for the case to make sense. */
#define MUST(expression)                                                                            \
    do {                                                                                            \
        if (!(expression)) {                                                                        \
            printf("line %d: %s: %s\n", __LINE__, #expression, errno_word(errno));                  \
            fflush(stdout);                                                                         \
            _exit(99);                                                                              \
        }                                                                                           \
    } while (0)

static inline const char *errno_word(int error)
{
    const char *word = strerrorname_np(error);
    return word ? word : "?";
}

/* To be called first: lines go out whole and at once, so that nothing is printed twice after a fork. */
static inline void harmless_begin(void)
{
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);
    signal(SIGPIPE, SIG_IGN);
    alarm(40);
}

static inline uint32_t crc32_add(uint32_t crc, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    crc = ~crc;
    while (len--) {
        crc ^= *at++;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (0xedb88320U & -(crc & 1));
    }
    return ~crc;
}

static inline long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How long something took, in classes wide enough for a busy machine. */
static inline const char *time_class(long begin_ms)
{
    long ms = now_ms() - begin_ms;
    return ms < 90 ? "at once" : ms < 1500 ? "after a while" : "late";
}

/* ---- connected pairs: [0] is the client, [1] the server ---- */

static inline int listen_any(struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    MUST(fd >= 0 && bind(fd, (struct sockaddr *)address, len) == 0 && listen(fd, 64) == 0 &&
         getsockname(fd, (struct sockaddr *)address, &len) == 0);
    return fd;
}

static inline void pair_tcp(int pair[2])
{
    struct sockaddr_in address;
    int listener = listen_any(&address), on = 1;
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(pair[0], (struct sockaddr *)&address, sizeof address) == 0);
    MUST((pair[1] = accept(listener, NULL, NULL)) >= 0);
    for (int i = 0; i < 2; i++)
        setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    close(listener);
}

static inline void pair_unix(int pair[2])
{
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
}

static inline void pair_make(int pair[2], bool is_tcp)
{
    if (is_tcp)
        pair_tcp(pair);
    else
        pair_unix(pair);
}

static inline void pair_close(int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

/* ---- the peer ---- */

static inline bool is_injected(const char *line, size_t len)
{
    return (len >= 12 && memcmp(line, "traceparent:", 12) == 0) ||
           (len >= 11 && memcmp(line, "tracestate:", 11) == 0);
}

/* Takes the injected lines out of @bytes. What may become one is not counted: @is_whole says that
 * nothing more will come. Returns the length that is left. */
static inline size_t injected_strip(char *bytes, size_t len, bool is_whole)
{
    size_t kept = 0;
    for (size_t at = 0; at < len;) {
        const char *newline = memchr(bytes + at, '\n', len - at);
        size_t line_len = newline ? (size_t)(newline - bytes) + 1 - at : len - at;
        bool may_be = !newline && !is_whole && at > 0 &&
                      (is_injected(bytes + at, line_len) ||
                       memcmp(bytes + at, "traceparent:", line_len < 12 ? line_len : 12) == 0 ||
                       memcmp(bytes + at, "tracestate:", line_len < 11 ? line_len : 11) == 0);
        if (!may_be && !(newline && at > 0 && is_injected(bytes + at, line_len))) {
            memmove(bytes + kept, bytes + at, line_len);
            kept += line_len;
        }
        at += line_len;
    }
    return kept;
}

/* Reads from @fd until there are @want bytes without the injected lines, or the end, or nothing comes.
 * @out has room for @room. Returns how many there are. */
static inline size_t peer_take(int fd, char *out, size_t room, size_t want)
{
    char *raw = malloc(room + 65536);
    size_t len = 0, kept = 0;
    bool is_whole = false;
    while (kept < want && !is_whole) {
        struct pollfd wait = {fd, POLLIN, 0};
        ssize_t n = poll(&wait, 1, PATIENCE_MS) > 0 ? recv(fd, raw + len, room + 65536 - len, 0) : 0;
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        is_whole = n <= 0;
        len += n > 0 ? (size_t)n : 0;
        char *copy = malloc(len + 1);
        memcpy(copy, raw, len);
        kept = injected_strip(copy, len, is_whole);
        memcpy(out, copy, kept < room ? kept : room);
        free(copy);
    }
    free(raw);
    return kept;
}

/* The same, and says what came. */
static inline void peer_print(const char *label, int fd, size_t want)
{
    size_t room = want + 4096;
    char *bytes = malloc(room);
    size_t len = peer_take(fd, bytes, room, want);
    printf("%s: %zu bytes, crc %08x\n", label, len, crc32_add(0, bytes, len < room ? len : room));
    free(bytes);
}

/* Reads all until the end, as a thread may do it: see drain_begin. */
struct drain {
    pthread_t thread;
    int fd;
    char *bytes;
    size_t len, room;
};

static inline void *drain_run(void *argument)
{
    struct drain *drain = argument;
    ssize_t n;
    while ((n = recv(drain->fd, drain->bytes + drain->len, drain->room - drain->len, 0)) > 0 ||
           (n < 0 && errno == EINTR))
        drain->len += n > 0 ? (size_t)n : 0;
    return NULL;
}

static inline void drain_begin(struct drain *drain, int fd, size_t room)
{
    *drain = (struct drain){.fd = fd, .bytes = malloc(room), .room = room};
    MUST(pthread_create(&drain->thread, NULL, drain_run, drain) == 0);
}

static inline void drain_print(const char *label, struct drain *drain)
{
    pthread_join(drain->thread, NULL);
    size_t len = injected_strip(drain->bytes, drain->len, true);
    printf("%s: %zu bytes, crc %08x\n", label, len, crc32_add(0, drain->bytes, len));
    free(drain->bytes);
}

static inline void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        MUST(n > 0);
        bytes += n;
        len -= (size_t)n;
    }
}

/* One request and its answer on a pair; says if anything was not as usual. */
static inline void pair_talk(int pair[2])
{
    char bytes[512];
    ssize_t sent = send(pair[0], GET, STR_LEN(GET), MSG_NOSIGNAL);
    size_t got = sent == (ssize_t)STR_LEN(GET) ? peer_take(pair[1], bytes, sizeof bytes, STR_LEN(GET)) : 0;
    ssize_t answered = write(pair[1], ANSWER, STR_LEN(ANSWER));
    ssize_t read_len = recv(pair[0], bytes + got, sizeof bytes - got, 0);
    printf("talk: sent %zd, got %zu%s, answered %zd, read %zd\n", sent, got,
           got == STR_LEN(GET) && memcmp(bytes, GET, got) == 0 ? "" : " (others)", answered, read_len);
}

/* ---- what the process is ---- */

static inline int int_compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* The descriptors in /proc/self/fd; @is_usable: only those that look open. */
static inline void fds_print(const char *label, bool is_usable)
{
    int fds[4096], count = 0;
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    MUST(directory);
    while ((entry = readdir(directory)))
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory) && count < 4096 &&
            (!is_usable || fcntl(atoi(entry->d_name), F_GETFD) >= 0))
            fds[count++] = atoi(entry->d_name);
    closedir(directory);
    qsort(fds, (size_t)count, sizeof fds[0], int_compare);
    printf("%s: descriptors", label);
    for (int i = 0; i < count; i++)
        printf(" %d", fds[i]);
    printf("\n");
}

/* A line of /proc/self/status. */
static inline void status_print(const char *name)
{
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    MUST(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            fputs(line, stdout);
    fclose(file);
}

static inline void child_print(const char *label, pid_t child)
{
    int status = 0;
    MUST(waitpid(child, &status, 0) == child);
    printf("%s: exit %d, signal %d\n", label, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
           WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* A system call past libc: nobody who interposes can see it. */
static inline long raw_call(long number, long a, long b, long c)
{
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
                  x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    long result = x0;
#else
    long result = syscall(number, a, b, c);
    if (result < 0)
        return -errno;
#endif
    return result;
}

#endif
