/* pytest_outcome.h - what came of a test so far, by pytest's own reports. */
#ifndef RUN_TRACED_SHIM_PYTEST_OUTCOME_H
#define RUN_TRACED_SHIM_PYTEST_OUTCOME_H

#include "shim/test_span.h"

/* pytest_outcome - of the test that the calling thread runs: of its setup and its call. Looks for the reports among the
 * local variables of pytest's runner, by Python's own interface; the thread must hold the interpreter's lock, as it does
 * where Python sets an environment variable. TEST_UNKNOWN where they are not found. RUN_TRACED_PYTHON_BRIDGE=off: always. */
enum test_result pytest_outcome(void);

#endif
