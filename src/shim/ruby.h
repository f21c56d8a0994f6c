/* ruby.h - what Ruby's interpreter waits for. Its threads take turns by condition variables, sleep by others, and come
 * back by yet others, all in one library. src/README.md, "Whose child". */
#ifndef RUN_TRACED_SHIM_RUBY_H
#define RUN_TRACED_SHIM_RUBY_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>

/* Not to be changed by others. */
extern bool g_ruby_is_here;

enum ruby_wait {
    RUBY_WAIT,        /* for another thread, as anybody's: a queue, a mutex, a time; or not Ruby's at all */
    RUBY_WAIT_TURN,   /* for its turn: it gets nothing but the processor */
    RUBY_WAIT_PARKED, /* its Ruby thread has ended: whoever signals starts a new one on it */
};

/* ruby_begin - at library start: is this process Ruby's? */
void ruby_begin(void);

/* ruby_wait_of - what a wait is for that is made from @caller. Where g_ruby_is_here. Signal-safe. */
enum ruby_wait ruby_wait_of(const void *caller, const pthread_cond_t *condition, const pthread_mutex_t *mutex,
                            bool is_timed);

/* ruby_signal_fd - the descriptor that one of the waiting threads watches beside its own, for signals and for who wants
 * it to wake up; -1: not known, or not Ruby. */
int ruby_signal_fd(void);

/* ruby_poll_begin - a poll is about to be made for @count (1 or 2) descriptors. Returns how many of them are the program's
 * own; 0: the thread sleeps, until it is woken. */
nfds_t ruby_poll_begin(const struct pollfd *fds, nfds_t count);

#endif
