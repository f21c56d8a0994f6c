/* active.h - whose work is a thread doing? The active context: the span that a call made now is to
 * be the child of. Set by causality, never by guessing from time (src/README.md, "Whose child"). */
#ifndef RUN_TRACED_TRACE_ACTIVE_H
#define RUN_TRACED_TRACE_ACTIVE_H

#include "trace/context.h"

#include <stdatomic.h>

enum active_source {
    ACTIVE_NONE,
    ACTIVE_SERVER,      /* the thread read a request, or an answer to a call made for one */
    ACTIVE_THREAD,      /* the thread was started by one with this context */
    ACTIVE_ENVIRONMENT, /* TRACEPARENT of the process */
};

/* Tells whether the span that a context belongs to is still open, by a generation in memory that is
 * never given back. */
struct active_owner {
    const _Atomic uint32_t *generation; /* NULL: the owner is in another process, always open */
    uint32_t expected;
};

struct active_context {
    uint8_t source;                /* enum active_source */
    bool has_incoming;             /* the request came with a valid traceparent */
    bool was_used;                 /* a child was made of it on this thread */
    struct active_owner owner;
    uint8_t incoming_span_id[SPAN_ID_LEN]; /* the parent id that came in */
    struct span_context context;
};

/* active_init_from_environment - TRACEPARENT and TRACESTATE become the process's default context if
 * they are valid. Library start-up only. OpenTelemetry, "Environment Variables as Context
 * Propagation Carriers". */
void active_init_from_environment(void);

/* active_set - @active becomes the calling thread's. Copies it. Hot path, signal-safe. */
void active_set(const struct active_context *active);

/* active_clear_if_owned - the calling thread's context goes if it belongs to @owner. */
void active_clear_if_owned(const struct active_owner *owner);

/* active_current - the calling thread's context as it may be handed on, or the process's default, or
 * NULL where nothing is known or no one can say: @is_ambiguous tells (may be NULL). That is so where
 * the thread has several requests open and waited for events since it last touched one of them. Valid
 * until the thread's context is set anew. Hot path, signal-safe. */
const struct active_context *active_current(bool *is_ambiguous);

/* active_copy - copies only what is filled. */
void active_copy(struct active_context *to, const struct active_context *from);

/* active_is_open - the span it belongs to has not ended. */
bool active_is_open(const struct active_context *active);

/* active_came_in_with - is @traceparent the one that came in with what @active stands for? */
bool active_came_in_with(const struct active_context *active,
                         const struct span_context *traceparent);

/* active_note_use - a child was made of the thread's current context. */
void active_note_use(void);

/* active_next_turn - the thread waits for events: what it does next may be for anyone. */
void active_next_turn(void);

/* active_open_slot - where the calling thread's open requests are counted; for active_open_change. */
unsigned active_open_slot(int tid);

/* active_open_change - adds @change to the requests that the slot's thread has read and that are not
 * answered yet, by whichever thread, and returns the sum. Threads may share a slot. Hot path. */
int active_open_change(unsigned slot, int change);

#endif
