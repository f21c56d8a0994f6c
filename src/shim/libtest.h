/* libtest.h - the tests of a Rust program (cargo test). Its runner is the main thread, which starts a thread for each
 * test, waits for that one, and then writes which test it was and what came of it: so a test is its thread, and its
 * name and its result are those of the line that follows. All functions but libtest_recognise: one load where there is
 * no such runner; signal-safe, errno is left. */
#ifndef RUN_TRACED_SHIM_LIBTEST_H
#define RUN_TRACED_SHIM_LIBTEST_H

#include "base/compiler.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Behind the functions below: not to be used directly. */
extern bool g_libtest_is_running;
int libtest_take_place(void);
void libtest_look_at_join(pthread_t thread);
void libtest_look_at_name(const char *name);

/* libtest_recognise - these bytes, which can be read, are the first that the process writes to its standard output. If
 * it is libtest that does so, what it writes is looked at from now on. */
void libtest_recognise(const char *bytes, size_t len);

/* libtest_reserve - the calling thread is about to start another. Returns a place for it if that is a test's, else -1.
 * */
static inline int libtest_reserve(void)
{
    return UNLIKELY(g_libtest_is_running) ? libtest_take_place() : -1;
}

/* libtest_thread_begin, _end - by that thread, first and last. */
void libtest_thread_begin(int place);
void libtest_thread_end(int place);

/* libtest_give_back - the thread could not be started. */
void libtest_give_back(int place);

/* libtest_note_join - the calling thread has joined @thread. */
static inline void libtest_note_join(pthread_t thread)
{
    if (UNLIKELY(g_libtest_is_running))
        libtest_look_at_join(thread);
}

/* libtest_note_name - the calling thread names itself: a test's by that, as far as it has room. */
static inline void libtest_note_name(const char *name)
{
    if (UNLIKELY(g_libtest_is_running))
        libtest_look_at_name(name);
}

#endif
