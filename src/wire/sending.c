#include "wire/sending.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/lock.h"
#include "base/process.h"
#include "base/raw.h"
#include "wire/connection.h"

#include <errno.h>

static bool is_thread(uint64_t sender)
{
    return sender > SENDING_FINISHED;
}

/* Not if a fork has left it behind. */
static bool is_other_thread(uint64_t sender, uint64_t me)
{
    return is_thread(sender) && sender != me && sender >> 32 == me >> 32;
}

/* Was cancelled in the middle of a call, or has jumped out of it and ended. */
static bool is_dead(uint64_t sender)
{
    return raw_syscall3(SYS_tgkill, (long)(sender >> 32), (long)(uint32_t)sender, 0) == -ESRCH;
}

void sending_wait(const struct connection *connection)
{
    uint64_t start_ns = clock_monotonic_ns(), me = process_self();
    for (unsigned spins = 0; is_other_thread(atomic_load_explicit(&connection->sender, memory_order_acquire), me) &&
                             clock_monotonic_ns() - start_ns < LOCK_WAIT_MAX_NS;
         spins++)
        lock_pause(spins);
}

static bool try_claim(struct connection *connection)
{
    uint64_t nobody = SENDING_NOBODY;
    return atomic_compare_exchange_strong_explicit(&connection->sender, &nobody, process_self(), memory_order_acquire,
                                                   memory_order_relaxed);
}

static COLD bool claim_later(struct connection *connection)
{
    sending_wait(connection);
    if (try_claim(connection))
        return true;
    atomic_store_explicit(&connection->is_opaque, true, memory_order_relaxed);
    return false;
}

bool sending_claim(struct connection *connection)
{
    return LIKELY(try_claim(connection)) || claim_later(connection);
}

void sending_end(struct connection *connection)
{
    uint64_t sender = process_self();
    if (LIKELY(atomic_compare_exchange_strong_explicit(&connection->sender, &sender, SENDING_NOBODY,
                                                       memory_order_release, memory_order_acquire)))
        return;
    if (sender == SENDING_FINISHED || (sender == SENDING_CLOSED && connection_finish(connection)))
        connection_free(connection);
}

enum sending_state sending_close(struct connection *connection)
{
    uint64_t sender = atomic_load_explicit(&connection->sender, memory_order_acquire);
    enum sending_state left;
    do {
        left = !is_thread(sender) ? SENDING_NOBODY
               : !is_other_thread(sender, process_self()) ? SENDING_FINISHED
               : is_dead(sender) ? SENDING_NOBODY : SENDING_CLOSED;
    } while (!atomic_compare_exchange_weak_explicit(&connection->sender, &sender,
                                                    left == SENDING_CLOSED ? SENDING_CLOSED : SENDING_FINISHED,
                                                    memory_order_acq_rel, memory_order_acquire));
    return left;
}

bool sending_is_under_way(const struct connection *connection)
{
    return is_thread(atomic_load_explicit(&connection->sender, memory_order_relaxed));
}
