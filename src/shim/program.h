/* program.h - the span of the program itself: from the library's constructor to the end of the process, or until
 * another program takes its place. What is done for no request is done under it, and so are the programs that are
 * started. */
#ifndef RUN_TRACED_SHIM_PROGRAM_H
#define RUN_TRACED_SHIM_PROGRAM_H

/* program_begin - makes the span, if such are wanted: with a ring by what the launcher has put there, without one where
 * RUN_TRACED_PROCESS_SPANS is "all". TRACEPARENT, in the environment, then names it: what the program hands on by itself
 * is right. A program that a runner has started as a test is that test's span. @argv: its arguments, NULL-terminated. Library
 * start-up only, after active_init_from_environment(). */
void program_begin(char *const argv[]);

/* program_note_test - Criterion is about to run the test that this process is for. */
void program_note_test(void);

/* program_forget_test - this process is no test, but its tests are: see test_program_forget. */
void program_forget_test(void);

/* program_exit - the process exits with @status. In a fork or vfork child nothing is done: it has executed no program
 * of its own. Signal-safe. */
void program_exit(int status);

struct span;

/* program_begin_unseen - process @pid executes a program in which nothing will be seen, for @why (the value of
 * run_traced.process.blind): makes its span, which the collector ends with the process. @path: of its file, or its
 * name. @argv: its arguments, may be unreadable. NULL: such spans are not wanted, or there is no room. Signal-safe, also in a vfork child. */
struct span *program_begin_unseen(int pid, const char *path, char *const argv[], const char *why);

/* program_abandon_unseen - it was not executed. @span: may be NULL. */
void program_abandon_unseen(struct span *span);

/* program_release_ring - the process is about to limit its address space: see ring_sink_release. */
void program_release_ring(void);

#endif
