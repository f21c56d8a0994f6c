/* raw.h - system calls made directly, past libc.
 *
 * The preloaded library must never call a name that it interposes, must not be a cancellation point
 * in a stranger's thread, and must not touch errno. Each function returns what the kernel returned:
 * a value of 0 or more, or a negative errno. All are safe on the hot path and in signal handlers. */
#ifndef RUN_TRACED_BASE_RAW_H
#define RUN_TRACED_BASE_RAW_H

#include "base/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/utsname.h>

/* The process has entered a sandbox (seccomp) that may kill it for a system call it does not expect: none
 * is made any more, each function returns -EPERM, and memory comes from what was set aside. */
extern bool g_raw_is_forbidden;

/* raw_set_aside - maps memory for raw_map_anonymous to give out later. One system call; more is not kept
 * than is used. */
void raw_set_aside(void);

/* raw_take_set_aside - @len bytes of it, or NULL. */
void *raw_take_set_aside(size_t len);

#if defined(__x86_64__)
static inline long raw_syscall_unguarded(long n, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static inline long raw_syscall_unguarded(long n, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#else
#error "run-traced knows the system call instruction of x86-64 and aarch64 only"
#endif

static inline long raw_syscall6(long n, long a, long b, long c, long d, long e, long f)
{
    if (UNLIKELY(g_raw_is_forbidden))
        return -EPERM;
    return raw_syscall_unguarded(n, a, b, c, d, e, f);
}

static inline long raw_syscall3(long n, long a, long b, long c)
{
    return raw_syscall6(n, a, b, c, 0, 0, 0);
}

static inline int raw_getpid(void)
{
    return (int)raw_syscall3(SYS_getpid, 0, 0, 0);
}

static inline int raw_gettid(void)
{
    return (int)raw_syscall3(SYS_gettid, 0, 0, 0);
}

static inline int raw_open(const char *path, int flags, mode_t mode)
{
    return (int)raw_syscall6(SYS_openat, AT_FDCWD, (long)path, flags, mode, 0, 0);
}

static inline int raw_close(int fd)
{
    return (int)raw_syscall3(SYS_close, fd, 0, 0);
}

static inline ssize_t raw_read(int fd, void *buf, size_t len)
{
    return raw_syscall3(SYS_read, fd, (long)buf, (long)len);
}

static inline ssize_t raw_write(int fd, const void *buf, size_t len)
{
    return raw_syscall3(SYS_write, fd, (long)buf, (long)len);
}

static inline int raw_fcntl(int fd, int command, long arg)
{
    return (int)raw_syscall3(SYS_fcntl, fd, command, arg);
}

static inline int raw_fstat(int fd, struct stat *st)
{
    return (int)raw_syscall3(SYS_fstat, fd, (long)st, 0);
}

static inline int raw_socket(int domain, int type, int protocol)
{
    return (int)raw_syscall3(SYS_socket, domain, type, protocol);
}

static inline int raw_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    return (int)raw_syscall3(SYS_connect, fd, (long)address, len);
}

static inline ssize_t raw_send(int fd, const void *buf, size_t len, int flags)
{
    return raw_syscall6(SYS_sendto, fd, (long)buf, (long)len, flags, 0, 0);
}

static inline int raw_getsockname(int fd, void *address, socklen_t *len)
{
    return (int)raw_syscall3(SYS_getsockname, fd, (long)address, (long)len);
}

static inline int raw_getpeername(int fd, void *address, socklen_t *len)
{
    return (int)raw_syscall3(SYS_getpeername, fd, (long)address, (long)len);
}

static inline int raw_getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
    return (int)raw_syscall6(SYS_getsockopt, fd, level, option, (long)value, (long)len, 0);
}

static inline int raw_poll_one(int fd, short events, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    struct {
        long seconds, nanos;
    } timeout = {timeout_ms / 1000, (timeout_ms % 1000) * 1000000L};
    return (int)raw_syscall6(SYS_ppoll, (long)&p, 1, (long)&timeout, 0, 0, 0);
}

static inline void raw_sched_yield(void)
{
    raw_syscall3(SYS_sched_yield, 0, 0, 0);
}

static inline long raw_getrandom(void *buf, size_t len, unsigned flags)
{
    return raw_syscall3(SYS_getrandom, (long)buf, (long)len, flags);
}

static inline ssize_t raw_writev(int fd, const struct iovec *parts, int count)
{
    return raw_syscall3(SYS_writev, fd, (long)parts, count);
}

static inline ssize_t raw_readlink(const char *path, char *buf, size_t len)
{
    return raw_syscall6(SYS_readlinkat, AT_FDCWD, (long)path, (long)buf, (long)len, 0, 0);
}

/* raw_getcwd - returns the length with its NUL. */
static inline int raw_getcwd(char *buf, size_t len)
{
    return (int)raw_syscall3(SYS_getcwd, (long)buf, (long)len, 0);
}

static inline int raw_uname(struct utsname *name)
{
    return (int)raw_syscall3(SYS_uname, (long)name, 0, 0);
}

static inline int raw_getrusage(struct rusage *usage)
{
    return (int)raw_syscall3(SYS_getrusage, RUSAGE_SELF, (long)usage, 0);
}

static inline int raw_getrlimit(int resource, struct rlimit *limit)
{
    return (int)raw_syscall6(SYS_prlimit64, 0, resource, 0, (long)limit, 0, 0);
}

/* raw_mmap - as mmap(2), but returns NULL on any error. */
static inline void *raw_mmap(size_t len, int protection, int flags, int fd)
{
    long p = raw_syscall6(SYS_mmap, 0, (long)len, protection, flags, fd, 0);
    return p < 0 && p > -4096 ? NULL : (void *)p;
}

static inline void raw_munmap(void *address, size_t len)
{
    raw_syscall3(SYS_munmap, (long)address, (long)len, 0);
}

/* raw_map_anonymous - zeroed private memory that costs nothing until touched; NULL on error. */
static inline void *raw_map_anonymous(size_t len)
{
    if (UNLIKELY(g_raw_is_forbidden))
        return raw_take_set_aside(len);
    return raw_mmap(len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

#endif
