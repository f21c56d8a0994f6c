/* surefire.h - the tests that a JVM of Maven Surefire's or Failsafe's runs: it tells Maven when one begins and ends. */
#ifndef RUN_TRACED_SHIM_SUREFIRE_H
#define RUN_TRACED_SHIM_SUREFIRE_H

#include <stdbool.h>
#include <stddef.h>

/* surefire_recognise - these bytes, which can be read, are the first that the process writes to its standard output. If
 * it is such a JVM, what it writes is looked at from now on. */
bool surefire_recognise(const char *bytes, size_t len);

#endif
