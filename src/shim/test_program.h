/* test_program.h - is this program a test, which its runner has started as one? Told by its environment, its arguments and
 * those of the process that has started it. Library start-up, and the end of the process; one thread. */
#ifndef RUN_TRACED_SHIM_TEST_PROGRAM_H
#define RUN_TRACED_SHIM_TEST_PROGRAM_H

#include "shim/test_span.h"

/* test_program_begin - looks whether this program is a test. @argv: its arguments, NULL-terminated. Some system
 * calls if it is one, or where it cannot be told who has started us. */
bool test_program_begin(char *const argv[], int parent_pid);

/* test_program_is_runner - does a program with these arguments start tests whose names stand in its own? */
bool test_program_is_runner(char *const argv[]);

/* test_program_is_test - what that found. */
bool test_program_is_test(void);

/* test_program_is_new_variable - @entry ("NAME=", or "NAME=value") is in our environment: was it not in that of process
 * @parent_pid, which has started us, or is that run-traced? */
bool test_program_is_new_variable(int parent_pid, const char *entry);

/* test_program_script - the program that this process runs, or what an interpreter is to run there, by its arguments.
 * Returns how many of @size bytes it takes. */
size_t test_program_script(char *bytes, size_t size);

/* test_program_forget - it is none as a whole: the tests in it are known each by itself. @span: that of the process, or
 * NULL. */
void test_program_forget(struct span *span);

/* test_program_describe - if it is, @span, that of the process, is the test's. */
void test_program_describe(struct span *span);

/* test_program_describe_criterion - Criterion is about to run a test in this process, which it has started for it: now it says
 * which. */
void test_program_describe_criterion(struct span *span);

/* test_program_note_failure - an assertion of Criterion's has failed. */
void test_program_note_failure(void);

/* test_program_end - if it is, says on @span what came of it, which has exited with @status: what its runner makes of that. */
void test_program_end(struct span *span, int status);

#endif
