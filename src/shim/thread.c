/* A thread goes on with what its creator was working for. */
#include "base/slab.h"
#include "shim/real.h"
#include "trace/active.h"

struct thread_start {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    void *(*function)(void *);
    void *argument;
    struct active_context active;
};

static struct slab g_starts = SLAB_INITIALIZER(sizeof(struct thread_start), 32, 1024);

static void *thread_begin(void *argument)
{
    struct thread_start *start = argument;
    void *(*function)(void *) = start->function;
    void *function_argument = start->argument;
    active_set(&start->active);
    slab_free(&g_starts, start->index);
    return function(function_argument);
}

EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                          void *(*function)(void *), void *restrict argument)
{
    const struct active_context *active = active_current(NULL);
    uint32_t index;
    struct thread_start *start = NULL;
    if (active)
        start = slab_alloc(&g_starts, &index);
    if (!start)
        return REAL(pthread_create)(thread, attributes, function, argument);
    start->index = index;
    start->function = function;
    start->argument = argument;
    active_copy(&start->active, active);
    start->active.source = ACTIVE_THREAD;
    int error = REAL(pthread_create)(thread, attributes, thread_begin, start);
    if (error)
        slab_free(&g_starts, index);
    return error;
}
