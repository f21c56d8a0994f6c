/* emit.h - one piece of a stream, sent by one call, whose result is held against what POSIX says.
 */
#ifndef DRIP_EMIT_H
#define DRIP_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum emit_call { EMIT_WRITE, EMIT_SEND, EMIT_SENDTO, EMIT_SENDMSG, EMIT_SENDMMSG, EMIT_WRITEV };

/* emit_call_find - the call of that name; -1 if there is none. */
int emit_call_find(const char *name);

/* emit - makes one call that asks for @len bytes to be sent. @is_blocking: how the socket is set.
 * Returns how many were taken; 0 where a non-blocking socket is full (EAGAIN); -1 where the call
 * failed or answered what it must not, which is said on stderr. */
ssize_t emit(enum emit_call call, int fd, bool is_blocking, const char *bytes, size_t len);

#endif
