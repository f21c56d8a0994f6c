/* simulated.h - a connection whose kernel is in the test: it takes as many bytes as it is told to;
 * and an application that goes on with what was not taken. */
#ifndef RUN_TRACED_TESTS_SIMULATED_H
#define RUN_TRACED_TESTS_SIMULATED_H

#include "base/compiler.h"
#include "guarded.h"
#include "wire/transfer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

enum { WIRE_LEN_MAX = 1 << 17, SIMULATED_FD = 1 << 19 };

/* How many of @offered bytes the kernel takes; 0: none now. */
typedef size_t kernel_take(void *state, size_t offered);

struct simulated {
    struct connection *connection;
    kernel_take *take; /* NULL: all */
    void *state;
    char wire[WIRE_LEN_MAX]; /* what the peer gets */
    size_t wire_len;
    bool is_edited; /* some call was not made with the application's own bytes */
};

static inline void simulated_init(struct simulated *simulated)
{
    simulated->connection = connection_new();
    cr_assert_not_null(simulated->connection);
    simulated->take = NULL;
    simulated->wire_len = 0;
    simulated->is_edited = false;
}

static inline ssize_t kernel_send(struct simulated *simulated, const struct iovec *iov,
                                  size_t count)
{
    size_t offered = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        offered += iov[i].iov_len;
    size_t left = simulated->take ? simulated->take(simulated->state, offered) : offered;
    if (offered > 0 && left == 0)
        return -1;
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t len = MIN(left, iov[i].iov_len);
        if (simulated->wire_len + len > WIRE_LEN_MAX)
            cr_assert_fail("too much for the test's wire");
        memcpy(simulated->wire + simulated->wire_len, iov[i].iov_base, len);
        simulated->wire_len += len;
        left -= len;
        at += len;
    }
    return (ssize_t)at;
}

/* What a wrapper of src/shim does, with a kernel of ours. Returns what the application is told: a
 * count, or -1 for EAGAIN. */
static inline ssize_t simulated_sendv(struct simulated *simulated, const struct iovec *iov,
                                      size_t count)
{
    struct send_plan plan;
    transfer_send_begin(&plan, simulated->connection, SIMULATED_FD, iov, count, 0);
    bool is_edited = plan.is_edited;
    simulated->is_edited = simulated->is_edited || is_edited;
    for (;;) {
        ssize_t sent = is_edited ? kernel_send(simulated, plan.iov, plan.iov_count)
                                 : kernel_send(simulated, iov, count);
        struct send_outcome outcome = transfer_send_end(&plan, sent, sent < 0 ? EAGAIN : 0);
        if (!outcome.is_again) {
            if (outcome.result < 0 && outcome.error != EAGAIN)
                cr_assert_fail("another error than the kernel's");
            return outcome.result;
        }
        if (!is_edited)
            cr_assert_fail("nothing of ours was sent, so nothing of ours can be left");
        transfer_send_resume(&plan);
    }
}

static inline ssize_t simulated_send(struct simulated *simulated, const void *bytes, size_t len)
{
    struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
    return simulated_sendv(simulated, &iov, 1);
}

/* simulated_send_all - an application that sends again what was not taken. */
static inline void simulated_send_all(struct simulated *simulated, const char *bytes, size_t len)
{
    for (size_t at = 0, refused = 0; at < len;) {
        ssize_t sent = simulated_send(simulated, bytes + at, len - at);
        if (sent == 0 || sent > (ssize_t)(len - at))
            cr_assert_fail("told %zd of %zu bytes", sent, len - at);
        refused = sent < 0 ? refused + 1 : 0;
        if (refused > 1000)
            cr_assert_fail("the kernel takes nothing");
        at += sent < 0 ? 0 : (size_t)sent;
    }
}

/* simulated_receive - a read that filled @len bytes of a larger buffer, as reads do: what lies
 * behind them is from earlier. */
static inline void simulated_receive(struct connection *connection, const char *bytes, size_t len)
{
    enum { BEHIND = 512 };
    char *room = guarded_room(len + BEHIND);
    memcpy(room, bytes, len);
    memset(room + len, '\0', BEHIND);
    struct iovec iov = {.iov_base = room, .iov_len = len + BEHIND};
    transfer_received(connection, connection_generation(connection), SIMULATED_FD, &iov, 1, len);
}

/* simulated_receive_exactly - the same, into a buffer that ends where readable memory ends. */
static inline void simulated_receive_exactly(struct connection *connection, const char *bytes,
                                             size_t len)
{
    struct iovec iov = {.iov_base = (void *)guarded(bytes, len), .iov_len = len};
    transfer_received(connection, connection_generation(connection), SIMULATED_FD, &iov, 1, len);
}

static inline void simulated_receive_text(struct connection *connection, const char *text)
{
    simulated_receive(connection, text, strlen(text));
}

/* simulated_close - the last descriptor goes. */
static inline void simulated_close(struct connection *connection)
{
    connection_release(connection, SIMULATED_FD);
}

/* simulated_eof, _error - a read returned 0, or failed. */
static inline void simulated_eof(struct connection *connection)
{
    transfer_receive_ended(connection, connection_generation(connection), 0);
}

static inline void simulated_error(struct connection *connection, int error)
{
    transfer_receive_ended(connection, connection_generation(connection), error);
}

#endif
