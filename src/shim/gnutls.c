/* GnuTLS: as openssl.c. Its functions call one another by name: what is called within one of them is passed on. */
#include "shim/gnutls.h"

#include "base/compiler.h"
#include "shim/callsite_record.h"
#include "shim/library.h"
#include "shim/real.h"
#include "shim/tls_libraries.h"
#include "wire/table.h"
#include "wire/tls_session.h"

#include <string.h>

struct gnutls {
    __typeof__(&gnutls_init) init;
    __typeof__(&gnutls_deinit) deinit;
    __typeof__(&gnutls_handshake) handshake;
    __typeof__(&gnutls_server_name_set) server_name_set;
    __typeof__(&gnutls_record_send) record_send;
    __typeof__(&gnutls_record_send2) record_send2;
    __typeof__(&gnutls_record_send_range) record_send_range;
    __typeof__(&gnutls_record_send_early_data) record_send_early_data;
    __typeof__(&gnutls_record_uncork) record_uncork;
    __typeof__(&gnutls_record_recv) record_recv;
    __typeof__(&gnutls_record_recv_seq) record_recv_seq;
    __typeof__(&gnutls_record_recv_packet) record_recv_packet;
    __typeof__(&gnutls_bye) bye;
    void (*packet_get)(gnutls_packet_t, gnutls_datum_t *, unsigned char *);
    void *(*transport_get_ptr)(gnutls_session_t);
    int (*protocol_get_version)(gnutls_session_t);
    const char *(*protocol_get_name)(int);
    const char *(*ciphersuite_get)(gnutls_session_t); /* since 3.7.4 */
    int (*server_name_get)(gnutls_session_t, void *, size_t *, unsigned *, unsigned);
    int (*alpn_get_selected_protocol)(gnutls_session_t, gnutls_datum_t *);
    void (*session_get_random)(gnutls_session_t, gnutls_datum_t *, gnutls_datum_t *);
    int (*error_is_fatal)(int);
    const char *(*strerror_name)(int);
    const char *(*strerror)(int);
};

#define SYMBOL(member) {"gnutls_" #member, offsetof(struct gnutls, member)}
static const struct library_symbol SYMBOLS[] = {
    SYMBOL(record_send),
    SYMBOL(init),
    SYMBOL(deinit),
    SYMBOL(handshake),
    SYMBOL(server_name_set),
    SYMBOL(record_send2),
    SYMBOL(record_send_range),
    SYMBOL(record_send_early_data),
    SYMBOL(record_uncork),
    SYMBOL(record_recv),
    SYMBOL(record_recv_seq),
    SYMBOL(record_recv_packet),
    SYMBOL(bye),
    SYMBOL(packet_get),
    SYMBOL(transport_get_ptr),
    SYMBOL(protocol_get_version),
    SYMBOL(protocol_get_name),
    SYMBOL(ciphersuite_get),
    SYMBOL(server_name_get),
    SYMBOL(alpn_get_selected_protocol),
    SYMBOL(session_get_random),
    SYMBOL(error_is_fatal),
    SYMBOL(strerror_name),
    SYMBOL(strerror),
};

static BULKY struct gnutls g_copies[LIBRARY_COPIES_MAX];
static BULKY struct library_caller g_callers[LIBRARY_CALLERS_MAX];

struct library_family g_gnutls_family = {
    .prefix = "libgnutls",
    .symbols = SYMBOLS,
    .symbol_count = ARRAY_LEN(SYMBOLS),
    .copies = (char *)g_copies,
    .calls_len = sizeof g_copies[0],
    .callers = g_callers,
};

enum { E_LIBRARY_IS_GONE = -1250 }; /* GNUTLS_E_UNIMPLEMENTED_FEATURE */

/* One call of the application's on a session. */
struct call {
    const struct gnutls *real;
    gnutls_session_t handle;
    struct tls_session *session; /* NULL: to be passed on as it is */
    const char *outer_silence;
};

#define CALL_BEGIN(handle)                                                                         \
    {                                                                                              \
        library_of(&g_gnutls_family, __builtin_return_address(0)), (handle), NULL, t_silence_frame \
    }

static bool call_is_ours(const struct call *call)
{
    return shim_is_tracing() && !silence_is_on() && call->real->error_is_fatal && call->real->strerror &&
           call->real->strerror_name;
}

/* By gnutls_transport_set_int; other programs have a pointer of their own there. */
static int fd_of(const struct call *call)
{
    void *transport = call->real->transport_get_ptr ? call->real->transport_get_ptr(call->handle) : NULL;
    uintptr_t number = (uintptr_t)transport;
    return number > 0 && number < TABLE_FD_COUNT ? (int)number : -1;
}

static void call_enter(struct call *call, const void *frame)
{
    if (!call_is_ours(call))
        return;
    int saved = errno;
    call->session = tls_session_get(call->handle);
    t_silence_frame = frame;
    t_tls_below = 0;
    errno = saved;
}

/* What every call has in common once it is back with @result. */
static void call_end(const struct call *call, ssize_t result)
{
    struct tls_session *session = call->session;
    const struct gnutls *real = call->real;
    int saved = errno, code = (int)result;
    if (!session)
        return;
    if (code == GNUTLS_E_PREMATURE_TERMINATION)
        tls_session_received(session, NULL, 0);
    else if (code < 0 && real->error_is_fatal(code) && session->facts.handshake_end_ns)
        tls_session_fail(session, real->strerror_name(code), real->strerror(code));
    t_silence_frame = call->outer_silence;
    errno = saved;
}

/* ---- beginning, handshake and end ---- */

EXPORT int gnutls_init(gnutls_session_t *session, unsigned flags)
{
    struct call call = CALL_BEGIN(NULL);
    if (!call.real || !call.real->init)
        return E_LIBRARY_IS_GONE;
    int result = call.real->init(session, flags);
    if (result < 0 || !call_is_ours(&call))
        return result;
    int saved = errno;
    tls_session_forget(*session); /* of one that was freed out of sight */
    struct tls_session *made = tls_session_get(*session);
    if (made)
        made->facts.is_client = !(flags & GNUTLS_SERVER);
    errno = saved;
    return result;
}

EXPORT void gnutls_deinit(gnutls_session_t session)
{
    struct call call = CALL_BEGIN(session);
    if (!call.real || !call.real->deinit)
        return;
    int saved = errno;
    if (session && call_is_ours(&call))
        tls_session_forget(session);
    errno = saved;
    call.real->deinit(session);
}

EXPORT int gnutls_server_name_set(gnutls_session_t session, int type, const void *name, size_t len)
{
    struct call call = CALL_BEGIN(session);
    if (!call.real || !call.real->server_name_set)
        return E_LIBRARY_IS_GONE;
    int result = call.real->server_name_set(session, type, name, len);
    struct tls_session *known = result == 0 && type == GNUTLS_NAME_DNS && call_is_ours(&call)
                                    ? tls_session_get(session)
                                    : NULL;
    if (known && len < sizeof known->facts.server_name) {
        memcpy(known->facts.server_name, name, len);
        known->facts.server_name[len] = '\0';
    }
    return result;
}

static void handshake_done(const struct call *call)
{
    const struct gnutls *real = call->real;
    struct tls_session *session = call->session;
    const char *version = real->protocol_get_version && real->protocol_get_name
                              ? real->protocol_get_name(real->protocol_get_version(call->handle))
                              : NULL;
    char name[256];
    size_t len = sizeof name - 1;
    unsigned type = 0;
    gnutls_datum_t protocol = {0};
    if (real->alpn_get_selected_protocol && real->alpn_get_selected_protocol(call->handle, &protocol) != 0)
        protocol.size = 0;
    bool has_name = !session->facts.is_client && real->server_name_get &&
                    real->server_name_get(call->handle, name, &len, &type, 0) == 0 && len < sizeof name;
    if (has_name)
        name[len] = '\0';
    tls_session_handshake_end(session, version && strncmp(version, "TLS", 3) == 0 ? version + 3 : version,
                              real->ciphersuite_get ? real->ciphersuite_get(call->handle) : NULL,
                              has_name ? name : NULL, (const char *)protocol.data, protocol.size);
}

/* The session may reach its socket by functions of the application's, or write to memory, from which the application
 * sends by itself. */
static void below_note(const struct call *call)
{
    struct tls_session *session = call->session;
    gnutls_datum_t ours = {0}, theirs = {0};
    tls_session_settle(session);
    if (session->connection->fd >= 0 || session->has_random || !session->facts.is_client ||
        !call->real->session_get_random)
        return;
    call->real->session_get_random(call->handle, &ours, &theirs);
    if (ours.data && ours.size == TLS_RANDOM_LEN)
        tls_session_note_random(session, ours.data);
}

EXPORT int gnutls_handshake(gnutls_session_t session)
{
    struct call call = CALL_BEGIN(session);
    if (!call.real || !call.real->handshake)
        return E_LIBRARY_IS_GONE;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    if (call.session && !call.session->facts.handshake_start_ns) {
        tls_session_lie_on(call.session, fd_of(&call));
        tls_session_handshake_begin(call.session, call.session->facts.is_client, NULL);
    }
    int result = call.real->handshake(session);
    int saved = errno;
    if (call.session && call.session->connection->fd < 0)
        below_note(&call);
    if (call.session && result == 0 && !call.session->facts.handshake_end_ns)
        handshake_done(&call);
    else if (call.session && result < 0 && call.real->error_is_fatal(result) &&
             !call.session->facts.handshake_end_ns)
        tls_session_handshake_fail(call.session, call.real->strerror_name(result), call.real->strerror(result));
    call_end(&call, result);
    errno = saved;
    return result;
}

EXPORT int gnutls_bye(gnutls_session_t session, int how)
{
    struct call call = CALL_BEGIN(session);
    if (!call.real || !call.real->bye)
        return E_LIBRARY_IS_GONE;
    call_enter(&call, __builtin_frame_address(0));
    int result = call.real->bye(session, how);
    int saved = errno;
    if (call.session && result == 0)
        connection_shutdown_write(call.session->connection);
    call_end(&call, 0);
    errno = saved;
    return result;
}

/* ---- writing ---- */

struct record_writer {
    struct tls_writer writer;
    const struct call *call;
    size_t pad;
    unsigned flags;
};

static void writer_note(struct record_writer *writer, ssize_t result)
{
    writer->writer.is_again = result < 0 && !writer->call->real->error_is_fatal((int)result);
}

static ssize_t record_write(struct tls_writer *base, const void *bytes, size_t len)
{
    struct record_writer *writer = (struct record_writer *)base;
    ssize_t result = writer->call->real->record_send(writer->call->handle, bytes, len);
    writer_note(writer, result);
    return result;
}

static ssize_t record_write2(struct tls_writer *base, const void *bytes, size_t len)
{
    struct record_writer *writer = (struct record_writer *)base;
    ssize_t result = writer->call->real->record_send2(writer->call->handle, bytes, len, writer->pad, writer->flags);
    writer_note(writer, result);
    return result;
}

/* After an interruption an application may ask for the rest to be sent by offering nothing. */
static ssize_t record_send(struct call *call, struct record_writer *writer, const void *data, size_t len)
{
    ssize_t result = !call->session      ? writer->writer.write(&writer->writer, data, len)
                     : data || len       ? tls_session_send(call->session, &writer->writer, data, len)
                                         : tls_session_send_rest(call->session, &writer->writer);
    call_end(call, result);
    return result;
}

EXPORT ssize_t gnutls_record_send(gnutls_session_t session, const void *data, size_t len)
{
    struct call call = CALL_BEGIN(session);
    struct record_writer writer = {{record_write, true, false}, &call, 0, 0};
    if (!call.real)
        return E_LIBRARY_IS_GONE;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    return record_send(&call, &writer, data, len);
}

EXPORT ssize_t gnutls_record_send2(gnutls_session_t session, const void *data, size_t len, size_t pad, unsigned flags)
{
    struct call call = CALL_BEGIN(session);
    struct record_writer writer = {{record_write2, true, false}, &call, pad, flags};
    if (!call.real || !call.real->record_send2)
        return E_LIBRARY_IS_GONE;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    return record_send(&call, &writer, data, len);
}

/* Of a length that is to look like another; or before anybody knows whether it will be taken: not for us to touch,
 * and what comes behind it neither. */
EXPORT ssize_t gnutls_record_send_range(gnutls_session_t session, const void *data, size_t len,
                                        const gnutls_range_st *range)
{
    struct call call = CALL_BEGIN(session);
    if (!call.real || !call.real->record_send_range)
        return E_LIBRARY_IS_GONE;
    call_enter(&call, __builtin_frame_address(0));
    if (call.session)
        tls_session_give_up(call.session);
    ssize_t result = call.real->record_send_range(session, data, len, range);
    if (call.session && result > 0)
        tls_session_sent_unseen(call.session, (size_t)result);
    call_end(&call, result);
    return result;
}

EXPORT ssize_t gnutls_record_send_early_data(gnutls_session_t session, const void *data, size_t len)
{
    struct call call = CALL_BEGIN(session);
    if (!call.real || !call.real->record_send_early_data)
        return E_LIBRARY_IS_GONE;
    call_enter(&call, __builtin_frame_address(0));
    if (call.session)
        tls_session_give_up(call.session);
    ssize_t result = call.real->record_send_early_data(session, data, len);
    if (call.session && result == 0)
        tls_session_sent_unseen(call.session, len);
    call_end(&call, 0);
    return result;
}

/* What was collected since gnutls_record_cork was looked at then; it goes out by gnutls_record_send. */
EXPORT int gnutls_record_uncork(gnutls_session_t session, unsigned flags)
{
    struct call call = CALL_BEGIN(session);
    if (!call.real || !call.real->record_uncork)
        return E_LIBRARY_IS_GONE;
    call_enter(&call, __builtin_frame_address(0));
    int result = call.real->record_uncork(session, flags);
    call_end(&call, result);
    return result;
}

/* ---- reading ---- */

static void received(const struct call *call, const void *bytes, ssize_t result)
{
    int saved = errno;
    call_end(call, result);
    if (call->session && result >= 0)
        tls_session_received(call->session, bytes, (size_t)result);
    errno = saved;
}

EXPORT ssize_t gnutls_record_recv(gnutls_session_t session, void *data, size_t len)
{
    struct call call = CALL_BEGIN(session);
    if (!call.real || !call.real->record_recv)
        return E_LIBRARY_IS_GONE;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    ssize_t result = call.real->record_recv(session, data, len);
    received(&call, data, len || result < 0 ? result : GNUTLS_E_AGAIN);
    return result;
}

EXPORT ssize_t gnutls_record_recv_seq(gnutls_session_t session, void *data, size_t len, unsigned char *sequence)
{
    struct call call = CALL_BEGIN(session);
    if (!call.real || !call.real->record_recv_seq)
        return E_LIBRARY_IS_GONE;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    ssize_t result = call.real->record_recv_seq(session, data, len, sequence);
    received(&call, data, len || result < 0 ? result : GNUTLS_E_AGAIN);
    return result;
}

EXPORT ssize_t gnutls_record_recv_packet(gnutls_session_t session, gnutls_packet_t *packet)
{
    struct call call = CALL_BEGIN(session);
    gnutls_datum_t datum = {NULL, 0};
    if (!call.real || !call.real->record_recv_packet)
        return E_LIBRARY_IS_GONE;
    CALLSITE_ENTER();
    call_enter(&call, __builtin_frame_address(0));
    ssize_t result = call.real->record_recv_packet(session, packet);
    if (call.session && result > 0 && call.real->packet_get)
        call.real->packet_get(*packet, &datum, NULL);
    received(&call, datum.data, result > 0 ? (ssize_t)datum.size : result);
    return result;
}
