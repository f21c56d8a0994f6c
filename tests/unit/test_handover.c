/* test_handover.c - a context goes with what one thread writes to the one that reads it, or nobody is named. */
#include "wire/handover.h"

#include "base/compiler.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

static struct active_request g_requests[4] = {{.index = 0}, {.index = 1}, {.index = 2}, {.index = 3}};
static struct active_context g_contexts[4];

/* The calling thread reads request @number. */
static void serve(unsigned number)
{
    struct active_request *request = &g_requests[number];
    struct active_context *active = &g_contexts[number];
    if (!active->source) {
        active->source = ACTIVE_SERVER;
        active->owner = (struct active_owner){request, atomic_load(&request->generation)};
        span_context_child(&active->context, NULL);
        active_request_begin(request);
    }
    active_next_turn();
    active_set(active);
    active_note_use();
}

static struct handover *made(enum handover_kind kind)
{
    struct handover *handover = handover_new(kind, 1, 2);
    cr_assert_not_null(handover);
    return handover;
}

static void put_result(struct handover *handover, const void *bytes, size_t len, ssize_t result)
{
    struct handover_write write;
    handover_write_begin(&write, handover, 0, bytes, len);
    handover_write_end(&write, result);
}

static void put(struct handover *handover, const char *text)
{
    put_result(handover, text, strlen(text), (ssize_t)strlen(text));
}

static void add(struct handover *handover, uint64_t count)
{
    put_result(handover, &count, sizeof count, sizeof count);
}

enum { NOBODY = -1 };

struct reader {
    struct handover *handover;
    const void *bytes;
    size_t len;
    int was;   /* whose work the thread does before */
    int found; /* and after, or NOBODY */
};

static int current(void)
{
    const struct active_context *active = active_current(NULL);
    for (int i = 0; active && i < 4; i++)
        if (carried_is_same(active, &g_contexts[i]))
            return i;
    return NOBODY;
}

static void take(struct reader *reader)
{
    struct handover_read read;
    handover_read_begin(&read, reader->handover, 0);
    read.fd = 0;
    handover_read_end(&read, reader->bytes, (ssize_t)reader->len);
    reader->found = current();
    active_note_use();
}

static void *take_elsewhere(void *reader)
{
    take(reader);
    return NULL;
}

/* By a thread of its own. */
static int read_bytes(struct handover *handover, const void *bytes, size_t len)
{
    struct reader reader = {.handover = handover, .bytes = bytes, .len = len};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, take_elsewhere, &reader), 0);
    pthread_join(thread, NULL);
    return reader.found;
}

static int read_text(struct handover *handover, const char *text)
{
    return read_bytes(handover, text, strlen(text));
}

static int read_here(struct handover *handover, const void *bytes, size_t len)
{
    struct reader reader = {.handover = handover, .bytes = bytes, .len = len};
    take(&reader);
    return reader.found;
}

Test(handover, a_message_brings_its_context)
{
    struct handover *handover = made(HANDOVER_BYTES);
    serve(0);
    put(handover, "job 0");
    cr_assert_eq(read_text(handover, "job 0"), 0);
}

Test(handover, messages_are_known_by_their_bytes_whoever_reads_them_first)
{
    struct handover *handover = made(HANDOVER_BYTES);
    for (unsigned i = 0; i < 3; i++) {
        serve(i);
        put(handover, i == 0 ? "job 0" : i == 1 ? "job 1" : "job 2");
    }
    cr_assert_eq(read_text(handover, "job 2"), 2);
    cr_assert_eq(read_text(handover, "job 0"), 0);
    cr_assert_eq(read_text(handover, "job 1"), 1);
}

Test(handover, messages_that_are_alike_are_nobodys)
{
    struct handover *handover = made(HANDOVER_BYTES);
    serve(0);
    put(handover, "job");
    serve(1);
    put(handover, "job");
    cr_assert_eq(read_text(handover, "job"), NOBODY);
    cr_assert_eq(read_text(handover, "job"), NOBODY);
    serve(2);
    put(handover, "job");
    cr_assert_eq(read_text(handover, "job"), 2);
}

Test(handover, two_messages_in_one_read_are_nobodys)
{
    struct handover *handover = made(HANDOVER_BYTES);
    serve(0);
    put(handover, "job 0");
    serve(1);
    put(handover, "job 1");
    cr_assert_eq(read_text(handover, "job 0job 1"), NOBODY);
}

Test(handover, a_message_in_pieces_is_one)
{
    struct handover *handover = made(HANDOVER_BYTES);
    serve(0);
    put(handover, "head and body");
    serve(1);
    active_next_turn();
    cr_assert_eq(read_here(handover, "head", 4), 0);
    cr_assert_eq(read_here(handover, " and body", 9), 0);
}

Test(handover, what_was_not_written_is_not_handed_over)
{
    struct handover *handover = made(HANDOVER_BYTES);
    serve(0);
    put_result(handover, "job", 3, -1);
    put_result(handover, "long job", 8, 4);
    serve(1);
    put(handover, "job 1");
    active_forget();
    cr_assert_eq(read_here(handover, "long", 4), 0);
    cr_assert_eq(read_here(handover, "job 1", 5), 1);
}

Test(handover, bytes_of_others_end_it)
{
    struct handover *handover = made(HANDOVER_BYTES);
    serve(0);
    cr_assert_eq(read_text(handover, "stranger"), NOBODY);
    cr_assert(atomic_load(&handover->is_given_up));
    put(handover, "job 0");
    cr_assert_eq(read_text(handover, "job 0"), NOBODY);
}

Test(handover, more_than_can_be_kept_ends_it)
{
    struct handover *handover = made(HANDOVER_BYTES);
    serve(0);
    for (int i = 0; i <= CARRIED_ROOM; i++)
        put(handover, "job 0");
    cr_assert(atomic_load(&handover->is_given_up));
}

Test(handover, a_wake_up_decides_only_where_one_request_is_open)
{
    struct handover *counter = made(HANDOVER_COUNTER), *pipe = made(HANDOVER_BYTES);
    const uint64_t one = 1;
    serve(0);
    add(counter, 1);
    cr_assert_eq(read_bytes(counter, &one, sizeof one), 0);
    put(pipe, "x");
    cr_assert_eq(read_text(pipe, "x"), 0);
    serve(1);
    add(counter, 1);
    cr_assert_eq(read_bytes(counter, &one, sizeof one), NOBODY);
    put(pipe, "x");
    cr_assert_eq(read_text(pipe, "x"), NOBODY);
}

Test(handover, a_semaphore_is_read_in_order)
{
    struct handover *handover = made(HANDOVER_SEMAPHORE);
    const uint64_t one = 1;
    serve(0);
    add(handover, 2);
    serve(1);
    add(handover, 1);
    active_next_turn();
    cr_assert_eq(read_here(handover, &one, sizeof one), 0);
    cr_assert_eq(read_here(handover, &one, sizeof one), 0);
    cr_assert_eq(read_here(handover, &one, sizeof one), 1);
}

Test(handover, a_semaphore_of_many_readers_says_nothing)
{
    struct handover *handover = made(HANDOVER_SEMAPHORE);
    const uint64_t one = 1;
    serve(0);
    serve(1);
    for (int i = 0; i < 3; i++)
        add(handover, 1);
    cr_assert_eq(read_bytes(handover, &one, sizeof one), 1);
    cr_assert_eq(read_bytes(handover, &one, sizeof one), NOBODY);
}

Test(handover, a_timer_goes_off_for_who_set_it)
{
    struct handover *handover = made(HANDOVER_TIMER);
    const uint64_t one = 1;
    serve(0);
    handover_timer_set_begin(handover, true);
    serve(1);
    active_next_turn();
    cr_assert_eq(read_here(handover, &one, sizeof one), 0);
    serve(1);
    active_next_turn();
    cr_assert_eq(read_here(handover, &one, sizeof one), 0, "again, if it is periodic");
}

Test(handover, a_timer_of_many_says_nothing)
{
    struct handover *handover = made(HANDOVER_TIMER);
    const uint64_t one = 1;
    serve(0);
    handover_timer_set_begin(handover, true);
    serve(1);
    handover_timer_set_begin(handover, true);
    cr_assert_eq(read_bytes(handover, &one, sizeof one), NOBODY);
}

Test(handover, who_serves_a_request_alone_is_not_taken_away_from_it)
{
    struct handover *handover = made(HANDOVER_BYTES);
    active_forget();
    put(handover, "result");
    g_contexts[0].source = ACTIVE_SERVER;
    g_contexts[0].owner = (struct active_owner){&g_requests[0], 0};
    span_context_child(&g_contexts[0].context, NULL);
    active_request_begin(&g_requests[0]);
    active_set(&g_contexts[0]);
    cr_assert_eq(read_here(handover, "result", 6), 0);
}

static bool g_is_others;
static uint32_t g_sent_count;

static bool ask(struct handover *handover, int fd, uint32_t noted_count)
{
    return handover->identity != 7 || g_is_others || (fd >= 0 && g_sent_count > noted_count);
}

static void queue_put(struct handover *handover, unsigned number, const char *text)
{
    serve(number);
    put(handover, text);
}

Test(handover, messages_of_a_queue_come_in_any_order)
{
    struct handover *handover = handover_new_shared(ask, 7);
    queue_put(handover, 0, "a");
    queue_put(handover, 1, "low");
    queue_put(handover, 2, "high");
    cr_assert_eq(read_text(handover, "high"), 2);
    cr_assert_eq(read_text(handover, "a"), NOBODY, "a wake-up, and three are open");
    cr_assert_eq(read_text(handover, "low"), 1);
    cr_assert_not(atomic_load(&handover->is_given_up));
}

Test(handover, an_unknown_message_ends_a_queue)
{
    struct handover *handover = handover_new_shared(ask, 7);
    queue_put(handover, 0, "job 0");
    cr_assert_eq(read_text(handover, "x"), NOBODY);
    cr_assert_eq(read_text(handover, "job 0"), NOBODY);
}

Test(handover, a_queue_that_another_process_writes_to_says_nothing)
{
    struct handover *handover = handover_new_shared(ask, 7);
    queue_put(handover, 0, "job 0");
    queue_put(handover, 1, "job 1");
    g_sent_count = 1;
    cr_assert_eq(read_text(handover, "job 0"), 0);
    cr_assert_eq(read_text(handover, "job 1"), NOBODY, "one more than were sent here");

    handover_begin_anew(handover, 7);
    queue_put(handover, 0, "job 0");
    g_is_others = true;
    queue_put(handover, 1, "job 1");
    g_is_others = false;
    g_sent_count = 0;
    cr_assert_eq(read_text(handover, "job 0"), NOBODY);
}

Test(handover, a_queue_is_found_by_its_identity_as_long_as_it_is_named)
{
    struct handover *handover = handover_new_shared(ask, 7);
    cr_assert_eq(handover_find(ask, 7), handover);
    cr_assert_null(handover_find(ask, 8));
    queue_put(handover, 0, "job 0");
    handover_release(handover);
    cr_assert_eq(read_text(handover, "job 0"), 0);
    handover_release(handover);
    cr_assert_null(handover_find(ask, 7));
}

Test(handover, is_bounded)
{
    static struct handover *all[HANDOVERS_MAX];
    for (int i = 0; i < HANDOVERS_MAX; i++)
        all[i] = made(HANDOVER_BYTES);
    cr_assert_null(handover_new(HANDOVER_BYTES, 1, 1));
    for (int i = 0; i < HANDOVERS_MAX; i++) {
        put(all[i], "left in it");
        handover_release(all[i]);
        handover_release(all[i]);
    }
    cr_assert_not_null(handover_new(HANDOVER_BYTES, 2, 1));
}
