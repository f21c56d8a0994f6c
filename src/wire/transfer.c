#include "wire/transfer.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/raw.h"
#include "base/slab.h"
#include "trace/error_name.h"
#include "wire/announced.h"
#include "wire/protocol.h"
#include "wire/sending.h"

#include <errno.h>
#include <limits.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <string.h>

enum segment_kind { SEGMENT_APPLICATION, SEGMENT_INSERTION, SEGMENT_REPLACEMENT };

struct send_block {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    struct iovec iov[IOV_MAX];
    uint8_t kinds[IOV_MAX];
};

static BULKY_DATA struct slab g_blocks = SLAB_INITIALIZER(sizeof(struct send_block), 4, 256);

/* SIZE_MAX if the kernel will refuse the list. */
static size_t iov_len(const struct iovec *iov, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len > SSIZE_MAX - len)
            return SIZE_MAX;
        len += iov[i].iov_len;
    }
    return len;
}

/* We look at a client's bytes before the kernel does. */
static bool iov_is_readable(const struct iovec *iov, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (iov[i].iov_len && !memory_is_readable(iov[i].iov_base, iov[i].iov_len))
            return false;
    return true;
}

/* ---- what goes out: edits ---- */

struct plan_writer {
    struct send_plan *plan;
    struct edit *edit; /* the next one to be made */
    uint64_t offset;   /* of the application's next byte */
    size_t capacity;
};

static bool segment_add(struct plan_writer *writer, enum segment_kind kind, const char *bytes,
                        size_t len)
{
    struct send_plan *plan = writer->plan;
    if (plan->iov_count == writer->capacity)
        return false;
    plan->iov[plan->iov_count] = (struct iovec){.iov_base = (void *)bytes, .iov_len = len};
    plan->kinds[plan->iov_count++] = (uint8_t)kind;
    plan->len += len;
    return true;
}

static bool insertions_add(struct plan_writer *writer)
{
    while (writer->edit && !writer->edit->is_replacement && writer->edit->offset == writer->offset) {
        struct edit *edit = writer->edit;
        if (!segment_add(writer, SEGMENT_INSERTION, edit->text + edit->sent_len,
                         (size_t)(edit->len - edit->sent_len)))
            return false;
        writer->edit = edit->next;
    }
    return true;
}

/* The next piece of the application's bytes, up to where something has to be done to them. */
static size_t piece_add(struct plan_writer *writer, const char *bytes, size_t len)
{
    struct edit *edit = writer->edit;
    enum segment_kind kind = SEGMENT_APPLICATION;
    if (edit && edit->is_replacement && edit->offset <= writer->offset) {
        size_t done = (size_t)(writer->offset - edit->offset);
        len = MIN(len, edit->len - done);
        bytes = edit->text + done;
        kind = SEGMENT_REPLACEMENT;
        if (done + len == edit->len)
            writer->edit = edit->next;
    } else if (edit) {
        len = (size_t)MIN((uint64_t)len, edit->offset - writer->offset);
    }
    if (!segment_add(writer, kind, bytes, len))
        return 0;
    writer->offset += len;
    return len;
}

/* The usual plan: one header into one piece. */
static bool is_one_insertion(const struct send_plan *plan)
{
    const struct edit *edit = plan->connection->edits;
    return plan->app_iov_count == 1 && !edit->next && !edit->is_replacement &&
           edit->offset > plan->connection->sent_len;
}

static void one_insertion_write(struct send_plan *plan)
{
    struct edit *edit = plan->connection->edits;
    char *bytes = plan->app_iov[0].iov_base;
    size_t before = (size_t)(edit->offset - plan->connection->sent_len);
    plan->is_edited = true;
    plan->iov = plan->room_iov;
    plan->kinds = plan->room_kinds;
    plan->iov[0] = (struct iovec){bytes, before};
    plan->iov[1] = (struct iovec){edit->text + edit->sent_len, (size_t)(edit->len - edit->sent_len)};
    plan->iov[2] = (struct iovec){bytes + before, plan->app_len - before};
    plan->kinds[0] = plan->kinds[2] = SEGMENT_APPLICATION;
    plan->kinds[1] = SEGMENT_INSERTION;
    plan->iov_count = 3;
    plan->len = plan->app_len + plan->iov[1].iov_len;
}

/* Lays out what is to be sent; ends early where there is no more room, as a short write would. */
static void plan_write(struct send_plan *plan, size_t capacity)
{
    struct connection *connection = plan->connection;
    struct plan_writer writer = {.plan = plan,
                                 .edit = connection->edits,
                                 .offset = connection->sent_len,
                                 .capacity = capacity};
    plan->iov_count = plan->len = 0;
    for (size_t i = 0; i < plan->app_iov_count; i++) {
        const char *bytes = plan->app_iov[i].iov_base;
        size_t len = plan->app_iov[i].iov_len;
        while (len > 0) {
            size_t taken = insertions_add(&writer) ? piece_add(&writer, bytes, len) : 0;
            if (taken == 0)
                return;
            bytes += taken;
            len -= taken;
        }
    }
}

/* There is no room for a header beside so many pieces. True if none has gone out in part. */
static bool edits_give_up(struct connection *connection)
{
    static const char why[] = "too many pieces";
    connection_edits_forget(connection);
    if (connection->last && !connection->edits)
        span_set_string(connection->last->span, ATTRIBUTE_PROPAGATION_SKIPPED, why, strlen(why));
    return !connection->edits;
}

/* Chooses where to lay it out: on the stack for what is usual. */
static void plan_make(struct send_plan *plan)
{
    size_t edit_count = 0;
    uint32_t index;
    plan->is_one_insertion = is_one_insertion(plan);
    if (LIKELY(plan->is_one_insertion)) {
        one_insertion_write(plan);
        return;
    }
    for (struct edit *edit = plan->connection->edits; edit; edit = edit->next)
        edit_count++;
    if (plan->app_iov_count + 2 * edit_count > IOV_MAX && edits_give_up(plan->connection))
        return;
    plan->is_edited = true;
    plan->iov = plan->room_iov;
    plan->kinds = plan->room_kinds;
    if (plan->app_iov_count + 2 * edit_count > SEND_PLAN_ROOM &&
        (plan->block = slab_alloc(&g_blocks, &index))) {
        plan->block->index = index;
        plan->iov = plan->block->iov;
        plan->kinds = plan->block->kinds;
    }
    plan_write(plan, plan->block ? IOV_MAX : SEND_PLAN_ROOM);
}

static void plan_release(struct send_plan *plan)
{
    if (plan->block)
        slab_free(&g_blocks, plan->block->index);
    plan->block = NULL;
}

static bool edits_are_due(const struct connection *connection, size_t len)
{
    return connection->edits && connection->edits->offset < connection->sent_len + len;
}

/* Whatever became of a non-blocking connect(2): it has succeeded. */
static void bytes_went_through(struct connection *connection)
{
    if (UNLIKELY(connection->is_connecting))
        connection->is_connecting = false;
}

/* ---- what goes out: looking at it ---- */

/* A change to be made further on than what is kept could come to stand anywhere. */
static bool edits_are_kept(const struct connection *connection)
{
    const struct edit *edit = connection->edits;
    while (edit && edit->next)
        edit = edit->next;
    return !edit || edit->offset <= connection->sent_len + announced_len(connection->announced);
}

static void requests_look(struct connection *connection, const struct iovec *iov, size_t count,
                          uint64_t now_ns)
{
    uint64_t offset = connection->sent_len;
    uint64_t seen = connection->sent_len + connection->ahead_len;
    if (LIKELY(count == 1 && seen == offset)) {
        connection->ahead_len = iov->iov_len;
        connection->protocol->request_bytes(connection, iov->iov_base, iov->iov_len, offset, now_ns);
        return;
    }
    for (size_t i = 0; i < count && !connection->is_opaque; i++) {
        uint64_t end = offset + iov[i].iov_len;
        if (end > seen) {
            size_t skip = (size_t)(MAX(seen, offset) - offset);
            connection->protocol->request_bytes(connection, (const char *)iov[i].iov_base + skip,
                                                iov[i].iov_len - skip, offset + skip, now_ns);
            seen = end;
        }
        offset = end;
    }
    connection->ahead_len = seen - connection->sent_len;
}

/* By the first of @len bytes that lie in @iov: who sends or receives them has @role. */
static bool role_recognise(struct connection *connection, const struct iovec *iov, size_t count,
                           size_t len, enum connection_role role)
{
    bool is_known = connection->tls && connection->tls->handshake_start_ns;
    bool is_turned = is_known && connection->tls->is_client != (role == ROLE_CLIENT); /* the server speaks first */
    for (size_t i = 0; i < count && !is_turned; i++)
        if (iov[i].iov_len > 0) {
            connection->protocol = protocol_recognise(iov[i].iov_base, MIN(iov[i].iov_len, len));
            break;
        }
    if (!connection->protocol && is_known && connection->tls->is_client) {
        protocol_take_within_tls(connection);
        return true;
    }
    if (!connection->protocol)
        return false;
    connection->role = (uint8_t)role;
    connection->protocol->begin(connection);
    return true;
}

static void client_send_look(struct send_plan *plan)
{
    struct connection *connection = plan->connection;
    if (connection->ahead_len && !announced_is_same(connection->announced, plan->app_iov, plan->app_iov_count))
        connection_set_opaque(connection);
    if (!connection->is_opaque)
        requests_look(connection, plan->app_iov, plan->app_iov_count, plan->start_ns);
}

static void send_look(struct send_plan *plan, int fd, int flags)
{
    struct connection *connection = plan->connection;
    connection->fd = fd;
    if (connection->is_opaque)
        return;
    /* The kernel may read a MSG_ZEROCOPY buffer long after the call: ours does not live that long. And of what
     * cannot be read it may send the part that can be. */
    if ((flags & MSG_ZEROCOPY) || !iov_is_readable(plan->app_iov, plan->app_iov_count)) {
        connection_set_opaque(connection);
        return;
    }
    if (connection->role == ROLE_UNKNOWN && !connection->is_opaque &&
        (connection->is_underway ||
         !role_recognise(connection, plan->app_iov, plan->app_iov_count, plan->app_len, ROLE_CLIENT)))
        connection_set_opaque(connection);
    if (connection->role == ROLE_CLIENT && !connection->is_opaque)
        client_send_look(plan);
}

/* False if the lock could not be had: the connection is opaque then. */
static ALWAYS_INLINE bool lock_or_give_up(struct connection *connection)
{
    if (LIKELY(lock_acquire(&connection->lock)))
        return true;
    atomic_store_explicit(&connection->is_opaque, true, memory_order_relaxed);
    return false;
}

/* Bytes written to the socket by whomever; UINT64_MAX: nobody can tell. */
static uint64_t written_len(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (raw_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_retrans) + sizeof info.tcpi_bytes_retrans)
        return UINT64_MAX;
    return info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes;
}

/* Other processes may send on a socket that they inherited or were given: nobody can say then where a head ends.
 * The kernel knows how much was sent. */
static COLD void others_check(struct connection *connection, int fd)
{
    bool is_spawn_only = connection->fork_count == process_fork_count();
    connection->fork_count = process_fork_count();
    connection->spawn_count = process_spawn_count();
    if (is_spawn_only && !connection->is_shared && (raw_fcntl(fd, F_GETFD, 0) & FD_CLOEXEC))
        return;
    connection->is_shared = true;
    if (written_len(fd) != connection->wire_len)
        transfer_give_up(connection);
}

/* In a sandbox nothing can be asked, and nothing is changed. */
static bool is_alone(const struct connection *connection)
{
    return connection->tls || g_raw_is_forbidden ||
           (!connection->is_shared && connection->fork_count == process_fork_count() &&
            connection->spawn_count == process_spawn_count());
}

void transfer_send_begin(struct send_plan *plan, struct connection *connection, int fd,
                         const struct iovec *iov, size_t count, int flags)
{
    plan->connection = connection;
    plan->is_tracked = plan->is_edited = false;
    plan->block = NULL;
    struct edit *edits = __atomic_load_n(&connection->edits, __ATOMIC_RELAXED);
    if ((connection->is_opaque && !edits) || (flags & MSG_OOB))
        return;
    plan->generation = connection_generation(connection);
    plan->app_iov = iov;
    plan->app_iov_count = count;
    plan->app_len = iov_len(iov, count);
    if (plan->app_len == 0 || plan->app_len == SIZE_MAX || !sending_claim(connection))
        return;
    plan->is_tracked = true;
    plan->start_ns = clock_monotonic_ns();
    if (connection->role == ROLE_SERVER)
        return;
    if (UNLIKELY(!is_alone(connection)) && !connection->is_opaque)
        others_check(connection, fd);
    if (lock_or_give_up(connection)) {
        send_look(plan, fd, flags);
        lock_release(&connection->lock);
    }
    if (connection->is_opaque)
        connection_edits_forget(connection);
    if (edits_are_due(connection, plan->app_len))
        plan_make(plan);
}

void transfer_send_resume(struct send_plan *plan)
{
    plan->is_one_insertion = false;
    plan_write(plan, plan->block ? IOV_MAX : SEND_PLAN_ROOM);
}

size_t transfer_send_copy(const struct send_plan *plan, char *out, size_t room)
{
    size_t len = 0;
    for (size_t i = 0; i < plan->iov_count; i++) {
        size_t part = MIN(plan->iov[i].iov_len, room - len);
        if (part < plan->iov[i].iov_len && plan->kinds[i] == SEGMENT_INSERTION)
            break;
        memcpy(out + len, plan->iov[i].iov_base, part);
        len += part;
        if (part < plan->iov[i].iov_len)
            break;
    }
    return len;
}

/* ---- what went out ---- */

/* Of @sent bytes on the wire, how many were the application's? Notes how far each edit has come. */
static size_t sent_account(struct send_plan *plan, size_t sent)
{
    struct connection *connection = plan->connection;
    size_t app_len = 0;
    if (LIKELY(plan->is_one_insertion && sent == plan->len)) {
        connection_edit_done(connection);
        return plan->app_len;
    }
    for (size_t i = 0; i < plan->iov_count && sent > 0; i++) {
        size_t len = MIN(sent, plan->iov[i].iov_len);
        sent -= len;
        if (plan->kinds[i] == SEGMENT_INSERTION) {
            connection->edits->sent_len = (uint16_t)(connection->edits->sent_len + len);
            if (connection->edits->sent_len == connection->edits->len)
                connection_edit_done(connection);
            continue;
        }
        app_len += len;
        if (plan->kinds[i] == SEGMENT_REPLACEMENT &&
            connection->sent_len + app_len == connection->edits->offset + connection->edits->len)
            connection_edit_done(connection);
    }
    return app_len;
}

static void sent_advance(struct send_plan *plan, size_t app_len)
{
    struct connection *connection = plan->connection;
    connection->sent_len += app_len;
    connection->ahead_len -= MIN(connection->ahead_len, app_len);
    if (LIKELY(!connection->ahead_len)) {
        if (UNLIKELY(connection->announced))
            announced_release(&connection->announced);
        return;
    }
    announced_keep(&connection->announced, plan->app_iov, plan->app_iov_count, app_len);
    if (!edits_are_kept(connection))
        transfer_give_up(connection);
}

/* A response begins when its first bytes are handed to the kernel, and ends when its last ones have
 * been. */
static void responses_look(struct send_plan *plan, size_t len)
{
    struct connection *connection = plan->connection;
    const struct protocol *protocol = connection->protocol;
    for (size_t i = 0; i < plan->app_iov_count && len > 0 && !connection->is_opaque; i++) {
        size_t part = MIN(len, plan->app_iov[i].iov_len);
        protocol->response_bytes(connection, plan->app_iov[i].iov_base, part, plan->start_ns, 0);
        len -= part;
    }
}

static void send_failed(struct connection *connection, int error)
{
    if (error == EAGAIN || error == EINTR || error == ENOBUFS || error == EINPROGRESS ||
        error == EALREADY || error == ENOTCONN)
        return;
    /* A client may still read an answer that was sent before the connection broke. */
    connection->send_error = error;
    if (connection->role == ROLE_SERVER)
        connection_fail_all(connection, error_name(error), error_text(error));
}

static void sent_look(struct send_plan *plan, size_t app_len, int error)
{
    struct connection *connection = plan->connection;
    if (connection->is_opaque || connection_generation(connection) != plan->generation)
        return;
    if (!lock_or_give_up(connection))
        return;
    if (error)
        send_failed(connection, error);
    else if (connection->role == ROLE_SERVER)
        responses_look(plan, app_len);
    lock_release(&connection->lock);
}

struct send_outcome transfer_send_end(struct send_plan *plan, ssize_t result, int error)
{
    struct connection *connection = plan->connection;
    struct send_outcome outcome = {.result = result, .error = error};
    if (result > 0)
        bytes_went_through(connection);
    if (!plan->is_tracked)
        return outcome;
    connection->wire_len += (uint64_t)MAX(result, 0);
    if (result >= 0) {
        size_t app_len = plan->is_edited ? sent_account(plan, (size_t)result) : (size_t)result;
        outcome.result = (ssize_t)app_len;
        outcome.is_again = app_len == 0 && result > 0;
    }
    if (connection->role == ROLE_CLIENT)
        sent_advance(plan, result < 0 ? 0 : (size_t)outcome.result);
    if (connection->role == ROLE_SERVER || result < 0)
        sent_look(plan, (size_t)MAX(outcome.result, 0), result < 0 ? error : 0);
    if (outcome.is_again)
        return outcome;
    plan_release(plan);
    sending_end(connection);
    return outcome;
}

void transfer_send_cancel(struct send_plan *plan)
{
    struct connection *connection = plan->connection;
    if (lock_acquire(&connection->lock)) {
        connection_set_opaque(connection);
        lock_release(&connection->lock);
    }
    connection_edits_forget(connection);
    plan_release(plan);
    sending_end(connection);
}

static bool is_owed(const struct edit *edit)
{
    return edit && !edit->is_replacement && edit->sent_len > 0;
}

const char *transfer_owed_begin(struct connection *connection, size_t *len)
{
    if (LIKELY(!__atomic_load_n(&connection->edits, __ATOMIC_RELAXED)) || !sending_claim(connection))
        return NULL;
    struct edit *edit = connection->edits;
    if (is_owed(edit)) {
        *len = (size_t)(edit->len - edit->sent_len);
        return edit->text + edit->sent_len;
    }
    sending_end(connection);
    return NULL;
}

void transfer_owed_end(struct connection *connection, size_t len)
{
    struct edit *edit = connection->edits;
    connection->wire_len += len;
    edit->sent_len = (uint16_t)(edit->sent_len + len);
    if (edit->sent_len == edit->len)
        connection_edit_done(connection);
    sending_end(connection);
}

void transfer_give_up(struct connection *connection)
{
    if (connection->is_opaque)
        return;
    if (lock_or_give_up(connection)) {
        connection_set_opaque(connection);
        lock_release(&connection->lock);
    }
}

/* Also where nothing is looked at any more: what was to be changed among these bytes has gone out as it
 * was, and a replacement may be half made. */
static void unseen_account(struct connection *connection, size_t len)
{
    if (!sending_claim(connection))
        return;
    if (connection->is_opaque)
        connection_edits_forget(connection);
    connection->sent_len += len;
    connection->wire_len += len;
    sending_end(connection);
}

void transfer_sent_unseen(struct connection *connection, size_t len)
{
    bool is_client = connection->role == ROLE_CLIENT;
    if (!connection->is_opaque && lock_or_give_up(connection)) {
        if (connection->role == ROLE_UNKNOWN || connection->ahead_len)
            connection_set_opaque(connection);
        else
            connection->protocol->skip(connection, is_client, len, clock_monotonic_ns());
        lock_release(&connection->lock);
    }
    if (is_client)
        unseen_account(connection, len);
}

void transfer_sent_announced(struct connection *connection, size_t len)
{
    if (connection->role != ROLE_CLIENT) { /* an answer is looked at when it has gone out */
        transfer_give_up(connection);
        return;
    }
    if (!sending_claim(connection))
        return;
    connection->sent_len += len;
    connection->ahead_len -= MIN(connection->ahead_len, len);
    announced_release(&connection->announced);
    sending_end(connection);
}

/* ---- what comes in ---- */

static bool receive_lock(struct connection *connection, uint32_t generation)
{
    if (connection->is_opaque || connection_generation(connection) != generation)
        return false;
    if (!lock_or_give_up(connection))
        return false;
    if (!connection->is_opaque && connection_generation(connection) == generation)
        return true;
    lock_release(&connection->lock);
    return false;
}

void transfer_received(struct connection *connection, uint32_t generation, int fd,
                       const struct iovec *iov, size_t count, size_t len)
{
    if (connection_generation(connection) == generation)
        bytes_went_through(connection);
    if (!receive_lock(connection, generation))
        return;
    uint64_t now_ns = clock_monotonic_ns();
    connection->fd = fd;
    if (connection->role == ROLE_UNKNOWN &&
        !role_recognise(connection, iov, count, len, ROLE_SERVER))
        connection_set_opaque(connection);
    for (size_t i = 0; i < count && len > 0 && !connection->is_opaque; i++) {
        size_t part = MIN(len, iov[i].iov_len);
        if (connection->role == ROLE_SERVER)
            connection->protocol->request_bytes(connection, iov[i].iov_base, part, 0, now_ns);
        else
            connection->protocol->response_bytes(connection, iov[i].iov_base, part, now_ns, now_ns);
        len -= part;
    }
    lock_release(&connection->lock);
}

void transfer_received_unseen(struct connection *connection, uint32_t generation, size_t len)
{
    if (!receive_lock(connection, generation))
        return;
    if (connection->role == ROLE_UNKNOWN)
        connection_set_opaque(connection);
    else
        connection->protocol->skip(connection, connection->role == ROLE_SERVER, len,
                                   clock_monotonic_ns());
    lock_release(&connection->lock);
}

void transfer_receive_ended(struct connection *connection, uint32_t generation, int error)
{
    if (connection_generation(connection) != generation)
        return;
    if (error)
        connection_receive_failed(connection, error);
    else if (!connection->is_opaque)
        connection_peer_closed(connection);
}
