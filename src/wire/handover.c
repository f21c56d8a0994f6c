#include "wire/handover.h"

#include "base/compiler.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/slab.h"

#include <string.h>

enum { HASHED_LEN_MAX = 256 };

static BULKY_DATA struct slab g_handovers = SLAB_INITIALIZER(sizeof(struct handover), 64, HANDOVERS_MAX / 64);

static void queues_free(struct handover *handover)
{
    for (unsigned i = 0; i < 2; i++) {
        if (handover->ways[i].queue)
            carried_queue_free(handover->ways[i].queue);
        handover->ways[i].queue = NULL;
    }
}

static void note_process(struct handover *handover)
{
    handover->pid = process_pid();
    handover->fork_count = process_fork_count();
    handover->spawn_count = process_spawn_count();
}

struct handover *handover_new(enum handover_kind kind, unsigned way_count, uint32_t fd_count)
{
    uint32_t index;
    struct handover *handover = slab_alloc(&g_handovers, &index);
    if (!handover)
        return NULL;
    memset(&handover->lock, 0, sizeof *handover - offsetof(struct handover, lock));
    handover->index = index;
    handover->kind = (uint8_t)kind;
    handover->way_count = way_count;
    note_process(handover);
    for (unsigned i = 0; i < way_count; i++)
        if (!(handover->ways[i].queue = carried_queue_new())) {
            queues_free(handover);
            slab_free(&g_handovers, index);
            return NULL;
        }
    atomic_store_explicit(&handover->fd_count, fd_count, memory_order_release);
    return handover;
}

struct handover *handover_new_shared(handover_asker *asker, uint64_t identity)
{
    struct handover *handover = handover_new(HANDOVER_MESSAGES, 1, 1);
    if (!handover)
        return NULL;
    handover->is_others = asker;
    atomic_store_explicit(&handover->identity, identity, memory_order_release);
    return handover;
}

static bool is_named(const struct handover *handover, handover_asker *asker, uint64_t identity)
{
    return atomic_load_explicit(&handover->identity, memory_order_acquire) == identity && handover->is_others == asker;
}

/* One that is named so may be let go, and stand for another object, at any time until it is counted. */
struct handover *handover_find(handover_asker *asker, uint64_t identity)
{
    uint32_t end = slab_high_water(&g_handovers);
    for (uint32_t i = 0; i < end; i++) {
        struct handover *handover = slab_at(&g_handovers, i);
        uint32_t count = handover ? atomic_load_explicit(&handover->fd_count, memory_order_acquire) : 0;
        if (!count || !is_named(handover, asker, identity))
            continue;
        while (count && !atomic_compare_exchange_weak(&handover->fd_count, &count, count + 1))
            ;
        if (count && is_named(handover, asker, identity))
            return handover;
        if (count)
            handover_release(handover);
    }
    return NULL;
}

bool handover_begin_anew(struct handover *handover, uint64_t identity)
{
    if (!lock_acquire(&handover->lock))
        return false;
    atomic_fetch_add_explicit(&handover->generation, 1, memory_order_release);
    for (unsigned i = 0; i < handover->way_count; i++)
        carried_clear(handover->ways[i].queue);
    note_process(handover);
    atomic_store(&handover->identity, identity);
    atomic_store(&handover->is_given_up, false);
    lock_release(&handover->lock);
    return true;
}

void handover_count_initially(struct handover *handover, uint64_t count)
{
    if (count)
        carried_put(handover->ways[0].queue, count, 0, CARRIED_NOTHING, NULL);
}

void handover_release(struct handover *handover)
{
    if (atomic_fetch_sub_explicit(&handover->fd_count, 1, memory_order_acq_rel) != 1)
        return;
    if (!lock_acquire(&handover->lock))
        return; /* its memory is lost; better than to touch it under another thread's hands */
    atomic_fetch_add_explicit(&handover->generation, 1, memory_order_release);
    queues_free(handover);
    lock_release(&handover->lock);
    slab_free(&g_handovers, handover->index);
}

void handover_give_up(struct handover *handover)
{
    atomic_store_explicit(&handover->is_given_up, true, memory_order_relaxed);
}

/* Not another process's: what is written there and read here, or the other way round, nobody can follow. */
static bool is_followed(struct handover *handover)
{
    if (atomic_load_explicit(&handover->is_given_up, memory_order_relaxed))
        return false;
    if (LIKELY(handover->pid == process_pid()))
        return true;
    handover_give_up(handover);
    return false;
}

static bool handover_lock(struct handover *handover, uint32_t generation)
{
    if (!lock_acquire(&handover->lock)) {
        handover_give_up(handover);
        return false;
    }
    if (LIKELY(atomic_load_explicit(&handover->generation, memory_order_relaxed) == generation))
        return true;
    lock_release(&handover->lock);
    return false;
}

static void thread_note(struct handover_reader_writer *who)
{
    int me = process_tid(), first = atomic_load_explicit(&who->tid, memory_order_relaxed);
    if (LIKELY(first == me) || (first == 0 && atomic_compare_exchange_strong(&who->tid, &first, me)))
        return;
    if (!atomic_load_explicit(&who->are_several, memory_order_relaxed))
        atomic_store(&who->are_several, true);
}

/* One thread writes, one reads, and no other process has it: what is read comes in the order in which it was noted. */
static bool is_in_order(const struct handover *handover, const struct handover_way *way)
{
    return !atomic_load(&way->writer.are_several) && !atomic_load(&way->reader.are_several) &&
           handover->fork_count == process_fork_count() && handover->spawn_count == process_spawn_count();
}

static uint64_t hash_of(const void *buf, size_t len)
{
    return hash_bytes(buf, MIN(len, (size_t)HASHED_LEN_MAX), len);
}

/* What the calling thread works for, as far as another may go by it. */
static enum carried_state state_now(const struct active_context **active, bool is_wakeup)
{
    enum active_verdict verdict;
    *active = active_current(&verdict);
    if (!*active)
        return verdict == ACTIVE_UNKNOWN ? CARRIED_NOTHING : CARRIED_UNCLEAR;
    switch ((*active)->source) {
    case ACTIVE_SERVER:
    case ACTIVE_HANDOVER:
    case ACTIVE_RUNTIME:
        return CARRIED_CONTEXT;
    case ACTIVE_THREAD:
        return is_wakeup ? CARRIED_NOTHING : CARRIED_CONTEXT;
    default:
        return CARRIED_NOTHING;
    }
}

static bool is_counter(const struct handover *handover)
{
    return handover->kind == HANDOVER_COUNTER || handover->kind == HANDOVER_SEMAPHORE;
}

/* A semaphore's units are each for one piece of work, as long as nobody else can take it. */
static bool is_wakeup(const struct handover *handover, const struct handover_way *way, size_t len)
{
    if (handover->kind == HANDOVER_SEMAPHORE)
        return !is_in_order(handover, way);
    return handover->kind == HANDOVER_COUNTER || len == 1;
}

/* Of the object that is locked. */
static bool is_others(struct handover *handover, int fd, uint32_t noted_count)
{
    if (LIKELY(!handover->is_others) || !handover->is_others(handover, fd, noted_count))
        return false;
    handover_give_up(handover);
    return true;
}

static void note(struct handover_write *write, const void *buf)
{
    struct handover *handover = write->handover;
    const struct active_context *active;
    bool wakes = is_wakeup(handover, write->way, write->len);
    enum carried_state state = state_now(&active, wakes);
    uint64_t units = write->len, hash = 0;
    if (is_counter(handover))
        memcpy(&units, buf, sizeof units);
    else
        hash = hash_of(buf, write->len);
    if (units == 0 || !handover_lock(handover, write->generation))
        return;
    if (!is_others(handover, -1, 0))
        write->number = carried_put(write->way->queue, units, hash, state, active);
    if (!write->number && handover->kind == HANDOVER_COUNTER) { /* they are all one wake-up, for several */
        carried_clear(write->way->queue);
        write->number = carried_put(write->way->queue, units, 0, CARRIED_UNCLEAR, NULL);
    }
    lock_release(&handover->lock);
    if (state == CARRIED_CONTEXT && !wakes && write->number)
        active_note_use();
}

void handover_write_begin(struct handover_write *write, struct handover *handover, unsigned end, const void *buf,
                          size_t len)
{
    size_t looked_at = MIN(len, (size_t)HASHED_LEN_MAX);
    write->handover = handover;
    write->way = &handover->ways[end ^ (handover->way_count - 1)];
    write->generation = atomic_load_explicit(&handover->generation, memory_order_acquire);
    write->number = 0;
    write->len = len;
    if (len == 0 || handover->kind == HANDOVER_TIMER || !is_followed(handover))
        return;
    thread_note(&write->way->writer);
    if ((!is_counter(handover) || len >= sizeof(uint64_t)) && memory_is_readable(buf, looked_at))
        note(write, buf);
}

void handover_write_end(const struct handover_write *write, ssize_t result)
{
    struct handover *handover = write->handover;
    bool is_whole = result > 0 && ((size_t)result == write->len || is_counter(handover));
    if (LIKELY(write->number && is_whole) || (!write->number && result <= 0))
        return;
    if (!is_followed(handover) || atomic_load(&handover->generation) != write->generation)
        return;
    if (!write->number) {
        if (!is_counter(handover) || !is_whole) /* a counter may have been written 0 */
            handover_give_up(handover);
        return;
    }
    if (!handover_lock(handover, write->generation))
        return;
    if (!carried_correct(write->way->queue, write->number, result > 0 ? (uint64_t)result : 0))
        handover_give_up(handover);
    lock_release(&handover->lock);
}

/* ---- what is read ---- */

/* A thread that serves a request from its beginning to its end goes on with it, whatever it has waited for. */
static bool is_serving(const struct active_context *last)
{
    return last->source == ACTIVE_SERVER && active_turn() == 0 && active_is_open(last);
}

static bool is_handed_over(const struct active_context *last)
{
    return last->source == ACTIVE_HANDOVER;
}

static void turn_to(struct active_context *context)
{
    context->source = ACTIVE_HANDOVER;
    active_set(context);
}

static bool is_mine(const struct active_context *context)
{
    const struct active_context *current = active_current(NULL);
    return current && carried_is_same(current, context);
}

static void message_came(struct carried *carried)
{
    const struct active_context *last = active_last();
    if (carried->state == CARRIED_CONTEXT && is_mine(&carried->context))
        return;
    if (carried->state == CARRIED_CONTEXT && !is_serving(last))
        turn_to(&carried->context);
    else if (carried->state != CARRIED_NOTHING)
        active_doubt();
    else if (!is_serving(last))
        active_forget();
}

static void wakeup_came(struct carried *carried)
{
    uint32_t only;
    const struct active_request *request = carried->context.owner.request;
    if (carried->state != CARRIED_CONTEXT) {
        if (carried->state == CARRIED_UNCLEAR || is_handed_over(active_last()))
            active_doubt();
        return;
    }
    if (is_mine(&carried->context))
        return;
    if (request && active_is_open(&carried->context) && active_open_count(&only) == 1 && only == request->index)
        turn_to(&carried->context);
    else
        active_doubt();
}

/* Nobody knows what came; the thread will hardly go on with what it was given last. */
static void something_came(void)
{
    if (is_handed_over(active_last()))
        active_doubt();
}

/* Takes what was read from the queue; false if it is nothing that we know of. */
static bool take(const struct handover_read *read, const void *buf, size_t len, struct carried *carried)
{
    struct handover *handover = read->handover;
    struct handover_way *way = read->way;
    bool is_ordered = is_in_order(handover, way);
    uint64_t units = len;
    if (handover->kind == HANDOVER_TIMER)
        return carried_peek(way->queue, carried);
    if (handover->kind == HANDOVER_MESSAGES)
        return carried_take_same(way->queue, len, hash_of(buf, len), carried) &&
               !is_others(handover, read->fd, way->queue->count);
    if (is_counter(handover)) {
        memcpy(&units, buf, sizeof units);
        carried->is_wakeup = is_wakeup(handover, way, len);
        return carried_take(way->queue, units, carried) || !is_ordered;
    }
    if (len > 1 && carried_take_same(way->queue, len, hash_of(buf, len), carried))
        return true;
    bool are_wakeups = carried_next_len(way->queue) == 1;
    if (handover->kind == HANDOVER_PACKETS && !are_wakeups)
        return false;
    return (is_ordered || are_wakeups) && (carried_take(way->queue, len, carried) || !is_ordered);
}

void handover_read_begin(struct handover_read *read, struct handover *handover, unsigned end)
{
    read->handover = handover;
    read->way = &handover->ways[end & (handover->way_count - 1)];
    read->fd = -1;
    read->generation = atomic_load_explicit(&handover->generation, memory_order_acquire);
    if (is_followed(handover))
        thread_note(&read->way->reader);
}

void handover_read_end(const struct handover_read *read, const void *buf, ssize_t result)
{
    struct handover *handover = read->handover;
    struct carried carried;
    if (result <= 0)
        return;
    if (!is_followed(handover) || !handover_lock(handover, read->generation)) {
        something_came();
        return;
    }
    carried.is_any = carried.is_wakeup = false;
    carried.state = CARRIED_NOTHING;
    bool is_known = take(read, buf, (size_t)result, &carried);
    lock_release(&handover->lock);
    if (!is_known) {
        handover_give_up(handover);
        something_came();
    } else if (carried.is_wakeup && handover->kind != HANDOVER_TIMER && is_wakeup(handover, read->way, 1)) {
        wakeup_came(&carried);
    } else {
        message_came(&carried);
    }
}

/* ---- timers ---- */

/* Set for one request while it is still to go off for another: it serves many. */
static bool is_shared_timer(struct carried_queue *queue, enum carried_state state, const struct active_context *active)
{
    struct carried before = {.is_any = false};
    return carried_peek(queue, &before) && before.state == CARRIED_CONTEXT &&
           active_is_open(&before.context) &&
           (state != CARRIED_CONTEXT || !carried_is_same(&before.context, active));
}

void handover_timer_set_begin(struct handover *handover, bool is_armed)
{
    uint32_t generation = atomic_load_explicit(&handover->generation, memory_order_acquire);
    const struct active_context *active;
    if (handover->kind != HANDOVER_TIMER || !is_followed(handover))
        return;
    enum carried_state state = state_now(&active, false);
    if (!handover_lock(handover, generation))
        return;
    struct carried_queue *queue = handover->ways[0].queue;
    if (is_armed && is_shared_timer(queue, state, active))
        state = CARRIED_UNCLEAR;
    carried_clear(queue);
    if (is_armed)
        carried_put(queue, 2, 0, state, active);
    lock_release(&handover->lock);
    if (is_armed && state == CARRIED_CONTEXT)
        active_note_use();
}

void handover_timer_set_failed(struct handover *handover)
{
    if (handover->kind == HANDOVER_TIMER)
        handover_give_up(handover);
}
