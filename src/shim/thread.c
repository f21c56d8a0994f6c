/* A thread goes on with what its creator was working for. */
#include "base/compiler.h"
#include "base/slab.h"
#include "shim/libtest.h"
#include "shim/real.h"
#include "trace/active.h"

struct thread_start {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    void *(*function)(void *);
    void *argument;
    struct active_heritage heritage;
    int test_place; /* libtest_reserve() */
};

static BULKY_DATA struct slab g_starts = SLAB_INITIALIZER(sizeof(struct thread_start), 32, 1024);

/* A cancelled thread of libtest's is none that it has a result of. */
static NOINLINE void *test_run(int place, void *(*function)(void *), void *argument)
{
    libtest_thread_begin(place);
    void *result = function(argument);
    libtest_thread_end(place);
    return result;
}

static void *thread_begin(void *argument)
{
    struct thread_start *start = argument;
    void *(*function)(void *) = start->function;
    void *function_argument = start->argument;
    int test_place = start->test_place;
    active_inherit(&start->heritage);
    slab_free(&g_starts, start->index);
    if (UNLIKELY(test_place >= 0))
        return test_run(test_place, function, function_argument);
    return function(function_argument);
}

/* NULL: nothing to hand on, or no memory for it. */
static struct thread_start *start_new(void *(*function)(void *), void *argument, int test_place)
{
    uint32_t index;
    bool is_known = active_has_served() || active_current(NULL) || test_place >= 0;
    struct thread_start *start = is_known ? slab_alloc(&g_starts, &index) : NULL;
    if (!start)
        return NULL;
    start->index = index;
    start->function = function;
    start->argument = argument;
    start->test_place = test_place;
    if (active_bequeath(&start->heritage) || test_place >= 0)
        return start;
    slab_free(&g_starts, index);
    return NULL;
}

EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                          void *(*function)(void *), void *restrict argument)
{
    int test_place = libtest_reserve();
    struct thread_start *start = start_new(function, argument, test_place);
    int error;
    if (start)
        error = REAL(pthread_create)(thread, attributes, thread_begin, start);
    else
        error = REAL(pthread_create)(thread, attributes, function, argument);
    if (start && error)
        slab_free(&g_starts, start->index);
    if (error || !start)
        libtest_give_back(test_place);
    return error;
}

EXPORT int pthread_join(pthread_t thread, void **result)
{
    int error = REAL(pthread_join)(thread, result);
    if (error == 0)
        libtest_note_join(thread);
    return error;
}

EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    if (pthread_equal(thread, pthread_self()))
        libtest_note_name(name);
    return REAL(pthread_setname_np)(thread, name);
}
