#include "background.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct job {
    void (*work)(void *);
    void *argument;
};

static pthread_mutex_t g_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t g_none_left = PTHREAD_COND_INITIALIZER;
static int g_running_count;

static void running_add(int change)
{
    pthread_mutex_lock(&g_lock);
    g_running_count += change;
    if (g_running_count == 0)
        pthread_cond_broadcast(&g_none_left);
    pthread_mutex_unlock(&g_lock);
}

static void *job_main(void *argument)
{
    struct job job = *(struct job *)argument;
    free(argument);
    job.work(job.argument);
    running_add(-1);
    return NULL;
}

static int thread_start_detached(void *(*main)(void *), void *argument)
{
    pthread_t thread;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int error = pthread_create(&thread, &detached, main, argument);
    pthread_attr_destroy(&detached);
    return -error;
}

int background_start(void (*work)(void *), void *argument)
{
    struct job *job = malloc(sizeof *job);
    if (!job)
        return -ENOMEM;
    *job = (struct job){.work = work, .argument = argument};
    running_add(1);
    int error = thread_start_detached(job_main, job);
    if (error) {
        running_add(-1);
        free(job);
    }
    return error;
}

void background_wait_all(void)
{
    pthread_mutex_lock(&g_lock);
    while (g_running_count > 0)
        pthread_cond_wait(&g_none_left, &g_lock);
    pthread_mutex_unlock(&g_lock);
}
