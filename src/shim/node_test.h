/* node_test.h - the tests of node:test, which node_bridge.cjs tells of. */
#ifndef RUN_TRACED_SHIM_NODE_TEST_H
#define RUN_TRACED_SHIM_NODE_TEST_H

#include "shim/test_span.h"
#include "trace/active.h"

/* node_test_is_file - is this the process that `node --test` starts for one file? What that starts has the same
 * variable, but so has its parent. @parent_pid: of this process. A few system calls where the variable is there. */
bool node_test_is_file(int parent_pid);

/* node_test_is_announced - do tests of this process become spans? Those of such a file, unless RUN_TRACED_TEST_OUTPUT
 * is off. */
bool node_test_is_announced(void);

/* node_test_begin - a test begins. @active: in, if @is_within, the context of the test that it is part of; out, its
 * own. The calling thread works for neither: the script says who works for what. Returns 0 if nothing is traced or
 * there is no room; @active is untouched then. */
custom_span_id node_test_begin(const struct test_name *test, bool is_within, struct active_context *active);

/* node_test_end - it is over. A process whose tests were seen is no test as a whole. */
void node_test_end(custom_span_id id, enum test_result result);

#endif
