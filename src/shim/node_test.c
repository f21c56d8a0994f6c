#include "shim/node_test.h"

#include "base/raw.h"
#include "shim/program.h"
#include "shim/test_output.h"
#include "shim/test_program.h"

#include <stdlib.h>
#include <string.h>

static const char VARIABLE[] = "NODE_TEST_CONTEXT";
static const char CHILD[] = "child"; /* or child-v8: how results are told to the parent */

bool node_test_is_file(int parent_pid)
{
    const char *value = getenv(VARIABLE);
    return value && strncmp(value, CHILD, sizeof CHILD - 1) == 0 &&
           test_program_is_new_variable(parent_pid, "NODE_TEST_CONTEXT=");
}

bool node_test_is_announced(void)
{
    return test_output_is_wanted() && node_test_is_file((int)raw_syscall3(SYS_getppid, 0, 0, 0));
}

custom_span_id node_test_begin(const struct test_name *test, bool is_within, struct active_context *active)
{
    if (is_within) {
        active->source = ACTIVE_SPAN;
        active_set(active);
    } else {
        active_forget();
    }
    custom_span_id id = test_span_begin(test, 0);
    if (id)
        active_copy(active, active_last());
    active_forget();
    program_forget_test();
    return id;
}

void node_test_end(custom_span_id id, enum test_result result)
{
    test_span_set_result(id, result, NULL);
    custom_span_end(id, 0);
}
