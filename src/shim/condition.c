/* Condition variables: who waits may be a pool's thread, and be given work. Where an interpreter's threads take turns by
 * them, most waits say nothing; and one that parks its native threads starts them by a signal. */
#include "shim/real.h"
#include "shim/ruby.h"
#include "trace/active.h"
#include "trace/parked.h"

static void leave(void *parked)
{
    parked_leave(parked);
}

/* A cancellation point: no frame of ours may be left behind. */
static int parked_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *end)
{
    int result;
    pthread_cleanup_push(leave, parked_enter(condition));
    result = REAL(pthread_cond_timedwait)(condition, mutex, end);
    pthread_cleanup_pop(true);
    return result;
}

/* Returns true if the thread is about to be parked. */
static COLD bool ruby_wait_begin(const void *caller, const pthread_cond_t *condition, const pthread_mutex_t *mutex,
                                 bool is_timed)
{
    enum ruby_wait wait = ruby_wait_of(caller, condition, mutex, is_timed);
    if (wait == RUBY_WAIT)
        active_note_wait();
    else if (wait == RUBY_WAIT_TURN)
        active_note_yield();
    return wait == RUBY_WAIT_PARKED;
}

EXPORT int pthread_cond_wait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex)
{
    if (UNLIKELY(g_ruby_is_here))
        ruby_wait_begin(__builtin_return_address(0), condition, mutex, false);
    else
        active_note_condition();
    return REAL(pthread_cond_wait)(condition, mutex);
}

EXPORT int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                                  const struct timespec *restrict end)
{
    if (UNLIKELY(g_ruby_is_here)) {
        if (ruby_wait_begin(__builtin_return_address(0), condition, mutex, true))
            return parked_wait(condition, mutex, end);
    } else {
        active_note_condition();
    }
    return REAL(pthread_cond_timedwait)(condition, mutex, end);
}

EXPORT int pthread_cond_clockwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, clockid_t clock,
                                  const struct timespec *restrict end)
{
    active_note_condition();
    return REAL(pthread_cond_clockwait)(condition, mutex, clock, end);
}

EXPORT int pthread_cond_signal(pthread_cond_t *condition)
{
    parked_start(condition);
    return REAL(pthread_cond_signal)(condition);
}

EXPORT int pthread_cond_broadcast(pthread_cond_t *condition)
{
    parked_start(condition);
    return REAL(pthread_cond_broadcast)(condition);
}
