/* test_lock.c - a lock that keeps others out, and never keeps anyone waiting for good. */
#include "base/lock.h"

#include "base/clock.h"
#include "base/compiler.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static struct lock g_lock;
static uint64_t g_guarded; /* not atomic: the lock must do */
static _Atomic uint64_t g_gained;

Test(lock, is_had_again_after_its_release)
{
    for (int i = 0; i < 3; i++) {
        cr_assert(lock_acquire(&g_lock));
        lock_release(&g_lock);
    }
}

Test(lock, is_refused_at_once_to_the_thread_that_has_it)
{
    cr_assert(lock_acquire(&g_lock));
    uint64_t start_ns = clock_monotonic_ns();
    cr_assert_not(lock_acquire(&g_lock));
    cr_assert_lt(clock_monotonic_ns() - start_ns, NANOS_PER_MILLI);
    lock_release(&g_lock);
    cr_assert(lock_acquire(&g_lock));
}

static volatile sig_atomic_t g_was_had = -1;

static void on_signal(int signal)
{
    (void)signal;
    g_was_had = lock_acquire(&g_lock);
}

Test(lock, is_refused_to_a_signal_handler_that_interrupts_its_owner)
{
    signal(SIGUSR1, on_signal);
    cr_assert(lock_acquire(&g_lock));
    raise(SIGUSR1);
    cr_assert_eq(g_was_had, 0);
    lock_release(&g_lock);
    raise(SIGUSR1);
    cr_assert_eq(g_was_had, 1);
}

static void *try_once(void *unused)
{
    (void)unused;
    uint64_t start_ns = clock_monotonic_ns();
    if (lock_acquire(&g_lock))
        cr_assert_fail("two have it");
    cr_assert_lt(clock_monotonic_ns() - start_ns, 500 * NANOS_PER_MILLI);
    return NULL;
}

Test(lock, another_thread_gives_up_after_a_while)
{
    pthread_t thread;
    cr_assert(lock_acquire(&g_lock));
    cr_assert_eq(pthread_create(&thread, NULL, try_once, NULL), 0);
    pthread_join(thread, NULL);
}

static void *hold(void *unused)
{
    (void)unused;
    cr_assert(lock_acquire(&g_lock));
    pause();
    return NULL;
}

/* The thread that holds it does not exist in a fork child. */
Test(lock, a_fork_child_takes_what_its_parents_threads_held)
{
    pthread_t thread;
    int status;
    cr_assert_eq(pthread_create(&thread, NULL, hold, NULL), 0);
    while (atomic_load(&g_lock.owner) == 0)
        usleep(100);
    pid_t child = fork();
    if (child == 0) {
        if (!lock_acquire(&g_lock))
            _exit(1);
        if (lock_acquire(&g_lock)) /* it has it now, and nobody else can */
            _exit(2);
        lock_release(&g_lock);
        _exit(lock_acquire(&g_lock) ? 0 : 3);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(WEXITSTATUS(status), 0);
    cr_assert(WIFEXITED(status));
    cr_assert_not(lock_acquire(&g_lock), "in the parent it is still held");
}

static void *count_up(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100000; i++) {
        if (!lock_acquire(&g_lock))
            continue; /* its holder was not running for 2 ms */
        g_guarded++;
        lock_release(&g_lock);
        atomic_fetch_add(&g_gained, 1);
    }
    return NULL;
}

Test(lock, threads_do_not_lose_each_others_work, .timeout = 60)
{
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(g_guarded, atomic_load(&g_gained));
    cr_assert_gt(g_guarded, 200000);
}
