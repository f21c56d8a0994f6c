/* A thread goes on with what its creator was working for. */
#include "base/compiler.h"
#include "base/slab.h"
#include "shim/real.h"
#include "trace/active.h"

struct thread_start {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    void *(*function)(void *);
    void *argument;
    struct active_heritage heritage;
};

static BULKY_DATA struct slab g_starts = SLAB_INITIALIZER(sizeof(struct thread_start), 32, 1024);

static void *thread_begin(void *argument)
{
    struct thread_start *start = argument;
    void *(*function)(void *) = start->function;
    void *function_argument = start->argument;
    active_inherit(&start->heritage);
    slab_free(&g_starts, start->index);
    return function(function_argument);
}

/* NULL: nothing to hand on, or no memory for it. */
static struct thread_start *start_new(void *(*function)(void *), void *argument)
{
    uint32_t index;
    struct thread_start *start = active_has_served() || active_current(NULL) ? slab_alloc(&g_starts, &index) : NULL;
    if (!start)
        return NULL;
    start->index = index;
    start->function = function;
    start->argument = argument;
    if (active_bequeath(&start->heritage))
        return start;
    slab_free(&g_starts, index);
    return NULL;
}

EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                          void *(*function)(void *), void *restrict argument)
{
    struct thread_start *start = start_new(function, argument);
    if (!start)
        return REAL(pthread_create)(thread, attributes, function, argument);
    int error = REAL(pthread_create)(thread, attributes, thread_begin, start);
    if (error)
        slab_free(&g_starts, start->index);
    return error;
}
