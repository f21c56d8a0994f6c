#include "shim/pytest.h"

#include "base/lock.h"
#include "base/process.h"
#include "shim/pytest_outcome.h"

#include <string.h>

enum phase { PHASE_SETUP, PHASE_CALL, PHASE_TEARDOWN, PHASE_UNKNOWN };

static struct lock g_lock; /* guards what follows */
static custom_span_id g_test;
static enum phase g_phase;
static enum test_result g_result; /* of setup and call, from the teardown on */

/* "file::class::test[parameter] (phase)": the name is all but the phase, the suite what stands before the last "::" of it,
 * but for the parameter. */
static enum phase parse(const char *value, struct test_name *test)
{
    static const char *const names[] = {"(setup)", "(call)", "(teardown)"};
    const char *blank = strrchr(value, ' ');
    *test = (struct test_name){.name = value, .name_len = blank ? (size_t)(blank - value) : strlen(value)};
    const char *parameter = memchr(value, '[', test->name_len);
    for (const char *at = (parameter ? parameter : value + test->name_len) - 1; at > value && !test->suite; at--)
        if (at[0] == ':' && at[-1] == ':') {
            test->suite = value;
            test->suite_len = (size_t)(at - 1 - value);
        }
    for (int i = 0; blank && i < PHASE_UNKNOWN; i++)
        if (strcmp(blank + 1, names[i]) == 0)
            return (enum phase)i;
    return PHASE_UNKNOWN;
}

static void end(enum test_result result, const char *message)
{
    test_span_set_result(g_test, result, message);
    custom_span_end(g_test, 0);
    g_test = 0;
}

/* Whose teardown fails does not take its name away. */
static void end_before_another(void)
{
    if (g_phase == PHASE_TEARDOWN && g_result != TEST_UNKNOWN)
        end(TEST_FAIL, "the teardown did not come to its end");
    else
        end(TEST_UNKNOWN, NULL);
}

static void note(const char *value)
{
    struct test_name test;
    if (!value) {
        end(g_result, NULL);
        return;
    }
    enum phase phase = parse(value, &test);
    if (phase == PHASE_SETUP || (!g_test && phase != PHASE_UNKNOWN)) {
        end_before_another();
        g_test = test_span_begin(&test, 0);
        g_result = TEST_UNKNOWN;
    }
    if (phase == PHASE_TEARDOWN)
        g_result = pytest_outcome();
    g_phase = phase;
}

/* The last test's, say. */
void pytest_exit(void)
{
    if (g_phase == PHASE_TEARDOWN && g_result != TEST_UNKNOWN)
        test_span_set_result(g_test, TEST_FAIL, "the teardown did not come to its end");
}

void pytest_note(const char *value)
{
    if (process_is_vfork_child() || !lock_acquire(&g_lock))
        return;
    note(value);
    lock_release(&g_lock);
}
