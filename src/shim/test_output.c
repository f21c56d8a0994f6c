#include "shim/test_output.h"

#include "base/memory.h"
#include "base/process.h"
#include "shim/libtest.h"
#include "shim/surefire.h"
#include "shim/tap.h"
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

/* Perl's Test::More writes to a copy of the standard output. */
static void look_at_other(int fd, const char *bytes, size_t len)
{
    if (atomic_fetch_sub(&g_looks_left, 1) <= 0)
        test_output_set_looker(NULL);
    else if (len && memory_is_readable(bytes, len) && (*bytes == '1' || *bytes == 'T'))
        tap_recognise(fd, bytes, len);
}

static COLD void look_first(int fd, const char *bytes, size_t len)
{
    int saved = errno;
    if (process_is_vfork_child())
        return;
    if (fd != STDOUT_FILENO) {
        look_at_other(fd, bytes, len);
    } else {
        test_output_set_looker(NULL);
        if (memory_is_readable(bytes, len) && !tap_recognise(fd, bytes, len) && !surefire_recognise(bytes, len))
            libtest_recognise(bytes, len);
    }
    errno = saved;
}

void test_output_begin(void)
{
    if (!test_output_is_allowed())
        return;
    tap_begin();
    test_output_set_looker(look_first);
}
