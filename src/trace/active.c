#include "trace/active.h"

#include "base/compiler.h"
#include "base/process.h"
#include "trace/baggage.h"
#include "trace/propagator.h"
#include "trace/traceparent.h"

#include <stdlib.h>
#include <string.h>

/* A slot's word: how many are open, and the sum of their indices, which is the index if it is one. */
enum { OPEN_SLOTS = 1024, OPEN_COUNT_SHIFT = 40 };

/* How often a thread may have waited for others before it has done anything: until its creator has let it run. */
enum { STARTING_WAITS = 3, STARTING_YIELDS = 16 };
#define OPEN_ONE (1ULL << OPEN_COUNT_SHIFT)

static struct active_context g_environment;
static BULKY _Atomic uint64_t g_open[OPEN_SLOTS];
static BULKY _Atomic int32_t g_lost[OPEN_SLOTS];
static _Atomic int32_t g_lost_total;
static _Atomic bool g_has_served; /* this process has, once */
static bool g_conditions_say_nothing;
static _Atomic(active_asker *) g_asker; /* of threads that have none of their own */
static _Atomic bool g_has_custom;                                      /* spans of the program's own, at any time */
static _Atomic(const struct active_context *) g_tests[ACTIVE_TESTS_MAX]; /* NULL: free */

static THREAD_LOCAL struct active_context t_active;
static THREAD_LOCAL struct active_context t_room; /* what the runtime has answered, and for who decides otherwise */
static THREAD_LOCAL active_asker *t_asker;
static THREAD_LOCAL uint32_t t_read_count;  /* requests */
static THREAD_LOCAL uint32_t t_set_count;   /* times that t_active was set */
static THREAD_LOCAL uint32_t t_turn;        /* counts the waits of an event loop */
static THREAD_LOCAL uint32_t t_set_in_turn; /* when t_active was set */
static THREAD_LOCAL bool t_was_used;        /* something was done in the name of t_active */
static THREAD_LOCAL uint32_t t_wait_count;  /* waits for other threads since then */
static THREAD_LOCAL uint32_t t_yield_count; /* waits for its turn since then */
static THREAD_LOCAL bool t_is_from_loop;    /* see active_heritage */
static THREAD_LOCAL bool t_has_answered;    /* its request, itself */
static THREAD_LOCAL bool t_has_history;     /* it has read a request, or was started for one, at any time */
static THREAD_LOCAL bool t_runtime_decides; /* between active_restore and active_leave */
static THREAD_LOCAL bool t_is_borrowed;     /* t_active is that of who woke the work that is done now */

void active_init_from_environment(void)
{
    const char *traceparent = getenv("TRACEPARENT");
    const char *tracestate = getenv("TRACESTATE");
    const char *baggage = getenv("BAGGAGE");
    struct span_context *context = &g_environment.context;
    if (!propagators_current()->count || !traceparent ||
        traceparent_parse(traceparent, strlen(traceparent), context))
        return;
    if (tracestate)
        tracestate_parse(tracestate, strlen(tracestate), context);
    if (baggage && propagators_have(PROPAGATOR_BAGGAGE))
        baggage_add(context, baggage, strlen(baggage));
    g_environment.source = ACTIVE_ENVIRONMENT;
    g_environment.has_incoming = true;
    memcpy(g_environment.incoming_span_id, context->span_id, SPAN_ID_LEN);
}

void active_set_process(const struct span_context *context, const uint8_t parent_span_id[SPAN_ID_LEN])
{
    span_context_copy(&g_environment.context, context);
    g_environment.source = ACTIVE_PROCESS;
    g_environment.has_incoming = true;
    memcpy(g_environment.incoming_span_id, parent_span_id, SPAN_ID_LEN);
}

const struct active_context *active_environment(void)
{
    return g_environment.source ? &g_environment : NULL;
}

void active_note_custom(void)
{
    atomic_store_explicit(&g_has_custom, true, memory_order_relaxed);
}

bool active_test_begin(const struct active_context *active)
{
    for (unsigned i = 0; i < ACTIVE_TESTS_MAX; i++) {
        const struct active_context *none = NULL;
        if (atomic_compare_exchange_strong(&g_tests[i], &none, active))
            return true;
    }
    return false;
}

void active_test_end(const struct active_context *active)
{
    for (unsigned i = 0; i < ACTIVE_TESTS_MAX; i++) {
        const struct active_context *expected = active;
        atomic_compare_exchange_strong(&g_tests[i], &expected, NULL);
    }
}

bool active_test_at(unsigned place, struct active_context *out)
{
    const struct active_context *test = atomic_load_explicit(&g_tests[place], memory_order_acquire);
    if (!test || !active_copy_open(out, test))
        return false;
    out->source = ACTIVE_TEST;
    return true;
}

bool active_has_tests(void)
{
    for (unsigned i = 0; atomic_load_explicit(&g_has_custom, memory_order_relaxed) && i < ACTIVE_TESTS_MAX; i++)
        if (atomic_load_explicit(&g_tests[i], memory_order_relaxed))
            return true;
    return false;
}

unsigned active_tests(struct active_context *out)
{
    unsigned count = 0;
    if (LIKELY(!atomic_load_explicit(&g_has_custom, memory_order_relaxed)))
        return 0;
    for (unsigned i = 0; i < ACTIVE_TESTS_MAX; i++)
        count += active_test_at(i, out);
    return count;
}

void active_copy(struct active_context *to, const struct active_context *from)
{
    memcpy(to, from, offsetof(struct active_context, context));
    span_context_copy(&to->context, &from->context);
}

size_t active_filled_len(const struct active_context *active)
{
    if (active->context.baggage_len)
        return offsetof(struct active_context, context.baggage) + active->context.baggage_len;
    return offsetof(struct active_context, context.tracestate) + active->context.tracestate_len;
}

static bool is_ended(const struct active_owner *owner)
{
    return owner->request &&
           atomic_load_explicit(&owner->request->generation, memory_order_acquire) != owner->expected;
}

bool active_is_open(const struct active_context *active)
{
    return !is_ended(&active->owner);
}

bool active_copy_open(struct active_context *to, const struct active_context *from)
{
    if (!active_is_open(from) || from->context.tracestate_len > TRACESTATE_LEN_MAX ||
        from->context.baggage_len > BAGGAGE_LEN_MAX)
        return false;
    active_copy(to, from);
    atomic_thread_fence(memory_order_acquire); /* the copy is made before it is looked at again */
    return active_is_open(to);
}

/* Threads whose ids follow each other count in different cache lines. */
static uint32_t slot_of(int tid)
{
    unsigned id = (unsigned)tid;
    return id % 128 * 8 + id / 128 % 8;
}

static void lost_change(uint32_t slot, int change)
{
    atomic_fetch_add_explicit(&g_lost[slot], change, memory_order_relaxed);
    atomic_fetch_add_explicit(&g_lost_total, change, memory_order_relaxed);
}

static void request_lose(struct active_request *request)
{
    /* Whoever handed it over may be who goes on with it: by a way that we do not see. */
    request->lost_slot = t_active.source == ACTIVE_HANDOVER ? request->slot : slot_of(process_tid());
    if (!atomic_exchange_explicit(&request->is_lost, true, memory_order_acq_rel))
        lost_change(request->lost_slot, 1);
}

static void request_find_again(struct active_request *request)
{
    if (UNLIKELY(atomic_load_explicit(&request->is_lost, memory_order_relaxed)) &&
        atomic_exchange_explicit(&request->is_lost, false, memory_order_acq_rel))
        lost_change(request->lost_slot, -1);
}

/* The thread turns to something else. If its request waits for nothing that we will see, it is lost. */
static void leave_request(void)
{
    struct active_request *request = t_active.owner.request;
    bool is_work = t_active.source == ACTIVE_SERVER || t_active.source == ACTIVE_HANDOVER;
    if (!is_work || t_was_used || !request || request->is_custom || is_ended(&t_active.owner) || request->is_arriving ||
        request->is_answering ||
        atomic_load_explicit(&request->call_count, memory_order_relaxed) > 0 ||
        atomic_load_explicit(&request->is_kept, memory_order_relaxed))
        return;
    request_lose(request);
}

void active_set(const struct active_context *active)
{
    struct active_request *request = active->owner.request;
    if (t_active.owner.request != request)
        leave_request();
    active_copy(&t_active, active);
    t_set_in_turn = t_turn;
    t_set_count++;
    bool is_custom = request && request->is_custom;
    t_has_history =
        t_has_history || active->source == ACTIVE_SERVER || (active->source == ACTIVE_THREAD && !is_custom);
    t_was_used = t_has_answered = t_is_borrowed = false;
    t_wait_count = t_yield_count = 0;
    if (request && active_is_open(active))
        request_find_again(request);
}

void active_forget(void)
{
    leave_request();
    t_active.source = ACTIVE_NONE;
}

void active_doubt(void)
{
    active_forget();
    t_has_history = true;
}

static unsigned open_count_here(void)
{
    uint64_t word = atomic_load_explicit(&g_open[slot_of(process_tid())], memory_order_relaxed);
    return (unsigned)(word >> OPEN_COUNT_SHIFT);
}

/* But for its own. */
static bool are_others_lost_at(uint32_t slot)
{
    const struct active_request *request = t_active.owner.request;
    if (LIKELY(atomic_load_explicit(&g_lost_total, memory_order_relaxed) <= 0))
        return false;
    bool is_own = request && request->lost_slot == slot && active_is_open(&t_active) &&
                  atomic_load_explicit(&request->is_lost, memory_order_relaxed);
    return atomic_load_explicit(&g_lost[slot], memory_order_relaxed) > is_own;
}

/* What it read itself, or was handed. Who has answered a request goes on with it until it turns to something else; then
 * it may still be at work for that. */
static enum active_verdict work_verdict(void)
{
    bool is_same_turn = t_set_in_turn == t_turn;
    bool is_certain = active_is_open(&t_active)
                          ? !are_others_lost_at(slot_of(process_tid())) && (is_same_turn || open_count_here() <= 1)
                          : is_same_turn && t_has_answered && t_wait_count + t_yield_count == 0 && active_lost_count() == 0;
    return is_certain ? ACTIVE_CERTAIN : ACTIVE_UNCLEAR;
}

/* Who started the thread may have put others in a queue, too, than that for which it was started; but who has answered that
 * is itself at work for those that it has read since, as long as they are not lost. */
static bool has_creator_others(void)
{
    const struct active_request *request = t_active.owner.request;
    if (LIKELY(!t_is_from_loop) || !request)
        return false;
    uint64_t word = atomic_load_explicit(&g_open[request->slot], memory_order_relaxed);
    return active_is_open(&t_active) ? word >> OPEN_COUNT_SHIFT > 1 : are_others_lost_at(request->slot);
}

/* A thread that was started for a request goes on with it, also after that was answered. But a pool's thread outlives the
 * request that it happened to be started in: what it does after it has waited may be for anyone. */
static enum active_verdict inherited_verdict(void)
{
    uint32_t waits = t_wait_count + (t_turn - t_set_in_turn);
    bool has_waited = t_was_used ? waits + t_yield_count > 0 : waits > STARTING_WAITS || t_yield_count > STARTING_YIELDS;
    return has_waited || has_creator_others() ? ACTIVE_UNCLEAR : ACTIVE_CERTAIN;
}

/* Others may have come since, and their work to this thread. */
static bool is_alone(void)
{
    uint32_t only;
    return active_is_open(&t_active) && active_open_count(&only) == 1;
}

static enum active_verdict own_verdict(void)
{
    if (t_runtime_decides)
        return t_is_borrowed ? ACTIVE_UNCLEAR : ACTIVE_CERTAIN;
    enum active_verdict doubt = t_has_history ? ACTIVE_UNCLEAR : ACTIVE_UNKNOWN;
    switch (t_active.source) {
    case ACTIVE_NONE:
    case ACTIVE_ENVIRONMENT:
    case ACTIVE_PROCESS:
        return doubt;
    case ACTIVE_ONLY:
        return t_set_in_turn == t_turn && !t_has_history && is_alone() ? ACTIVE_CERTAIN : doubt;
    case ACTIVE_THREAD:
        return inherited_verdict();
    default:
        return work_verdict();
    }
}

/* What the program has begun by itself is over when it says so, and not a moment longer. */
static void custom_drop_ended(void)
{
    const struct active_request *request = t_active.source ? t_active.owner.request : NULL;
    if (request && request->is_custom && is_ended(&t_active.owner))
        t_active.source = ACTIVE_NONE;
}

static const struct active_context *certain(enum active_verdict *verdict)
{
    *verdict = own_verdict();
    return *verdict == ACTIVE_CERTAIN && t_active.source ? &t_active : NULL;
}

/* What the runtime does not know of is for none of the requests that it keeps. */
static const struct active_context *nobody_kept(enum active_verdict *verdict)
{
    const struct active_request *request = t_active.source ? t_active.owner.request : NULL;
    *verdict = ACTIVE_CERTAIN;
    if (!request || atomic_load_explicit(&request->is_kept, memory_order_relaxed))
        return NULL;
    return certain(verdict);
}

static NOINLINE const struct active_context *ask(active_asker *asker, enum active_verdict *verdict)
{
    if (t_runtime_decides)
        return certain(verdict);
    switch (asker(&t_room)) {
    case ACTIVE_ANSWER_KNOWN:
        *verdict = ACTIVE_CERTAIN;
        return &t_room;
    case ACTIVE_ANSWER_OWN:
        return certain(verdict);
    case ACTIVE_ANSWER_ANYONE:
        *verdict = ACTIVE_ANYONE;
        return NULL;
    default:
        return nobody_kept(verdict);
    }
}

/* Who has answered a request, waited for others meanwhile, and starts a thread then, has the rest of that request's work
 * done; unless it may have got one from a queue that another thread has read. */
static bool is_sequel(void)
{
    return t_active.source == ACTIVE_SERVER && t_has_answered && t_set_in_turn == t_turn && active_lost_count() == 0;
}

bool active_bequeath(struct active_heritage *heritage)
{
    const struct active_context *active = active_current(NULL);
    heritage->is_certain = active || is_sequel();
    if (!active)
        active = &t_active;
    heritage->active.source = ACTIVE_NONE;
    heritage->has_history = t_has_history;
    heritage->is_from_loop = active->source == ACTIVE_THREAD ? t_is_from_loop : t_turn > 0;
    if (active->source == ACTIVE_NONE)
        return t_has_history;
    active_copy(&heritage->active, active);
    heritage->active.source = ACTIVE_THREAD;
    return true;
}

void active_inherit(const struct active_heritage *heritage)
{
    t_has_history = heritage->has_history;
    if (heritage->active.source == ACTIVE_NONE)
        return;
    active_set(&heritage->active);
    t_is_from_loop = heritage->is_from_loop;
    t_was_used = !heritage->is_certain;
    t_wait_count = !heritage->is_certain;
}

struct active_context *active_room(void)
{
    return &t_room;
}

const struct active_context *active_last(void)
{
    return &t_active;
}

const struct active_context *active_current(enum active_verdict *verdict)
{
    enum active_verdict unused;
    if (!verdict)
        verdict = &unused;
    if (UNLIKELY(atomic_load_explicit(&g_has_custom, memory_order_relaxed)))
        custom_drop_ended();
    active_asker *asker = t_asker ? t_asker : atomic_load_explicit(&g_asker, memory_order_acquire);
    return UNLIKELY(asker != NULL) ? ask(asker, verdict) : certain(verdict);
}

bool active_came_in_with(const struct active_context *active,
                         const struct span_context *traceparent)
{
    bool is_own = active->source == ACTIVE_PROCESS && /* what TRACEPARENT says in there */
                  memcmp(active->context.span_id, traceparent->span_id, SPAN_ID_LEN) == 0;
    return active->source != ACTIVE_NONE && active->has_incoming &&
           (is_own || memcmp(active->incoming_span_id, traceparent->span_id, SPAN_ID_LEN) == 0) &&
           memcmp(active->context.trace_id, traceparent->trace_id, TRACE_ID_LEN) == 0;
}

void active_note_use(void)
{
    t_was_used = true;
    t_wait_count = t_yield_count = 0;
}

void active_next_turn(void)
{
    if (t_active.source != ACTIVE_NONE && t_set_in_turn == t_turn)
        leave_request();
    t_turn++;
}

void active_note_wait(void)
{
    t_wait_count++;
}

void active_note_condition(void)
{
    if (!g_conditions_say_nothing)
        t_wait_count++;
}

void active_note_yield(void)
{
    t_yield_count++;
}

void active_ignore_conditions(void)
{
    g_conditions_say_nothing = true;
}

uint32_t active_turn(void)
{
    return t_turn;
}

void active_request_begin(struct active_request *request)
{
    request->slot = slot_of(process_tid());
    t_read_count++;
    request->previous.request = NULL;
    atomic_store_explicit(&request->call_count, 0, memory_order_relaxed);
    atomic_store_explicit(&request->is_kept, false, memory_order_relaxed);
    if (UNLIKELY(!atomic_load_explicit(&g_has_served, memory_order_relaxed)))
        atomic_store_explicit(&g_has_served, true, memory_order_relaxed);
    atomic_fetch_add_explicit(&g_open[request->slot], OPEN_ONE + request->index, memory_order_relaxed);
}

void active_request_follow(struct active_request *request, struct active_owner *previous)
{
    request->previous = *previous;
    if (previous->request)
        request->previous_superseded =
            atomic_exchange_explicit(&previous->request->superseded, previous->expected + 1, memory_order_relaxed);
    previous->request = request;
    previous->expected = atomic_load_explicit(&request->generation, memory_order_relaxed);
}

/* A runtime goes on with @request: who keeps the one before stays with that. */
static void request_keep(struct active_request *request)
{
    uint32_t expected = request->previous.expected + 1;
    if (atomic_exchange_explicit(&request->is_kept, true, memory_order_relaxed) || !request->previous.request)
        return;
    atomic_compare_exchange_strong_explicit(&request->previous.request->superseded, &expected,
                                            request->previous_superseded, memory_order_relaxed, memory_order_relaxed);
}

void active_request_end(struct active_request *request)
{
    request_find_again(request);
    if (t_active.owner.request == request)
        t_has_answered = true;
    atomic_fetch_sub_explicit(&g_open[request->slot], OPEN_ONE + request->index, memory_order_relaxed);
}

void active_request_call(struct active_request *request)
{
    request_find_again(request);
    atomic_fetch_add_explicit(&request->call_count, 1, memory_order_relaxed);
}

bool active_has_served(void)
{
    return atomic_load_explicit(&g_has_served, memory_order_relaxed);
}

unsigned active_open_count(uint32_t *only)
{
    uint64_t sum = 0;
    if (LIKELY(!atomic_load_explicit(&g_has_served, memory_order_relaxed)))
        return 0;
    for (size_t i = 0; i < OPEN_SLOTS; i++)
        sum += atomic_load_explicit(&g_open[i], memory_order_relaxed);
    *only = (uint32_t)(sum & (OPEN_ONE - 1));
    return (unsigned)(sum >> OPEN_COUNT_SHIFT);
}

unsigned active_lost_count(void)
{
    int32_t count = atomic_load_explicit(&g_lost_total, memory_order_relaxed);
    return count > 0 ? (unsigned)count : 0;
}

size_t active_save(const struct active_context *active, void *room)
{
    if (!active || active->source == ACTIVE_NONE)
        return 0;
    if (active->owner.request)
        request_keep(active->owner.request);
    active_copy(room, active);
    return active_filled_len(active);
}

void active_restore(const void *saved, size_t len, bool is_borrowed)
{
    if (len)
        memcpy(&t_active, saved, len);
    t_active.source = len ? ACTIVE_RUNTIME : ACTIVE_NONE;
    t_runtime_decides = true;
    t_is_borrowed = is_borrowed;
    t_set_in_turn = t_turn;
}

static struct active_owner saved_owner(const void *saved)
{
    struct active_owner owner;
    memcpy(&owner, (const char *)saved + offsetof(struct active_context, owner), sizeof owner);
    return owner;
}

bool active_saved_is_superseded(const void *saved)
{
    struct active_owner owner = saved_owner(saved);
    return owner.request && owner.expected < atomic_load_explicit(&owner.request->superseded, memory_order_relaxed);
}

bool active_saved_is_open(const void *saved)
{
    struct active_owner owner = saved_owner(saved);
    return !is_ended(&owner);
}

void active_leave(void)
{
    t_active.source = ACTIVE_NONE;
    t_runtime_decides = false;
}

void active_ask(active_asker *asker)
{
    t_asker = asker;
}

void active_ask_everywhere(active_asker *asker)
{
    atomic_store_explicit(&g_asker, asker, memory_order_release);
}

uint32_t active_read_count(void)
{
    return t_read_count;
}

uint32_t active_set_count(void)
{
    return t_set_count;
}
