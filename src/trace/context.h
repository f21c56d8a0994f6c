/* context.h - what travels with a request: the identity of a span (ids, flags, tracestate) and baggage.
 * W3C Trace Context, level 2; W3C Baggage. */
#ifndef RUN_TRACED_TRACE_CONTEXT_H
#define RUN_TRACED_TRACE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TRACE_ID_LEN = 16,
    SPAN_ID_LEN = 8,
    TRACESTATE_LEN_MAX = 512, /* what every participant should carry (W3C, section 3.3.1.5) */
    BAGGAGE_LEN_MAX = 1024,
    TRACE_FLAG_SAMPLED = 0x01,
    TRACE_FLAG_RANDOM = 0x02,
    TRACE_FLAGS_SENT = TRACE_FLAG_SAMPLED | TRACE_FLAG_RANDOM,
    TRACE_FLAG_IGNORED = 0x80, /* our own, never sent: nothing is recorded, whatever the sampler */
};

struct span_context {
    uint8_t trace_id[TRACE_ID_LEN];
    uint8_t span_id[SPAN_ID_LEN];
    uint8_t trace_flags;
    bool is_valid; /* false: the rest is unspecified */
    uint16_t tracestate_len;
    uint16_t baggage_len;
    char tracestate[TRACESTATE_LEN_MAX];
    char baggage[BAGGAGE_LEN_MAX]; /* a list as its header has it; not part of the identity */
};

/* span_context_copy - copies only as much of tracestate and baggage as there is. Hot path. */
void span_context_copy(struct span_context *to, const struct span_context *from);

/* span_context_child - @child becomes a new span under @parent: a fresh span id, and the parent's
 * trace id, flags, tracestate and baggage; or the root of a new trace, with a random id, where @parent is NULL or not
 * valid. Whether it is sampled is the sampler's to say (trace/sampler.h). Hot path, signal-safe. */
void span_context_child(struct span_context *child, const struct span_context *parent);

/* span_id_generate - a new span id, never all zero, never twice in one process, different in a fork
 * child. Hot path, signal-safe. */
void span_id_generate(uint8_t span_id[SPAN_ID_LEN]);

/* trace_id_generate - a new trace id of 128 random bits, never all zero. Hot path, signal-safe. */
void trace_id_generate(uint8_t trace_id[TRACE_ID_LEN]);

#endif
