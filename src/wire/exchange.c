#include "wire/exchange.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "base/slab.h"
#include "base/text.h"
#include "trace/baggage.h"
#include "trace/callsite.h"
#include "trace/sampler.h"
#include "wire/http_common.h"
#include "wire/known_head.h"
#include "wire/parent.h"

#include <string.h>

static BULKY_DATA struct slab g_exchanges = SLAB_INITIALIZER(sizeof(struct exchange), 256, 1024);

/* How many places are looked at for a request that is searched for. */
enum { EXCHANGES_LOOKED_AT = 4096 };

static BULKY_DATA struct slab g_snapshots = SLAB_INITIALIZER(sizeof(struct span), 64, 1024);

static bool method_is(const char *method, size_t len, const char *expected)
{
    return len == strlen(expected) && memcmp(method, expected, len) == 0;
}

static ALWAYS_INLINE struct exchange *exchange_new(enum span_kind kind)
{
    uint32_t index;
    struct exchange *exchange = slab_alloc(&g_exchanges, &index);
    if (UNLIKELY(!exchange))
        return NULL;
    /* The generation outlives the object's reuse; the large contexts are cleared by their flags. */
    memset(&exchange->fork_count, 0,
           offsetof(struct exchange, links) - offsetof(struct exchange, fork_count));
    exchange->index = exchange->request.index = index;
    exchange->context.is_valid = false;
    exchange->active.source = ACTIVE_NONE;
    exchange->active.has_incoming = false;
    exchange->fork_count = process_fork_count();
    exchange->spawn_count = process_spawn_count();
    exchange->kind = (uint8_t)kind;
    exchange->pid = process_pid();
    return exchange;
}

/* Whether it is sampled is known with its context: until then it has a record, which it may have to give back. Without
 * room for one, it is not traced. */
static ALWAYS_INLINE void record_begin(struct exchange *exchange, uint64_t start_ns)
{
    bool is_off = sampler_is_off();
    exchange->span = is_off ? NULL : span_start((enum span_kind)exchange->kind, start_ns);
    exchange->is_traced = is_off || exchange->span;
}

/* @context is the exchange's, and goes out, whatever it says. */
static ALWAYS_INLINE void record_settle(struct exchange *exchange, const struct span_context *context)
{
    if (LIKELY(span_context_is_sampled(context)))
        return;
    span_abandon(exchange->span);
    exchange->span = NULL;
}

static void method_note(struct exchange *exchange, const char *method, size_t len)
{
    exchange->is_connect_method = method_is(method, len, "CONNECT");
    exchange->is_head_method = method_is(method, len, "HEAD");
}

struct exchange *exchange_begin(enum span_kind kind, uint64_t start_ns,
                                const struct http1_event *request_line, bool is_whole)
{
    struct exchange *exchange = exchange_new(kind);
    if (UNLIKELY(!exchange))
        return NULL;
    method_note(exchange, request_line->name, request_line->name_len);
    if (is_whole)
        http_head_init(&exchange->whole_head);
    exchange->head = is_whole ? &exchange->whole_head : http_head_alloc();
    if (exchange->head) {
        record_begin(exchange, start_ns);
        http_head_note_line(exchange->head, request_line);
    }
    return exchange;
}

struct exchange *exchange_begin_known(enum span_kind kind, uint64_t start_ns, struct known_head *known)
{
    struct exchange *exchange = exchange_new(kind);
    if (UNLIKELY(!exchange))
        return NULL;
    exchange->head = &exchange->whole_head;
    http_head_init_known(exchange->head, &known->parts, &known->described);
    method_note(exchange, exchange->head->method, exchange->head->method_len);
    record_begin(exchange, start_ns);
    return exchange;
}

/* Says how the parent was found, or why none was, where that is not plain; and why the context did not
 * go on. */
static void propagation_describe(const struct exchange *exchange)
{
    if (UNLIKELY(!parent_is_plain(&exchange->active, exchange->link_count)))
        parent_describe(exchange->span, &exchange->active, exchange->links, exchange->link_count);
    if (exchange->propagation_skipped)
        span_set_string(exchange->span, ATTRIBUTE_PROPAGATION_SKIPPED,
                        exchange->propagation_skipped, strlen(exchange->propagation_skipped));
}

struct exchange *exchange_begin_opaque(uint64_t start_ns)
{
    struct exchange *exchange = exchange_new(SPAN_KIND_CLIENT);
    if (!exchange)
        return NULL;
    exchange->is_opaque = true;
    record_begin(exchange, start_ns);
    return exchange;
}

/* The application traces requests by itself: it has shown that it knows one that it serves, and goes on with its trace. */
static _Atomic bool g_application_traces;

void exchange_note_child(const struct active_context *parent)
{
    struct active_request *request = parent->source != ACTIVE_NONE ? parent->owner.request : NULL;
    if (request && active_is_open(parent))
        atomic_store_explicit(&request->has_children, true, memory_order_relaxed);
}

/* What every CLIENT span gets once its parent has been chosen. */
static void client_describe(const struct exchange *exchange)
{
    bool has_parent = exchange->active.source != ACTIVE_NONE;
    exchange_note_child(&exchange->active);
    span_set_context(exchange->span, &exchange->context, has_parent ? exchange->active.context.span_id : NULL);
    callsite_record(exchange->span);
    propagation_describe(exchange);
    baggage_describe(exchange->span, &exchange->context);
}

void exchange_opaque_describe(struct exchange *exchange, const char *name)
{
    record_settle(exchange, &exchange->context);
    if (!exchange->span)
        return;
    client_describe(exchange);
    span_set_name(exchange->span, name, strlen(name));
    span_set_true(exchange->span, ATTRIBUTE_OPAQUE);
}

/* Who waits for the answer to a call is not lost meanwhile. */
static void call_begin(const struct exchange *exchange)
{
    struct active_request *request = exchange->active.owner.request;
    if (exchange->active.source != ACTIVE_NONE && request && active_is_open(&exchange->active))
        active_request_call(request);
}

static void call_end(const struct exchange *exchange)
{
    struct active_request *request = exchange->active.owner.request;
    if (exchange->active.source != ACTIVE_NONE && request && active_is_open(&exchange->active))
        atomic_fetch_sub_explicit(&request->call_count, 1, memory_order_relaxed);
}

static void exchange_free(struct exchange *exchange)
{
    if (exchange->kind == SPAN_KIND_CLIENT)
        call_end(exchange);
    else if (exchange->active.source != ACTIVE_NONE)
        active_request_end(&exchange->request);
    /* Nobody else ends it: a store costs less than an addition that is one step for all. */
    uint32_t generation = atomic_load_explicit(&exchange->request.generation, memory_order_relaxed);
    atomic_store_explicit(&exchange->request.generation, generation + 1, memory_order_release);
    http_head_free(exchange->head);
    exchange->head = NULL;
    exchange->span = NULL;
    slab_free(&g_exchanges, exchange->index);
}

static struct active_owner owner_of(struct exchange *exchange)
{
    return (struct active_owner){
        .request = &exchange->request,
        .expected = atomic_load_explicit(&exchange->request.generation, memory_order_relaxed)};
}

/* Before anything of it goes out: its request line is there already. */
static ALWAYS_INLINE void client_context_make(struct exchange *exchange, const struct span_context *parent)
{
    span_context_child(&exchange->context, parent);
    if (exchange->head && http_head_is_ignored(exchange->head))
        span_context_ignore(&exchange->context);
}

static void parent_take(struct exchange *exchange, const struct active_context *parent)
{
    call_end(exchange);
    active_copy(&exchange->active, parent);
    client_context_make(exchange, &parent->context);
    call_begin(exchange);
}

void exchange_choose_parent(struct exchange *exchange, const struct parent_memory *memory)
{
    struct parent parent;
    parent_choose(&parent, memory);
    if (parent.active) {
        parent_take(exchange, parent.active);
        return;
    }
    client_context_make(exchange, NULL);
    exchange->link_count = (uint8_t)parent.link_count;
    if (LIKELY(!parent.link_count))
        return;
    if (!parent.may_be_sampled)
        sampler_follow(&exchange->context, false);
    memcpy(exchange->links, parent.links, parent.link_count * sizeof *parent.links);
}

void exchange_note_line(struct exchange *exchange, const struct http1_event *request_line)
{
    if (!exchange->head)
        return;
    http_head_note_line(exchange->head, request_line);
    if (exchange->kind == SPAN_KIND_CLIENT && http_head_is_ignored(exchange->head))
        span_context_ignore(&exchange->context);
}

/* The request that came with a parent id, by a hash of that: its index + 1. A newer one takes the place of an older one;
 * if that was open then, the place says from then on that what is not found there may still be somewhere. */
enum { INCOMING_SHARED = 1U << 31 };
static BULKY _Atomic uint32_t g_incoming[4096];

static _Atomic uint32_t *incoming_place(const uint8_t span_id[SPAN_ID_LEN])
{
    uint64_t id;
    memcpy(&id, span_id, sizeof id);
    return &g_incoming[id * 0x9e3779b97f4a7c15ULL >> 52];
}

bool exchange_request_at(uint32_t index, struct active_context *found)
{
    struct exchange *candidate = index < slab_high_water(&g_exchanges) ? slab_at(&g_exchanges, index) : NULL;
    if (!candidate || candidate->kind != SPAN_KIND_SERVER || candidate->active.source == ACTIVE_NONE ||
        candidate->active.owner.request != &candidate->request)
        return false;
    return active_copy_open(found, &candidate->active);
}

uint32_t exchange_request_limit(void)
{
    return slab_high_water(&g_exchanges);
}

static bool is_open_at(uint32_t index)
{
    const struct exchange *candidate = slab_at(&g_exchanges, index);
    return candidate->kind == SPAN_KIND_SERVER && candidate->active.source != ACTIVE_NONE &&
           candidate->active.owner.request == &candidate->request && active_is_open(&candidate->active);
}

static void incoming_note(const struct exchange *exchange)
{
    _Atomic uint32_t *place = incoming_place(exchange->active.incoming_span_id);
    uint32_t older = atomic_exchange_explicit(place, exchange->index + 1, memory_order_acq_rel);
    uint32_t number = older & ~(uint32_t)INCOMING_SHARED;
    bool is_other = number && number != exchange->index + 1;
    if (UNLIKELY(older & INCOMING_SHARED || (is_other && is_open_at(number - 1))))
        atomic_fetch_or_explicit(place, INCOMING_SHARED, memory_order_release);
}

static bool request_is(uint32_t index, const struct span_context *traceparent, struct active_context *found)
{
    return exchange_request_at(index, found) && active_came_in_with(found, traceparent);
}

/* A cache line for each place that has ever been in use. */
static COLD bool request_look_for(const struct span_context *traceparent, struct active_context *found)
{
    uint32_t only, end = exchange_request_limit();
    unsigned open_count = active_open_count(&only);
    for (uint32_t i = 0; i < end && open_count; i++) {
        if (!is_open_at(i))
            continue;
        if (request_is(i, traceparent, found))
            return true;
        open_count--;
    }
    return false;
}

bool exchange_request_find(const struct span_context *traceparent, struct active_context *found)
{
    uint32_t word = atomic_load_explicit(incoming_place(traceparent->span_id), memory_order_acquire);
    uint32_t number = word & ~(uint32_t)INCOMING_SHARED;
    if (number && request_is(number - 1, traceparent, found))
        return true;
    return UNLIKELY(word & INCOMING_SHARED) && request_look_for(traceparent, found);
}

bool exchange_is_passed_on(struct exchange *exchange, const struct span_context *outgoing)
{
    if (!outgoing->is_valid)
        return false;
    if (active_came_in_with(&exchange->active, outgoing))
        return true;
    struct active_context found;
    if (!exchange_request_find(outgoing, &found))
        return false;
    parent_take(exchange, &found);
    exchange->link_count = 0;
    return true;
}

enum passed_on { BY_REQUEST_ID, BY_FINGERPRINT };

static uint64_t key_of(const struct exchange *server, enum passed_on by)
{
    return by == BY_REQUEST_ID ? server->request_id : server->fingerprint;
}

/* The one open request that came with the same. */
static COLD bool twin_find(enum passed_on by, uint64_t key, struct active_context *twin)
{
    uint32_t end = MIN(slab_high_water(&g_exchanges), EXCHANGES_LOOKED_AT);
    unsigned count = 0;
    for (uint32_t i = 0; key && i < end && count < 2; i++) {
        const struct exchange *candidate = slab_at(&g_exchanges, i);
        struct active_context found;
        if (candidate->kind != SPAN_KIND_SERVER || key_of(candidate, by) != key ||
            !exchange_request_at(i, &found))
            continue;
        active_copy(twin, &found);
        count++;
    }
    return count == 1;
}

void exchange_settle_parent(struct exchange *exchange)
{
    struct active_context twin;
    if (LIKELY(exchange->link_count == 0) || !exchange->head)
        return;
    if (!twin_find(BY_REQUEST_ID, http_head_request_id(exchange->head), &twin) &&
        !twin_find(BY_FINGERPRINT, http_head_fingerprint(exchange->head), &twin))
        return;
    twin.source = ACTIVE_PASSED_ON;
    parent_take(exchange, &twin);
    exchange->link_count = 0;
}

void exchange_note_application(const struct active_context *active, const struct span_context *own)
{
    if (active->source != ACTIVE_NONE && active->owner.request && active->has_incoming && active_is_open(active) &&
        own->trace_flags & TRACE_FLAG_SAMPLED &&
        memcmp(own->trace_id, active->context.trace_id, TRACE_ID_LEN) == 0)
        atomic_store_explicit(&g_application_traces, true, memory_order_relaxed);
}

void exchange_respect_application(struct exchange *exchange, const struct span_context *own)
{
    exchange_note_application(&exchange->active, own);
    span_abandon(exchange->span);
    exchange->span = NULL;
    exchange->is_traced = false;
}

void exchange_client_head_end(struct exchange *exchange, const struct http_ends *ends)
{
    if (exchange->is_traced)
        record_settle(exchange, &exchange->context);
    if (exchange->span) {
        client_describe(exchange);
        if (exchange->head)
            http_head_describe_client(exchange->head, exchange->span, ends);
    }
    http_head_free(exchange->head);
    exchange->head = NULL;
}

/* The SERVER span's context: a child of what came in, or a new trace. */
static void server_context_make(struct exchange *exchange)
{
    struct active_context *active = &exchange->active;
    struct span_context incoming;
    enum propagator_result result =
        exchange->head ? http_head_extract(exchange->head, &incoming) : PROPAGATOR_NOTHING;
    active->has_incoming = result == PROPAGATOR_CONTEXT;
    if (active->has_incoming) {
        memcpy(active->incoming_span_id, incoming.span_id, SPAN_ID_LEN);
        span_context_child(&active->context, &incoming);
    } else {
        span_context_child(&active->context, NULL);
        if (UNLIKELY(result != PROPAGATOR_NOTHING))
            sampler_follow(&active->context, result == PROPAGATOR_SAMPLE);
    }
    if (exchange->head && http_head_is_ignored(exchange->head))
        span_context_ignore(&active->context);
    http_head_extract_baggage(exchange->head, &active->context);
    atomic_thread_fence(memory_order_release); /* whoever finds it open finds it whole: active_copy_open */
    active->owner = owner_of(exchange);
    active->source = exchange->is_traced ? ACTIVE_SERVER : ACTIVE_NONE;
    if (active->has_incoming)
        incoming_note(exchange);
}

void exchange_server_head_end(struct exchange *exchange, const struct http_ends *ends)
{
    struct active_context *active = &exchange->active;
    exchange_own_span(exchange);
    exchange->reader_tid = process_tid();
    exchange->fingerprint = exchange->head ? http_head_fingerprint(exchange->head) : 0;
    exchange->request_id = exchange->head ? http_head_request_id(exchange->head) : 0;
    server_context_make(exchange);
    record_settle(exchange, &active->context);
    if (exchange->span) {
        span_set_context(exchange->span, &active->context,
                         active->has_incoming ? active->incoming_span_id : NULL);
        http_head_describe_server(exchange->head, exchange->span, ends);
        baggage_describe(exchange->span, &active->context);
    }
    if (exchange->is_traced) {
        exchange->request.is_arriving = true;
        exchange->request.is_answering = false;
        atomic_store_explicit(&exchange->request.has_children, false, memory_order_relaxed);
        active_request_begin(&exchange->request);
    }
    http_head_free(exchange->head);
    exchange->head = NULL;
}

void exchange_own_span(struct exchange *exchange)
{
    if (LIKELY(!exchange_is_inherited(exchange)))
        return;
    bool is_recorded = exchange->span;
    /* Who began the answer speaks of it. */
    exchange->span = exchange->snapshot && !exchange_is_being_answered(exchange) ? span_copy(exchange->snapshot) : NULL;
    exchange->is_traced = exchange->is_traced && (!is_recorded || exchange->span);
    exchange->pid = process_pid();
}

static void snapshot_take(struct exchange *exchange)
{
    uint32_t index;
    struct span *snapshot = slab_alloc(&g_snapshots, &index);
    if (!snapshot)
        return;
    memcpy(snapshot, exchange->span, sizeof *snapshot);
    snapshot->index = index;
    exchange->snapshot = snapshot;
}

/* Other threads go on meanwhile: a span that one of them is about to end may be taken as well, which does
 * no harm, since its exchange is over. */
void exchange_fork_prepare(void)
{
    uint32_t count = slab_high_water(&g_exchanges);
    for (uint32_t i = 0; i < count; i++) {
        struct exchange *exchange = slab_at(&g_exchanges, i);
        if (exchange->span && exchange->pid == process_pid())
            snapshot_take(exchange);
    }
}

void exchange_fork_parent(void)
{
    uint32_t count = slab_high_water(&g_exchanges);
    for (uint32_t i = 0; i < count; i++) {
        struct exchange *exchange = slab_at(&g_exchanges, i);
        if (!exchange->snapshot)
            continue;
        slab_free(&g_snapshots, exchange->snapshot->index);
        exchange->snapshot = NULL;
    }
}

void exchange_activate(struct exchange *exchange)
{
    if (exchange->active.source != ACTIVE_NONE)
        active_set(&exchange->active);
}

void exchange_resume(struct exchange *exchange)
{
    active_set(&exchange->active);
    if (exchange->active.source == ACTIVE_THREAD)
        active_note_use();
}

void exchange_note_status(struct exchange *exchange, int status)
{
    exchange->status = status;
    exchange->is_response_started = exchange->request.is_answering = true;
}

static void sizes_describe(struct exchange *exchange)
{
    if (exchange->is_opaque) {
        span_set_int(exchange->span, ATTRIBUTE_SENT_BYTES, (int64_t)exchange->request_body_len);
        span_set_int(exchange->span, ATTRIBUTE_RECEIVED_BYTES, (int64_t)exchange->response_body_len);
        return;
    }
    if (exchange->request_body_len)
        span_set_int(exchange->span, ATTRIBUTE_HTTP_REQUEST_BODY_SIZE,
                     (int64_t)exchange->request_body_len);
    if (exchange->is_response_head_done)
        span_set_int(exchange->span, ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE,
                     (int64_t)exchange->response_body_len);
}

/* A request whose head was never complete still has a span: it gets its ids and its name late. */
static COLD void head_complete_late(struct exchange *exchange)
{
    static const union endpoint unknown;
    struct http_common *common = NULL;
    const struct http_ends ends = {exchange->peer ? exchange->peer : &unknown, &unknown, exchange->tls, &common};
    if (!exchange->span)
        return;
    if (exchange->kind == SPAN_KIND_SERVER)
        exchange_server_head_end(exchange, &ends);
    else
        exchange_client_head_end(exchange, &ends);
    http_common_free(&common);
}

static void span_report(struct exchange *exchange, uint64_t end_ns)
{
    if (exchange->span) {
        http_describe_status(exchange->span, (enum span_kind)exchange->kind, exchange->status);
        sizes_describe(exchange);
        span_end(exchange->span, end_ns);
    }
    exchange_free(exchange);
}

/* The application's own span says the same, and nothing that another process may have made hangs on ours. */
static bool is_told_by_application(const struct exchange *exchange)
{
    return UNLIKELY(atomic_load_explicit(&g_application_traces, memory_order_relaxed)) &&
           exchange->kind == SPAN_KIND_SERVER &&
           !atomic_load_explicit(&exchange->request.has_children, memory_order_relaxed) &&
           !exchange_has_crossed_fork(exchange) && !exchange_has_crossed_spawn(exchange);
}

void exchange_end(struct exchange *exchange, uint64_t end_ns)
{
    exchange_own_span(exchange);
    if (UNLIKELY(exchange->head != NULL))
        head_complete_late(exchange);
    if (is_told_by_application(exchange)) {
        span_abandon(exchange->span);
        exchange->span = NULL;
    }
    span_report(exchange, end_ns);
}

void exchange_fail(struct exchange *exchange, const char *error_type, const char *message,
                   uint64_t end_ns)
{
    exchange_own_span(exchange);
    if (exchange->head)
        head_complete_late(exchange);
    span_set_error(exchange->span, error_type, message);
    span_report(exchange, end_ns);
}

void exchange_drop(struct exchange *exchange)
{
    if (!exchange_is_inherited(exchange))
        span_abandon(exchange->span);
    exchange_free(exchange);
}

bool exchange_is_being_answered(const struct exchange *exchange)
{
    return exchange->is_response_started && exchange->status / 100 != 1;
}

bool exchange_is_inherited(const struct exchange *exchange)
{
    return exchange->pid != process_pid();
}

bool exchange_has_crossed_spawn(const struct exchange *exchange)
{
    return exchange->spawn_count != process_spawn_count();
}

bool exchange_has_crossed_fork(const struct exchange *exchange)
{
    return exchange->fork_count != process_fork_count();
}
