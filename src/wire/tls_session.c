#include "wire/tls_session.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/raw.h"
#include "base/slab.h"
#include "trace/callsite.h"
#include "wire/protocol.h"
#include "wire/table.h"
#include "wire/transfer.h"

#include <errno.h>
#include <string.h>

enum { HELD_LEN_MAX = 64 * 1024, BUCKET_COUNT = 4096 };

struct tls_held {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    size_t len;     /* of bytes */
    size_t at;      /* bytes that went out */
    size_t app_len; /* how many of the application's it stands for */
    char bytes[HELD_LEN_MAX];
};

struct bucket {
    struct lock lock;
    struct tls_session *first;
};

static BULKY_DATA struct slab g_sessions = SLAB_INITIALIZER(sizeof(struct tls_session), 64, 1024);
static BULKY_DATA struct slab g_helds = SLAB_INITIALIZER(sizeof(struct tls_held), 4, 1024);
static BULKY struct bucket g_buckets[BUCKET_COUNT];

/* ---- which session ---- */

/* Handles are addresses of some kilobytes each. */
static struct bucket *bucket_of(const void *handle)
{
    return &g_buckets[((uintptr_t)handle * 0x9e3779b97f4a7c15ULL >> 40) % BUCKET_COUNT];
}

static struct tls_session **link_find(struct bucket *bucket, const void *handle)
{
    struct tls_session **link = &bucket->first;
    while (*link && (*link)->handle != handle)
        link = &(*link)->next;
    return link;
}

struct tls_session *tls_session_find(const void *handle)
{
    struct bucket *bucket = bucket_of(handle);
    if (!lock_acquire(&bucket->lock))
        return NULL;
    struct tls_session *session = *link_find(bucket, handle);
    lock_release(&bucket->lock);
    return session;
}

/* What is known of the socket beneath is true of what goes through it. */
static void history_take(struct connection *connection, const struct connection *below)
{
    connection->peer = below->peer;
    connection->connect_start_ns = below->connect_start_ns;
    connection->connected_ns = below->connected_ns;
    parent_memory_copy(&connection->connect, &below->connect);
}

/* Of a socket that was connected out of sight. */
static void peer_take(struct connection *connection, int fd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    if (raw_getpeername(fd, &peer, &len) == 0)
        endpoint_set(&connection->peer, (const struct sockaddr *)&peer, len);
}

/* ---- which socket ---- */

THREAD_LOCAL int t_tls_below;

/* The index of the session with a random of this hash, plus 1; a newer one takes an older one's place. */
static BULKY _Atomic uint32_t g_by_random[1024];

static _Atomic uint32_t *random_place(const uint8_t *random)
{
    uint64_t hash;
    memcpy(&hash, random, sizeof hash);
    return &g_by_random[hash % ARRAY_LEN(g_by_random)];
}

void tls_session_note_random(struct tls_session *session, const uint8_t *random)
{
    memcpy(session->random, random, TLS_RANDOM_LEN);
    session->has_random = true;
    atomic_store_explicit(random_place(random), session->index + 1, memory_order_release);
}

bool tls_session_claim(const uint8_t *random, const struct connection *below)
{
    uint32_t number = atomic_load_explicit(random_place(random), memory_order_acquire);
    struct tls_session *session = number ? slab_at(&g_sessions, number - 1) : NULL;
    if (!session || !session->has_random || memcmp(session->random, random, TLS_RANDOM_LEN) != 0)
        return false;
    struct connection *connection = session->connection;
    if (lock_acquire(&connection->lock)) {
        connection->fd = below->fd;
        history_take(connection, below);
        lock_release(&connection->lock);
    }
    return true;
}

void tls_session_lie_on(struct tls_session *session, int fd)
{
    struct connection *below = fd >= 0 ? table_find_socket(fd) : NULL;
    session->connection->fd = fd;
    if (below)
        history_take(session->connection, below);
    else if (fd >= 0)
        peer_take(session->connection, fd);
}

void tls_session_settle(struct tls_session *session)
{
    if (t_tls_below && session->connection->fd < 0)
        tls_session_lie_on(session, t_tls_below - 1);
}

static struct tls_session *session_new(const void *handle)
{
    uint32_t index;
    struct tls_session *session = slab_alloc(&g_sessions, &index);
    struct connection *connection = session ? connection_new() : NULL;
    if (!connection) {
        if (session)
            slab_free(&g_sessions, index);
        return NULL;
    }
    memset((char *)session + sizeof session->link, 0, sizeof *session - sizeof session->link);
    session->index = index;
    session->handle = handle;
    session->connection = connection;
    connection->tls = &session->facts;
    connection->fd = -1;
    return session;
}

struct tls_session *tls_session_get(const void *handle)
{
    struct bucket *bucket = bucket_of(handle);
    if (!lock_acquire(&bucket->lock))
        return NULL;
    struct tls_session **link = link_find(bucket, handle);
    if (!*link)
        *link = session_new(handle);
    struct tls_session *session = *link;
    lock_release(&bucket->lock);
    return session;
}

static void held_release(struct tls_session *session)
{
    if (session->held)
        slab_free(&g_helds, session->held->index);
    session->held = NULL;
}

void tls_session_forget(const void *handle)
{
    struct bucket *bucket = bucket_of(handle);
    if (!lock_acquire(&bucket->lock))
        return;
    struct tls_session **link = link_find(bucket, handle);
    struct tls_session *session = *link;
    if (session)
        *link = session->next;
    lock_release(&bucket->lock);
    if (!session)
        return;
    connection_release(session->connection, session->connection->fd);
    held_release(session);
    slab_free(&g_sessions, session->index);
}

/* ---- the handshake ---- */

static void copy_cut(char *out, size_t room, const char *text)
{
    size_t len = text ? strnlen(text, room - 1) : 0;
    if (len)
        memcpy(out, text, len);
    out[len] = '\0';
}

void tls_session_handshake_begin(struct tls_session *session, bool is_client, const char *server_name)
{
    if (session->facts.handshake_start_ns)
        return;
    session->facts.handshake_start_ns = clock_monotonic_ns();
    session->facts.is_client = is_client;
    if (server_name)
        copy_cut(session->facts.server_name, sizeof session->facts.server_name, server_name);
}

void tls_session_handshake_end(struct tls_session *session, const char *version, const char *cipher,
                               const char *server_name, const char *protocol, size_t protocol_len)
{
    struct tls_facts *facts = &session->facts;
    if (facts->handshake_end_ns)
        return;
    facts->handshake_end_ns = clock_monotonic_ns();
    copy_cut(facts->version, sizeof facts->version, version);
    copy_cut(facts->cipher, sizeof facts->cipher, cipher);
    if (protocol_len < sizeof facts->protocol)
        memcpy(facts->protocol, protocol, protocol_len);
    if (server_name)
        copy_cut(facts->server_name, sizeof facts->server_name, server_name);
    struct connection *connection = session->connection;
    if (connection->first && lock_acquire(&connection->lock)) { /* begun by the call that implied the handshake */
        protocol_handshake_ended(connection);
        lock_release(&connection->lock);
    }
}

void tls_session_handshake_fail(struct tls_session *session, const char *error_type, const char *message)
{
    struct connection *connection = session->connection;
    if (session->is_failed)
        return;
    session->is_failed = true;
    if (!lock_acquire(&connection->lock))
        return;
    if (connection->first)
        connection_fail_all(connection, error_type, message);
    else if (session->facts.is_client)
        connection_handshake_fail_report(connection, error_type, message);
    lock_release(&connection->lock);
}

void tls_session_fail(struct tls_session *session, const char *error_type, const char *message)
{
    struct connection *connection = session->connection;
    if (connection->is_opaque || !lock_acquire(&connection->lock))
        return;
    connection_fail_all(connection, error_type, message);
    lock_release(&connection->lock);
}

/* ---- bytes ---- */

/* Makes what goes out in place of the application's bytes, and counts it as sent: from here on the TLS library has to
 * get it. False if there is no room for it. */
static bool held_make(struct tls_session *session, struct send_plan *plan)
{
    uint32_t index;
    struct tls_held *held = slab_alloc(&g_helds, &index);
    if (!held)
        return false;
    held->index = index;
    held->at = 0;
    held->len = transfer_send_copy(plan, held->bytes, sizeof held->bytes);
    held->app_len = (size_t)transfer_send_end(plan, (ssize_t)held->len, 0).result;
    session->held = held;
    return true;
}

/* Sends what is held. Returns how many of the application's bytes that was, or, if not all of it went out, what the
 * writer said: 0 or less. */
static ssize_t held_send(struct tls_session *session, struct tls_writer *writer)
{
    struct tls_held *held = session->held;
    ssize_t result = 1;
    while (result > 0 && held->at < held->len) {
        result = writer->write(writer, held->bytes + held->at, held->len - held->at);
        held->at += (size_t)MAX(result, 0);
    }
    if (result <= 0)
        return result;
    result = (ssize_t)held->app_len;
    held_release(session);
    return result;
}

static ssize_t plain_send(struct send_plan *plan, struct tls_writer *writer, const char *bytes, size_t len)
{
    ssize_t result = writer->write(writer, bytes, len);
    int saved = errno;
    transfer_send_end(plan, result > 0 ? result : -1, result > 0 ? 0 : writer->is_again ? EAGAIN : EPIPE);
    errno = saved;
    return result;
}

/* Sends the next of the application's bytes. Returns how many, or what the writer said: 0 or less. */
static ssize_t some_send(struct tls_session *session, struct tls_writer *writer, const char *bytes, size_t len)
{
    struct send_plan plan;
    struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
    if (!session->held) {
        int saved = errno;
        transfer_send_begin(&plan, session->connection, session->connection->fd, &iov, 1, 0);
        if (plan.is_edited && !held_make(session, &plan)) {
            transfer_send_cancel(&plan);
            plan.is_tracked = plan.is_edited = false;
        }
        errno = saved;
        if (!session->held)
            return plain_send(&plan, writer, bytes, len);
    } else if (len < session->held->app_len) {
        return writer->write(writer, bytes, len); /* not what it was to offer again: the library says what it thinks */
    }
    return held_send(session, writer);
}

ssize_t tls_session_send(struct tls_session *session, struct tls_writer *writer, const void *bytes, size_t len)
{
    size_t done = session->untold_len <= len ? session->untold_len : 0;
    for (;;) {
        ssize_t sent = some_send(session, writer, (const char *)bytes + done, len - done);
        session->untold_len = done;
        if (sent <= 0)
            return sent;
        done += (size_t)sent;
        if (done >= len || writer->takes_parts) {
            session->untold_len = 0;
            return (ssize_t)done;
        }
    }
}

ssize_t tls_session_send_rest(struct tls_session *session, struct tls_writer *writer)
{
    if (session->held)
        return held_send(session, writer);
    ssize_t result = writer->write(writer, NULL, 0);
    int saved = errno;
    if (result > 0)
        transfer_sent_announced(session->connection, (size_t)result);
    errno = saved;
    return result;
}

void tls_session_sent_unseen(struct tls_session *session, size_t len)
{
    transfer_sent_unseen(session->connection, len);
}

void tls_session_give_up(struct tls_session *session)
{
    struct connection *connection = session->connection;
    if (connection->is_opaque || !lock_acquire(&connection->lock))
        return;
    if (connection->role == ROLE_UNKNOWN && session->facts.is_client)
        protocol_take_within_tls(connection);
    else if (connection->protocol != &PROTOCOL_WITHIN_TLS)
        connection_set_opaque(connection);
    lock_release(&connection->lock);
}

void tls_session_received(struct tls_session *session, const void *bytes, size_t len)
{
    struct connection *connection = session->connection;
    uint32_t generation = connection_generation(connection);
    struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
    if (len)
        transfer_received(connection, generation, connection->fd, &iov, 1, len);
    else
        transfer_receive_ended(connection, generation, 0);
}
