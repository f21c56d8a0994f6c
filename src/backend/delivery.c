#include "backend/delivery.h"

#include <signal.h>

bool delivery_is_interrupted(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM));
}

struct transport *transport_open(const struct target *target, const _Atomic uint64_t *abort_after_ns, struct text *reason)
{
    switch (target->kind) {
    case TARGET_HTTP:
        return http_transport_open(target, abort_after_ns, reason);
    case TARGET_UDP:
        return udp_transport_open(target, reason);
    default:
        return file_transport_open(target, reason);
    }
}

void transport_send(struct transport *transport, const struct message *message, struct delivery *out)
{
    *out = (struct delivery){.outcome = DELIVERY_DONE};
    transport->send(transport, message, out);
}

void transport_close(struct transport *transport)
{
    if (transport)
        transport->close(transport);
}
