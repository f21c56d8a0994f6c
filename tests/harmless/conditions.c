/* with -rdynamic. Condition variables: what waits and signals give, in time and too late, cancelled, and after a fork. Some lie
 * on the waiter's stack at its beginning, in what looks like Ruby: there a native thread is taken to wait for its next one. */
#include "harmless.h"

const int ruby_api_version[3] = {3, 1, 0};
int ruby_thread_has_gvl_p(void);
int ruby_thread_has_gvl_p(void)
{
    return 1;
}

static pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t g_global = PTHREAD_COND_INITIALIZER;
static pthread_cond_t *g_condition; /* where a thread waits; with g_mutex */
static bool g_is_ready, g_is_mutex_held;
static _Atomic bool g_is_signalled; /* the condition may go */

static struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec end;
    clock_gettime(clock, &end);
    end.tv_nsec += ms * 1000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    return end;
}

static void cleanup(void *unused)
{
    (void)unused;
    int error = pthread_mutex_trylock(&g_mutex);
    printf("  cleanup: the mutex is %s\n", error == EBUSY ? "held" : "not held");
    pthread_mutex_unlock(&g_mutex);
    g_is_mutex_held = error == EBUSY;
}

/* Until it is signalled: @how is "wait", "timedwait" or "clockwait". */
static void *wait_on_stack(void *how)
{
    pthread_cond_t own = PTHREAD_COND_INITIALIZER;
    struct timespec end = in_ms(CLOCK_REALTIME, 20000);
    int result = -1;
    bool is_errno_kept;
    pthread_mutex_lock(&g_mutex);
    pthread_cleanup_push(cleanup, NULL);
    g_condition = &own;
    g_is_ready = false;
    while (!g_is_ready) {
        errno = ERRNO_BEFORE;
        if (strcmp(how, "wait") == 0)
            result = pthread_cond_wait(&own, &g_mutex);
        else if (strcmp(how, "timedwait") == 0)
            result = pthread_cond_timedwait(&own, &g_mutex, &end);
        else
            result = pthread_cond_clockwait(&own, &g_mutex, CLOCK_REALTIME, &end);
    }
    is_errno_kept = errno == ERRNO_BEFORE;
    pthread_cleanup_pop(0);
    g_condition = NULL;
    pthread_mutex_unlock(&g_mutex);
    while (!g_is_signalled)
        usleep(100);
    printf("  %s = %d, errno %s\n", (char *)how, result, is_errno_kept ? "as it was" : "changed");
    return how;
}

static pthread_t waiter_start(const char *how)
{
    pthread_t thread;
    g_is_signalled = false;
    MUST(pthread_create(&thread, NULL, wait_on_stack, (void *)how) == 0);
    for (bool is_there = false; !is_there; usleep(100)) {
        pthread_mutex_lock(&g_mutex);
        is_there = g_condition != NULL;
        pthread_mutex_unlock(&g_mutex);
    }
    return thread;
}

static void signalled(const char *how, bool by_broadcast, bool under_the_mutex)
{
    void *result;
    pthread_t thread = waiter_start(how);
    pthread_mutex_lock(&g_mutex);
    pthread_cond_t *condition = g_condition;
    TRY(pthread_cond_signal(condition)); /* for nothing: it waits again */
    g_is_ready = true;
    if (!under_the_mutex)
        pthread_mutex_unlock(&g_mutex);
    if (by_broadcast)
        TRY(pthread_cond_broadcast(condition));
    else
        TRY(pthread_cond_signal(condition));
    g_is_signalled = true;
    if (under_the_mutex)
        pthread_mutex_unlock(&g_mutex);
    pthread_join(thread, &result);
    printf("%s: %s\n", how, (char *)result);
}

static void cancelled(const char *how)
{
    void *result;
    pthread_t thread = waiter_start(how);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    g_condition = NULL;
    printf("%s: %s\n", how, result == PTHREAD_CANCELED ? "cancelled" : "ended");
    MUST(g_is_mutex_held && pthread_mutex_trylock(&g_mutex) == 0);
    pthread_mutex_unlock(&g_mutex);
}

static void *too_late(void *unused)
{
    pthread_cond_t own = PTHREAD_COND_INITIALIZER;
    struct timespec end = in_ms(CLOCK_REALTIME, 20), bad = {0, -1};
    pthread_mutex_lock(&g_mutex);
    TRY(pthread_cond_timedwait(&own, &g_mutex, &end));
    TRY(pthread_cond_timedwait(&own, &g_mutex, &end));
    TRY(pthread_cond_timedwait(&own, &g_mutex, &bad));
    TRY(pthread_cond_timedwait(&g_global, &g_mutex, &end));
    TRY(pthread_cond_clockwait(&own, &g_mutex, CLOCK_REALTIME, &end));
    TRY(pthread_cond_clockwait(&own, &g_mutex, 77, &end));
    TRY(pthread_cond_signal(&own));
    TRY(pthread_cond_broadcast(&own));
    TRY(pthread_cond_destroy(&own));
    pthread_mutex_unlock(&g_mutex);
    return unused;
}

static void after_a_fork(void)
{
    int status;
    pthread_t thread = waiter_start("timedwait");
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_init(&g_mutex, NULL);
        g_condition = NULL;
        signalled("timedwait", false, true);
        cancelled("timedwait");
        exit(5);
    }
    MUST(waitpid(child, &status, 0) == child);
    printf("child: %d\n", WEXITSTATUS(status));
    pthread_mutex_lock(&g_mutex);
    g_is_ready = true;
    TRY(pthread_cond_signal(g_condition));
    g_is_signalled = true;
    pthread_mutex_unlock(&g_mutex);
    pthread_join(thread, NULL);
}

int main(void)
{
    static const char *const hows[] = {"wait", "timedwait", "clockwait"};
    pthread_t thread;
    harmless_begin();
    TRY(pthread_cond_signal(&g_global));
    TRY(pthread_cond_broadcast(&g_global));
    for (size_t i = 0; i < COUNT_OF(hows); i++) {
        for (int way = 0; way < 4; way++)
            signalled(hows[i], way & 1, way & 2);
        cancelled(hows[i]);
        signalled(hows[i], false, true);
    }
    MUST(pthread_create(&thread, NULL, too_late, NULL) == 0);
    pthread_join(thread, NULL);
    too_late(NULL);
    after_a_fork();
    return 0;
}
