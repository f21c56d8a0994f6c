/* test_output.h - tests that their runner announces on its output: who looks at what a process writes. The first that
 * it writes to its standard output decides, so that a program that is no runner pays one load and one comparison for
 * each write from then on. RUN_TRACED_TEST_OUTPUT=off: nothing is looked at. */
#ifndef RUN_TRACED_SHIM_TEST_OUTPUT_H
#define RUN_TRACED_SHIM_TEST_OUTPUT_H

#include "base/compiler.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The program is about to write @len bytes, which may be unreadable, to @fd. Signal-safe; leaves errno. */
typedef void test_output_looker(int fd, const char *bytes, size_t len);

/* Behind the functions below: not to be used directly. */
extern _Atomic(test_output_looker *) g_test_output_looker;

/* test_output_is_wanted - false if RUN_TRACED_TEST_OUTPUT switches it off. */
bool test_output_is_wanted(void);

/* test_output_is_allowed - false if it is switched off, or in a process that is a test itself: nothing there is a
 * test again. */
bool test_output_is_allowed(void);

/* test_output_begin - at library start. */
void test_output_begin(void);

/* test_output_set_looker - who looks from now on; NULL: nobody. */
static inline void test_output_set_looker(test_output_looker *looker)
{
    atomic_store_explicit(&g_test_output_looker, looker, memory_order_relaxed);
}

/* test_output_note - the program is about to write @len bytes to @fd. Hot path. */
static inline void test_output_note(int fd, const void *bytes, size_t len)
{
    test_output_looker *looker = atomic_load_explicit(&g_test_output_looker, memory_order_relaxed);
    if (UNLIKELY(looker != NULL))
        looker(fd, bytes, len);
}

#endif
