/* pytest.h - pytest says in its environment which test it runs: PYTEST_CURRENT_TEST is "file::class::test (phase)" from the
 * beginning of its setup to the end of its teardown. */
#ifndef RUN_TRACED_SHIM_PYTEST_H
#define RUN_TRACED_SHIM_PYTEST_H

#define PYTEST_VARIABLE "PYTEST_CURRENT_TEST"

/* pytest_note - the variable has become @value; NULL: it is gone. The calling thread runs the test. */
void pytest_note(const char *value);

/* pytest_exit - the process ends. */
void pytest_exit(void);

#endif
