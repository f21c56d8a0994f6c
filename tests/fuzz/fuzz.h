/* fuzz.h - what the fuzz targets share: LLVMFuzzerTestOneInput, checks that abort, and copies whose
 * first byte too far is reported by the address sanitizer. */
#ifndef RUN_TRACED_TESTS_FUZZ_H
#define RUN_TRACED_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libFuzzer, or replay.c, calls for each input. */
__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

/* FUZZ_CHECK - says what does not hold, and ends. */
#define FUZZ_CHECK(condition, ...)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n  ", __FILE__, __LINE__, #condition);       \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* fuzz_copy - @len bytes in memory of exactly that size; to be given to free(3). */
static inline char *fuzz_copy(const void *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1);
    FUZZ_CHECK(copy, "no memory");
    if (len)
        memcpy(copy, bytes, len);
    return copy;
}

#endif
