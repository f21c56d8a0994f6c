/* test_slab.c - objects are never given out twice, whoever asks and whenever. */
#include "base/slab.h"

#include "base/compiler.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool child_succeeded(pid_t child)
{
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Test(slab, objects_are_distinct_aligned_and_found_by_number)
{
    static struct slab slab = SLAB_INITIALIZER(100, 8, 4);
    char *objects[32];
    for (uint32_t i = 0; i < ARRAY_LEN(objects); i++) {
        uint32_t index;
        objects[i] = slab_alloc(&slab, &index);
        cr_assert_not_null(objects[i]);
        cr_assert_eq((uintptr_t)objects[i] % 64, 0);
        cr_assert_eq(slab_at(&slab, index), objects[i]);
        memset(objects[i], (int)i, 100);
    }
    for (uint32_t i = 0; i < ARRAY_LEN(objects); i++)
        for (size_t j = 0; j < 100; j++)
            cr_assert_eq(objects[i][j], (char)i, "object %u was overwritten at %zu", i, j);
}

Test(slab, gives_null_at_its_bound_and_goes_on_after_a_free)
{
    static struct slab slab = SLAB_INITIALIZER(64, 4, 2);
    uint32_t indices[8], index = 12345;
    for (size_t i = 0; i < ARRAY_LEN(indices); i++)
        cr_assert_not_null(slab_alloc(&slab, &indices[i]));
    cr_assert_null(slab_alloc(&slab, &index));
    cr_assert_null(slab_alloc(&slab, &index), "exhausted stays exhausted");
    cr_assert_eq(index, 12345, "no number without an object");
    slab_free(&slab, indices[3]);
    cr_assert_not_null(slab_alloc(&slab, &index));
    cr_assert_eq(index, indices[3]);
    cr_assert_null(slab_alloc(&slab, &index));
}

Test(slab, free_objects_are_used_again_before_new_ones)
{
    static struct slab slab = SLAB_INITIALIZER(64, 1000, 1);
    for (int i = 0; i < 5000; i++) {
        uint32_t index[3];
        for (size_t j = 0; j < ARRAY_LEN(index); j++)
            cr_assert_not_null(slab_alloc(&slab, &index[j]));
        for (size_t j = 0; j < ARRAY_LEN(index); j++)
            slab_free(&slab, index[j]);
    }
    cr_assert_eq(slab_high_water(&slab), 3);
}

/* The ABA problem: a thread that reads the list's head, sleeps, and wakes when the same object is
 * at the head again, must be able to tell that the list has changed. */
Test(slab, the_head_of_the_free_list_never_has_the_same_value_twice)
{
    static struct slab slab = SLAB_INITIALIZER(64, 4, 1);
    uint32_t a, b, again;
    slab_alloc(&slab, &a);
    slab_alloc(&slab, &b);
    slab_free(&slab, b);
    slab_free(&slab, a);
    for (int i = 0; i < 1000; i++) {
        uint64_t seen = atomic_load(&slab.free);
        slab_alloc(&slab, &again);
        cr_assert_eq(again, a);
        slab_alloc(&slab, &b);
        slab_free(&slab, a); /* at the head again, and b is gone from behind it */
        cr_assert_eq((uint32_t)atomic_load(&slab.free), (uint32_t)seen);
        cr_assert_neq(atomic_load(&slab.free), seen);
        slab_alloc(&slab, &again);
        slab_free(&slab, b);
        slab_free(&slab, a);
        cr_assert_neq(atomic_load(&slab.free), seen);
    }
}

Test(slab, never_has_more_chunks_than_it_can_name)
{
    static struct slab slab = SLAB_INITIALIZER(64, 1, SLAB_CHUNKS_MAX + 10);
    uint32_t index, count = 0;
    while (slab_alloc(&slab, &index))
        count++;
    cr_assert_eq(count, SLAB_CHUNKS_MAX);
}

/* Concurrency: each thread claims objects, marks every byte of them as its own, and looks whether
 * the marks are still there when it gives them back. The slab is small, so that the same few
 * objects go round quickly and it is often exhausted. */

enum { OBJECT_LEN = 64, SMALL_SLAB_OBJECTS = 12, HELD_MAX = 4, THREADS = 4, ROUNDS = 60000 };

static struct slab g_small = SLAB_INITIALIZER(OBJECT_LEN, 3, SMALL_SLAB_OBJECTS / 3);
static atomic_int g_owner[SMALL_SLAB_OBJECTS]; /* 0: nobody; else the thread's number */
static atomic_int g_violations;
static atomic_bool g_stop;

struct holding {
    uint32_t index;
    unsigned char *object;
};

static void take(struct holding *held, int me)
{
    held->object = slab_alloc(&g_small, &held->index);
    if (!held->object)
        return;
    int nobody = 0;
    if (!atomic_compare_exchange_strong(&g_owner[held->index], &nobody, me))
        atomic_fetch_add(&g_violations, 1);
    memset(held->object, me, OBJECT_LEN);
}

static void give_back(struct holding *held, int me)
{
    if (!held->object)
        return;
    for (int i = 0; i < OBJECT_LEN; i++)
        if (held->object[i] != me)
            atomic_fetch_add(&g_violations, 1);
    if (atomic_exchange(&g_owner[held->index], 0) != me)
        atomic_fetch_add(&g_violations, 1);
    slab_free(&g_small, held->index);
    held->object = NULL;
}

static void *owner_main(void *argument)
{
    int me = (int)(intptr_t)argument;
    struct holding held[HELD_MAX] = {0};
    unsigned random = (unsigned)me;
    for (int i = 0; i < ROUNDS && !atomic_load(&g_stop); i++) {
        random = random * 1103515245u + 12345u;
        struct holding *one = &held[random >> 16 & (HELD_MAX - 1)];
        if (one->object)
            give_back(one, me);
        else
            take(one, me);
    }
    for (int i = 0; i < HELD_MAX; i++)
        give_back(&held[i], me);
    return NULL;
}

static void owners_start(pthread_t threads[THREADS])
{
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, owner_main, (void *)(intptr_t)(i + 1)), 0);
}

static void owners_join(pthread_t threads[THREADS])
{
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

Test(slab, an_object_has_one_owner_at_a_time, .timeout = 60)
{
    pthread_t threads[THREADS];
    uint32_t index;
    int count = 0;
    owners_start(threads);
    owners_join(threads);
    cr_assert_eq(atomic_load(&g_violations), 0);
    cr_assert_leq(slab_high_water(&g_small), SMALL_SLAB_OBJECTS);
    for (uint32_t left = slab_high_water(&g_small); slab_alloc(&g_small, &index); left--)
        count++;
    cr_assert_eq(count, SMALL_SLAB_OBJECTS, "%d objects are there after all were given back",
                 count);
}

static struct slab g_fresh;
static pthread_barrier_t g_barrier;

static void *first_object_main(void *index)
{
    pthread_barrier_wait(&g_barrier);
    unsigned char *object = slab_alloc(&g_fresh, index);
    return object && object == slab_at(&g_fresh, *(uint32_t *)index) ? object : NULL;
}

/* All of them find the chunk missing; one mapping must win and the others must not be used. */
Test(slab, threads_that_map_the_first_chunk_together_get_distinct_objects, .timeout = 60)
{
    pthread_barrier_init(&g_barrier, NULL, THREADS);
    for (int round = 0; round < 500; round++) {
        pthread_t threads[THREADS];
        uint32_t indices[THREADS];
        g_fresh = (struct slab)SLAB_INITIALIZER(OBJECT_LEN, 64, 1);
        for (int i = 0; i < THREADS; i++)
            pthread_create(&threads[i], NULL, first_object_main, &indices[i]);
        for (int i = 0; i < THREADS; i++) {
            void *object;
            pthread_join(threads[i], &object);
            cr_assert_eq(object, slab_at(&g_fresh, indices[i]));
            for (int j = 0; j < i; j++)
                cr_assert_neq(indices[i], indices[j]);
        }
    }
}

Test(slab, a_fork_child_has_its_own_copy)
{
    static struct slab slab = SLAB_INITIALIZER(64, 4, 4);
    uint32_t mine, again;
    char *object = slab_alloc(&slab, &mine);
    strcpy(object, "the parent's");
    pid_t child = fork();
    if (child == 0) {
        bool kept = strcmp(object, "the parent's") == 0;
        slab_free(&slab, mine);
        char *other = slab_alloc(&slab, &again);
        strcpy(other, "the child's");
        _exit(kept && again == mine ? 0 : 1);
    }
    cr_assert(child_succeeded(child));
    cr_assert_str_eq(object, "the parent's");
    cr_assert_not_null(slab_alloc(&slab, &again));
    cr_assert_neq(again, mine, "what the child freed is not free here");
}

/* No lock can have been held by a thread that the child does not have. alarm(2) ends a child that
 * waits for one. */
Test(slab, a_child_forked_amid_other_threads_can_allocate, .timeout = 60)
{
    pthread_t threads[THREADS];
    owners_start(threads);
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(2);
            uint32_t index, count = 0;
            while (slab_alloc(&g_small, &index) && ++count <= SMALL_SLAB_OBJECTS)
                ;
            for (int j = 0; j < 1000; j++) {
                slab_free(&g_small, 0);
                if (!slab_alloc(&g_small, &index) || index != 0)
                    _exit(1);
            }
            _exit(count <= SMALL_SLAB_OBJECTS ? 0 : 1);
        }
        cr_assert(child_succeeded(child));
    }
    atomic_store(&g_stop, true);
    owners_join(threads);
}
