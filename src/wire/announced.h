/* announced.h - what an application has offered to be sent and the kernel has not taken. It was looked at then, and is
 * not looked at again when it is offered again; but it must be the same.
 *
 * All functions: by the thread that sends; hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_ANNOUNCED_H
#define RUN_TRACED_WIRE_ANNOUNCED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

enum { ANNOUNCED_LEN_MAX = 64 * 1024 };

struct announced;

/* announced_keep - @skip bytes of @iov, which begins as what was kept before, have been taken: keeps what lies behind
 * them, there or before, as far as there is room for it; nothing without memory. */
void announced_keep(struct announced **announced, const struct iovec *iov, size_t count, size_t skip);

/* announced_is_same - does @iov begin as what was kept? As far as either goes. False if nothing was. */
bool announced_is_same(const struct announced *announced, const struct iovec *iov, size_t count);

/* announced_len - how much is kept; of NULL: 0. */
size_t announced_len(const struct announced *announced);

/* announced_release - *@announced may be NULL, and is so then. */
void announced_release(struct announced **announced);

#endif
