/* delivery.h - one message on its way to one backend. */
#ifndef RUN_TRACED_BACKEND_DELIVERY_H
#define RUN_TRACED_BACKEND_DELIVERY_H

#include "backend/queue.h"
#include "backend/target.h"

enum delivery_outcome {
    DELIVERY_DONE,
    DELIVERY_LATER,   /* the same message may be taken another time */
    DELIVERY_REFUSED, /* never */
};

struct delivery {
    enum delivery_outcome outcome;
    uint64_t retry_after_ns; /* LATER: as the backend asked; 0: it did not say */
    uint64_t rejected_count; /* DONE: spans that it would not have all the same */
    char reason[256];        /* for people; empty where all went well */
};

/* How the messages of a target go out. Used by one thread. */
struct transport;

/* transport_open - for @target, which must stay. @abort_after_ns: on the monotonic clock; what is under way then is broken
 * off; 0: never; may change at any time. NULL, and why in @reason, if it cannot work here. */
struct transport *transport_open(const struct target *target, const _Atomic uint64_t *abort_after_ns, struct text *reason);

/* transport_send - tries once. */
void transport_send(struct transport *transport, const struct message *message, struct delivery *out);

void transport_close(struct transport *transport);

/* delivery_is_interrupted - does a signal wait that asks us to end? At the end it ends the waiting: the command is gone by
 * then. Such signals are blocked. */
bool delivery_is_interrupted(void);

/* The kinds there are; transport_open chooses. */
struct transport {
    void (*send)(struct transport *transport, const struct message *message, struct delivery *out);
    void (*close)(struct transport *transport);
};
struct transport *http_transport_open(const struct target *target, const _Atomic uint64_t *abort_after_ns,
                                      struct text *reason);
struct transport *udp_transport_open(const struct target *target, struct text *reason);
struct transport *file_transport_open(const struct target *target, struct text *reason);

#endif
