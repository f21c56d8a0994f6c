#include "shim/test_output.h"

#include "base/memory.h"
#include "base/process.h"
#include "shim/libtest.h"
#include "shim/test_program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* After so many writes to other descriptors nobody looks any more: what writes much is no runner that has yet to begin. */
enum { LOOKS_MAX = 1000 };

_Atomic(test_output_looker *) g_test_output_looker;
static atomic_int g_looks_left = LOOKS_MAX;

bool test_output_is_wanted(void)
{
    const char *value = getenv("RUN_TRACED_TEST_OUTPUT");
    return !(value && (strcmp(value, "off") == 0 || strcmp(value, "0") == 0));
}

bool test_output_is_allowed(void)
{
    return !test_program_is_test() && test_output_is_wanted();
}

static COLD void look_first(int fd, const char *bytes, size_t len)
{
    int saved = errno;
    if (fd != STDOUT_FILENO) {
        if (atomic_fetch_sub(&g_looks_left, 1) <= 0)
            test_output_set_looker(NULL);
        return;
    }
    if (!process_is_vfork_child()) {
        test_output_set_looker(NULL);
        if (memory_is_readable(bytes, len))
            libtest_recognise(bytes, len);
    }
    errno = saved;
}

void test_output_begin(void)
{
    if (test_output_is_allowed())
        test_output_set_looker(look_first);
}
