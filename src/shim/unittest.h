/* unittest.h - the tests of Python's unittest, which its runner announces with -v. That it is the runner who writes,
 * and no test or log, is told by the Python frames that the write comes from. */
#ifndef RUN_TRACED_SHIM_UNITTEST_H
#define RUN_TRACED_SHIM_UNITTEST_H

/* unittest_begin - at library start, in a process that runs Python, behind test_output_begin. What is written is not
 * touched unless the runner writes it. */
void unittest_begin(void);

#endif
