/* test_backend_queue.c - messages come out in the order in which they went in, from memory or from the disk. */
#include "backend/queue.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEN = 1000, HEADER_LEN = 16 };

static struct queue g_queue;

static struct message *message_of(uint32_t number)
{
    struct message *message = malloc(sizeof *message + LEN);
    *message = (struct message){.span_count = number, .part_count = number / 2, .len = LEN};
    memset(message->bytes, (int)number, LEN);
    return message;
}

static bool add(uint32_t number)
{
    struct message *message = message_of(number);
    bool is_taken = queue_add(&g_queue, message);
    if (!is_taken)
        free(message);
    return is_taken;
}

static void expect(uint32_t number)
{
    struct message *message = queue_take(&g_queue), *same = message_of(number);
    cr_assert_not_null(message);
    cr_expect_eq(message->span_count, number);
    cr_expect_eq(message->part_count, number / 2);
    cr_expect_eq(message->len, (size_t)LEN);
    cr_expect_arr_eq(message->bytes, same->bytes, LEN);
    free(message);
    free(same);
}

Test(backend_queue, what_exceeds_memory_goes_to_the_disk_and_comes_back_in_order)
{
    queue_open(&g_queue, 3 * LEN, 1 << 20, "/tmp");
    for (uint32_t i = 1; i <= 50; i++)
        cr_assert(add(i));
    cr_expect_eq(g_queue.spilled_count, 47);
    cr_expect_eq(queue_span_count(&g_queue), 50 * 51 / 2);
    for (uint32_t i = 1; i <= 20; i++)
        expect(i);
    for (uint32_t i = 51; i <= 60; i++) /* memory is free again, but those on the disk come first */
        cr_assert(add(i));
    for (uint32_t i = 21; i <= 60; i++)
        expect(i);
    cr_expect_eq(queue_span_count(&g_queue), 0);
    cr_expect_eq(g_queue.spill_written, 0, "the file is empty again");
    cr_assert(add(7));
    cr_expect_eq(g_queue.memory_len, (size_t)LEN, "and memory is used again");
    queue_free(&g_queue);
}

Test(backend_queue, beyond_both_limits_it_refuses)
{
    queue_open(&g_queue, LEN, 2 * (LEN + HEADER_LEN), "/tmp");
    cr_expect(add(1));
    cr_expect(add(2));
    cr_expect(add(3));
    cr_expect_not(add(4));
    expect(1);
    expect(2);
    cr_expect(add(5), "what has been read makes room");
    cr_expect_not(add(6), "even if nothing lies in memory: it would overtake those on the disk");
    expect(3);
    expect(5);
    queue_free(&g_queue);
}

Test(backend_queue, without_a_place_on_the_disk_there_is_the_memory)
{
    queue_open(&g_queue, 2 * LEN, 1 << 20, "/no/such/folder");
    cr_expect(add(1));
    cr_expect(add(2));
    cr_expect_not(add(3));
    queue_free(&g_queue);
}

Test(backend_queue, a_message_larger_than_the_memory_is_taken_if_it_is_alone)
{
    queue_open(&g_queue, LEN / 2, 0, "/tmp");
    cr_expect(add(1));
    cr_expect_not(add(2));
    expect(1);
    queue_free(&g_queue);
}

Test(backend_queue, spans_in_memory_may_be_limited_as_well)
{
    queue_open(&g_queue, 100 * LEN, 1 << 20, "/tmp");
    g_queue.memory_spans_max = 5;
    cr_expect(add(2));
    cr_expect(add(3));
    cr_expect(add(1));
    cr_expect_eq(g_queue.spilled_count, 1);
    expect(2);
    expect(3);
    expect(1);
    queue_free(&g_queue);
}

Test(backend_queue, closed_it_gives_what_it_has_and_then_nothing)
{
    queue_open(&g_queue, LEN, 1 << 20, "/tmp");
    cr_expect(add(1));
    cr_expect(add(2));
    queue_close(&g_queue);
    expect(1);
    expect(2);
    cr_expect_null(queue_take(&g_queue));
    cr_expect(queue_wait(&g_queue, NANOS_PER_SECOND * 3600), "nor does anybody wait");
    queue_free(&g_queue);
}

static void *take_on_thread(void *unused)
{
    expect(9);
    return unused;
}

Test(backend_queue, who_takes_waits_for_who_adds, .timeout = 20)
{
    pthread_t thread;
    queue_open(&g_queue, LEN, 0, "/tmp");
    pthread_create(&thread, NULL, take_on_thread, NULL);
    cr_expect(add(9));
    pthread_join(thread, NULL);
    queue_free(&g_queue);
}
