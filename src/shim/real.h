/* real.h - the functions behind the interposed names: REAL(connect)(...). The library never calls an
 * interposed name in any other way. */
#ifndef RUN_TRACED_SHIM_REAL_H
#define RUN_TRACED_SHIM_REAL_H

#include "base/compiler.h"
#include "base/silence.h"

/* The headers' inline versions of read() and its kin must not be what REAL's types come from. */
#undef _FORTIFY_SOURCE

#include <aio.h>
#define CURL_DISABLE_DEPRECATION /* programs call what they call */
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#undef curl_easy_setopt /* type-checking macros over the functions */
#undef curl_easy_getinfo

/* What FORTIFY makes of some calls; glibc declares these only under it. */
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t buf_len, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t buf_len, int flags,
                       struct sockaddr *address, socklen_t *address_len);
ssize_t __read_chk(int fd, void *buf, size_t len, size_t buf_len);
int __printf_chk(int flag, const char *format, ...);
int __vprintf_chk(int flag, const char *format, va_list arguments);
int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments);
int __dprintf_chk(int fd, int flag, const char *format, ...);
int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t fds_len);
mqd_t __mq_open_2(const char *name, int flags);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                const sigset_t *mask, size_t fds_len);

enum { REAL_NAME_SIZE = 36 }; /* of an interposed name, with its NUL */

struct real_calls {
#define INTERPOSE(name) __typeof__(&name) name;
#define INTERPOSE_LATER(name)
#include "shim/symbols.def"
#undef INTERPOSE
#undef INTERPOSE_LATER
};

extern struct real_calls g_real;
extern bool g_real_is_resolved;

/* real_resolve - finds all but what is found later (library.h) as dlsym(RTLD_NEXT) would: once, at start-up, or when
 * a call comes before that. About 0.05 us a symbol. */
void real_resolve(void);

/* real_dlsym - libc's, for our own look-ups: RTLD_NEXT means behind this library. */
void *real_dlsym(void *handle, const char *name);

/* Marks what a sanitizer's runtime may call before it can check anything. */
#define EARLY __attribute__((no_sanitize("address", "undefined", "thread")))

EARLY static inline const struct real_calls *real_calls(void)
{
    if (UNLIKELY(!g_real_is_resolved))
        real_resolve();
    return &g_real;
}

#define REAL(name) (real_calls()->name)

/* Marks the definition of an interposed call. */
#define EXPORT __attribute__((visibility("default")))

/* shim_is_tracing - there is an exporter to write to. */
bool shim_is_tracing(void);

#endif
