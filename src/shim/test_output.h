/* test_output.h - tests that their runner announces on its output: Python's unittest, with -v. That it is the runner
 * who writes, and no test or log, is told by the Python frames that the write comes from. RUN_TRACED_TEST_OUTPUT=off:
 * nothing is looked at. */
#ifndef RUN_TRACED_SHIM_TEST_OUTPUT_H
#define RUN_TRACED_SHIM_TEST_OUTPUT_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* Behind the function below: not to be used directly. */
extern bool g_test_output_is_wanted;
void test_output_look(const char *bytes, size_t len);

/* test_output_is_wanted - false if RUN_TRACED_TEST_OUTPUT switches it off. */
bool test_output_is_wanted(void);

/* test_output_is_allowed - false if it is switched off, or in a process that is a test itself: nothing there is a
 * test again. */
bool test_output_is_allowed(void);

/* test_output_begin - at library start, in a process that runs Python. */
void test_output_begin(void);

/* test_output_note - the program is about to write @len bytes to @fd. They are not touched unless the runner writes
 * them. One load in all programs but Python. Signal-safe; leaves errno. */
static inline void test_output_note(int fd, const void *bytes, size_t len)
{
    if (UNLIKELY(g_test_output_is_wanted) && (fd == STDOUT_FILENO || fd == STDERR_FILENO))
        test_output_look(bytes, len);
}

#endif
