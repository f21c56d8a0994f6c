/* hash.h - a hash of bytes: by which what is the same is found again, not for keeping anything secret. */
#ifndef RUN_TRACED_BASE_HASH_H
#define RUN_TRACED_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* hash_bytes - of @len bytes; never 0. The same in every process. @seed: another one, another hash. Hot path,
 * signal-safe. */
uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed);

#endif
