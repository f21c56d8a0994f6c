#include "wire/connection.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "base/raw.h"
#include "base/slab.h"
#include "trace/callsite.h"
#include "trace/error_name.h"
#include "trace/sampler.h"
#include "wire/announced.h"
#include "wire/handover.h"
#include "wire/protocol.h"
#include "wire/sending.h"

#include <errno.h>
#include <string.h>

static BULKY_DATA struct slab g_connections = SLAB_INITIALIZER(sizeof(struct connection), 1024, 1024);
static BULKY_DATA struct slab g_edits = SLAB_INITIALIZER(sizeof(struct edit), 32, 1024);

struct connection *connection_new(void)
{
    uint32_t index;
    struct connection *connection = slab_alloc(&g_connections, &index);
    if (UNLIKELY(!connection))
        return NULL;
    memset(&connection->lock, 0,
           offsetof(struct connection, peer) - offsetof(struct connection, lock));
    connection->index = index;
    connection->is_first_request = true;
    connection->peer.any.sa_family = connection->local.any.sa_family = AF_UNSPEC;
    parent_memory_clear(&connection->connect);
    connection->fork_count = process_fork_count();
    connection->spawn_count = process_spawn_count();
    atomic_store_explicit(&connection->fd_count, 1, memory_order_release);
    return connection;
}

/* A thread that does not own the edits may look whether there are any (transfer_send_begin). */
static void edit_link(struct edit **at, struct edit *edit)
{
    __atomic_store_n(at, edit, __ATOMIC_RELAXED);
}

void connection_edit_done(struct connection *connection)
{
    struct edit *edit = connection->edits;
    edit_link(&connection->edits, edit->next);
    slab_free(&g_edits, edit->index);
}

void connection_edits_forget(struct connection *connection)
{
    struct edit *half_made = connection->edits;
    if (!half_made)
        return;
    struct edit *edit = half_made->next;
    while (edit) {
        struct edit *next = edit->next;
        slab_free(&g_edits, edit->index);
        edit = next;
    }
    half_made->next = NULL;
    /* What was sent unseen may have gone past the whole of a replacement. */
    bool is_begun = half_made->is_replacement
                        ? connection->sent_len > half_made->offset &&
                              connection->sent_len < half_made->offset + half_made->len
                        : half_made->sent_len > 0;
    if (!is_begun)
        connection_edit_done(connection);
}

void connection_free(struct connection *connection)
{
    while (connection->edits)
        connection_edit_done(connection);
    announced_release(&connection->announced);
    slab_free(&g_connections, connection->index);
}

static void exchanges_drop(struct connection *connection)
{
    while (connection->first)
        exchange_drop(connection_pop(connection));
}

void connection_set_opaque(struct connection *connection)
{
    atomic_store_explicit(&connection->is_opaque, true, memory_order_relaxed);
    exchanges_drop(connection);
    if (connection->protocol)
        connection->protocol->end(connection);
}

void connection_push(struct connection *connection, struct exchange *exchange)
{
    exchange->next = NULL;
    exchange->peer = &connection->peer;
    exchange->tls = connection->tls;
    if (connection->last)
        connection->last->next = exchange;
    else
        connection->first = exchange;
    connection->last = exchange;
    connection->current = exchange;
}

struct exchange *connection_pop(struct connection *connection)
{
    struct exchange *exchange = connection->first;
    connection->first = exchange->next;
    if (!connection->first)
        connection->last = NULL;
    if (connection->current == exchange)
        connection->current = NULL;
    return exchange;
}

void connection_fail_all(struct connection *connection, const char *error_type,
                         const char *message)
{
    uint64_t now_ns = clock_monotonic_ns();
    while (connection->first)
        exchange_fail(connection_pop(connection), error_type, message, now_ns);
}

struct edit *connection_edit_new(struct connection *connection, uint64_t offset,
                                 bool is_replacement)
{
    uint32_t index;
    struct edit *edit = slab_alloc(&g_edits, &index);
    if (!edit)
        return NULL;
    edit->index = index;
    edit->offset = offset;
    edit->is_replacement = is_replacement;
    edit->len = edit->sent_len = 0;
    struct edit **end = &connection->edits;
    while (*end && (*end)->offset <= offset)
        end = &(*end)->next;
    edit->next = *end;
    edit_link(end, edit);
    return edit;
}

void connection_find_local(struct connection *connection)
{
    union endpoint local;
    socklen_t len = sizeof local;
    if (!endpoint_is_known(&connection->local) &&
        raw_getsockname(connection->fd, &local, &len) == 0)
        endpoint_set(&connection->local, &local.any, len);
}

void connection_connect_begin(struct connection *connection, const struct sockaddr *address,
                              socklen_t len)
{
    if (connection->is_connecting || !lock_acquire(&connection->lock))
        return; /* asked again while a non-blocking attempt is under way: the first one counts */
    endpoint_set(&connection->peer, address, len);
    http_common_free(&connection->common);
    known_head_forget_request(&connection->requests.head);
    connection->connect_start_ns = clock_monotonic_ns();
    connection->connected_ns = 0;
    connection->is_connecting = true;
    parent_memory_connect(&connection->connect);
    lock_release(&connection->lock);
}

bool connection_only_request(struct connection *connection, struct active_context *out)
{
    bool is_found = false;
    if (!lock_acquire(&connection->lock))
        return false;
    bool is_server = !connection->is_opaque && connection->role == ROLE_SERVER;
    const struct exchange *exchange = is_server ? connection->first : NULL;
    if (exchange && !exchange->next && exchange->active.source != ACTIVE_NONE) {
        active_copy(out, &exchange->active);
        is_found = true;
    }
    lock_release(&connection->lock);
    return is_found;
}

/* While an exchange is open it is more of that, or nobody can say. */
void connection_note_writer(struct connection *connection, const struct active_context *active)
{
    if (connection->is_opaque || connection->role == ROLE_SERVER || !lock_acquire(&connection->lock))
        return;
    if (!connection->first)
        parent_memory_say(&connection->connect, active);
    lock_release(&connection->lock);
}

/* A CLIENT span for a connection that never came to be. @start_ns: monotonic. */
static struct span *unmade_span_start(struct connection *connection, const char *name, uint64_t start_ns)
{
    const struct active_context *parent = &connection->connect.active;
    struct span_context context;
    bool has_parent = parent->source != ACTIVE_NONE;
    span_context_child(&context, has_parent ? &parent->context : NULL);
    struct span *span = span_context_is_sampled(&context) ? span_start(SPAN_KIND_CLIENT, start_ns) : NULL;
    if (!span)
        return NULL;
    exchange_note_child(parent);
    span_set_context(span, &context, has_parent ? parent->context.span_id : NULL);
    span_set_name(span, name, strlen(name));
    endpoint_describe(&connection->peer, span, ATTRIBUTE_NETWORK_PEER_ADDRESS,
                      ATTRIBUTE_NETWORK_PEER_PORT);
    span_set_string(span, ATTRIBUTE_NETWORK_TRANSPORT,
                    connection->peer.any.sa_family == AF_UNIX ? "unix" : "tcp",
                    connection->peer.any.sa_family == AF_UNIX ? 4 : 3);
    callsite_record(span);
    return span;
}

static void unmade_span_end(struct span *span, const char *error_type, const char *message)
{
    span_set_error(span, error_type, message);
    span_end(span, clock_monotonic_ns());
}

static void connect_fail_report(struct connection *connection, const char *error_type,
                                const char *message)
{
    struct span *span = unmade_span_start(connection, "connect", connection->connect_start_ns);
    endpoint_describe(&connection->peer, span, ATTRIBUTE_SERVER_ADDRESS, ATTRIBUTE_SERVER_PORT);
    span_add_event(span, SPAN_EVENT_CONNECT, connection->connect_start_ns);
    unmade_span_end(span, error_type, message);
}

void connection_handshake_fail_report(struct connection *connection, const char *error_type, const char *message)
{
    const struct tls_facts *tls = connection->tls;
    struct span *span = unmade_span_start(connection, "TLS handshake", tls->handshake_start_ns);
    if (*tls->server_name)
        span_set_string(span, ATTRIBUTE_SERVER_ADDRESS, tls->server_name, strlen(tls->server_name));
    else
        endpoint_describe(&connection->peer, span, ATTRIBUTE_SERVER_ADDRESS, ATTRIBUTE_SERVER_PORT);
    span_add_event(span, SPAN_EVENT_TLS_START, tls->handshake_start_ns);
    unmade_span_end(span, error_type, message);
}

/* The application's mistakes are not the network's failures. */
static bool is_network_error(int error)
{
    return error != EBADF && error != ENOTSOCK && error != EFAULT && error != EINVAL &&
           error != EAFNOSUPPORT && error != EPROTOTYPE && error != EISCONN;
}

/* Who hears that a connection is made goes on with what it was made for. */
static void connected(struct connection *connection)
{
    struct parent_memory *connect = &connection->connect;
    connection->connected_ns = clock_monotonic_ns();
    if (connect->active.source != ACTIVE_NONE && !active_is_of_process(&connect->active))
        active_set(&connect->active);
    parent_memory_connected(connect);
}

void connection_connect_end(struct connection *connection, int error)
{
    bool is_pending = error == EINPROGRESS || error == EALREADY || error == EINTR || error == EAGAIN;
    if (is_pending || !connection->is_connecting || !lock_acquire(&connection->lock))
        return;
    if (connection->is_connecting) {
        connection->is_connecting = false;
        if (error == 0 || error == EISCONN)
            connected(connection);
        else if (is_network_error(error) && endpoint_is_known(&connection->peer))
            connect_fail_report(connection, error_name(error), error_text(error));
    }
    lock_release(&connection->lock);
}

/* The request that is going by, always the last one, will not come to its end. */
static void current_fail(struct connection *connection, const char *message)
{
    struct exchange *last = connection->current;
    struct exchange **link = &connection->first, *before = NULL;
    for (; *link != last; link = &(*link)->next)
        before = *link;
    *link = NULL;
    connection->last = before;
    connection->current = NULL;
    exchange_fail(last, ERROR_CONNECTION_CLOSED, message, clock_monotonic_ns());
}

/* The only request, complete, of which nothing was answered. */
static struct exchange *waiting_request(const struct connection *connection)
{
    struct exchange *first = connection->first;
    bool is_waiting = first && first == connection->last && connection->role == ROLE_SERVER && first->is_request_done &&
                      !first->is_response_started;
    return is_waiting ? first : NULL;
}

void connection_take_up(struct connection *connection)
{
    const struct active_context *current = active_current(NULL);
    bool is_at_work = current && current->owner.request && active_is_open(current);
    if (is_at_work || connection->is_opaque || !lock_acquire(&connection->lock))
        return;
    struct exchange *exchange = waiting_request(connection);
    if (exchange)
        exchange_activate(exchange);
    lock_release(&connection->lock);
}

void connection_peer_closed(struct connection *connection)
{
    if (connection->is_opaque || !lock_acquire(&connection->lock))
        return;
    bool is_client = connection->role == ROLE_CLIENT;
    if (is_client && connection->first)
        exchange_resume(connection->first);
    if (connection->protocol)
        connection->protocol->stream_end(connection, !is_client, clock_monotonic_ns());
    if (is_client)
        connection_fail_all(connection, ERROR_CONNECTION_CLOSED,
                            connection->first && connection->first->is_response_started
                                ? "the response was cut off: the server closed the connection"
                                : "the server closed the connection without an answer");
    else if (connection->current && !connection->current->is_response_started)
        current_fail(connection, "the request was cut off: the client closed the connection");
    lock_release(&connection->lock);
}

void connection_receive_failed(struct connection *connection, int error)
{
    if (error == EAGAIN || error == EINTR || !is_network_error(error) || error == ENOTCONN)
        return;
    if (connection->is_connecting)
        connection_connect_end(connection, error);
    if (connection->role == ROLE_SERVER) /* what another thread is just sending may be the rest of the answer */
        sending_wait(connection);
    if (connection->is_opaque || !lock_acquire(&connection->lock))
        return;
    if (connection->role == ROLE_CLIENT && connection->first)
        exchange_resume(connection->first);
    connection_fail_all(connection, error_name(error), error_text(error));
    lock_release(&connection->lock);
}

void connection_shutdown_write(struct connection *connection)
{
    if (connection->is_opaque || !lock_acquire(&connection->lock))
        return;
    if (connection->protocol && connection->role == ROLE_SERVER)
        connection->protocol->stream_end(connection, false, clock_monotonic_ns());
    lock_release(&connection->lock);
}

/* Another process has the socket as well: what it sends is not seen here, and is not missed. */
static bool may_be_answered_elsewhere(const struct exchange *exchange)
{
    return exchange_has_crossed_fork(exchange) || exchange_has_crossed_spawn(exchange);
}

/* Says why what is still open will never be complete. */
static void unfinished_report(struct connection *connection, bool is_exit)
{
    const struct exchange *exchange = connection->first;
    if (is_exit)
        connection_fail_all(connection, ERROR_ABORTED, "the process exited before the end");
    else if (connection->role == ROLE_SERVER && may_be_answered_elsewhere(exchange))
        exchange_end(connection_pop(connection), clock_monotonic_ns());
    else if (connection->role == ROLE_SERVER)
        connection_fail_all(connection, ERROR_ABORTED,
                            exchange->is_response_started
                                ? "the response was cut off: closed by the server itself"
                                : "closed by the server itself without an answer");
    else if (exchange->is_response_started)
        connection_fail_all(connection, ERROR_ABORTED,
                            "the response was not read to its end: closed by the client");
    else if (connection->send_error)
        connection_fail_all(connection, error_name(connection->send_error),
                            error_text(connection->send_error));
    else
        connection_fail_all(connection, ERROR_TIMEOUT, "no answer until the client gave up");
}

/* Across a fork: a child does not speak of what it only inherited; and where a server has forked, it may
 * be the child that answers, so that the parent does not speak of a lack of answer. */
static void exchanges_leave_to_other_process(struct connection *connection)
{
    struct exchange **link = &connection->first;
    connection->last = NULL;
    while (*link) {
        struct exchange *exchange = *link;
        bool is_others = exchange_is_inherited(exchange) ||
                         (exchange->kind == SPAN_KIND_SERVER &&
                          exchange_has_crossed_fork(exchange) && !exchange_is_being_answered(exchange));
        if (!is_others) {
            connection->last = exchange;
            link = &exchange->next;
            continue;
        }
        *link = exchange->next;
        exchange_drop(exchange);
    }
    connection->current = NULL;
}

/* Closed while connect(2) had not been heard of again. The kernel knows how far it has come; but it tells
 * SO_ERROR once only, and after a fork it may be another process that is going to ask. */
static void connecting_give_up(struct connection *connection, int fd)
{
    union endpoint peer;
    socklen_t peer_len = sizeof peer;
    int error = 0;
    socklen_t error_len = sizeof error;
    connection->is_connecting = false;
    if (!endpoint_is_known(&connection->peer) || process_fork_count() > 0 || process_spawn_count() > 0 ||
        raw_getpeername(fd, &peer, &peer_len) == 0 ||
        raw_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) < 0)
        return;
    if (error)
        connect_fail_report(connection, error_name(error), error_text(error));
    else
        connect_fail_report(connection, ERROR_TIMEOUT,
                            "not connected until the application gave up");
}

static void exchanges_finish(struct connection *connection, bool is_exit)
{
    if (connection->is_opaque)
        exchanges_drop(connection);
    exchanges_leave_to_other_process(connection);
    if (connection->protocol && !connection->is_opaque)
        connection->protocol->stream_end(connection, false, clock_monotonic_ns());
    if (connection->first)
        unfinished_report(connection, is_exit);
    if (connection->protocol)
        connection->protocol->end(connection);
}

bool connection_finish(struct connection *connection)
{
    if (!lock_acquire(&connection->lock))
        return false; /* its memory is lost; better than to touch it under another thread's hands */
    exchanges_finish(connection, false);
    if (UNLIKELY(connection->handover != NULL))
        handover_release(connection->handover);
    connection->handover = NULL;
    atomic_fetch_add_explicit(&connection->generation, 1, memory_order_release);
    lock_release(&connection->lock);
    return true;
}

void connection_release(struct connection *connection, int fd)
{
    if (atomic_fetch_sub_explicit(&connection->fd_count, 1, memory_order_acq_rel) != 1)
        return;
    if (UNLIKELY(connection->is_connecting) && lock_acquire(&connection->lock)) {
        connecting_give_up(connection, fd);
        lock_release(&connection->lock);
    }
    enum sending_state left = sending_close(connection);
    if (left == SENDING_CLOSED)
        return;
    if (connection_finish(connection) && left == SENDING_NOBODY)
        connection_free(connection);
}

void connection_exit_all(void)
{
    uint32_t count = slab_high_water(&g_connections);
    for (uint32_t i = 0; i < count; i++) {
        struct connection *connection = slab_at(&g_connections, i);
        bool is_in_use = atomic_load_explicit(&connection->fd_count, memory_order_acquire) > 0 ||
                         sending_is_under_way(connection);
        if (!is_in_use || !connection->first || !lock_acquire(&connection->lock))
            continue;
        exchanges_finish(connection, true);
        lock_release(&connection->lock);
    }
}
