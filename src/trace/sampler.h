/* sampler.h - which traces are recorded: decided with a trace's first span, and kept by all that follow.
 * OpenTelemetry, "Tracing SDK", section "Sampling"; W3C Trace Context level 2, "Sampled flag" and "Random trace id flag". */
#ifndef RUN_TRACED_TRACE_SAMPLER_H
#define RUN_TRACED_TRACE_SAMPLER_H

#include "base/compiler.h"
#include "trace/context.h"

/* Of a trace id, its last 56 bits are random (W3C Trace Context level 2, "trace-id"). */
#define SAMPLER_ALL 0ULL
#define SAMPLER_NONE (1ULL << 56)

struct sampler {
    bool is_parent_based; /* who has a parent does as that says */
    uint64_t threshold;   /* a trace is recorded if those 56 bits are a number not below this */
    bool is_default;      /* a context may be left as span_context_child makes it */
};

/* The one in use. To be read by the functions below alone. */
extern struct sampler g_sampler;

enum sampler_problem { SAMPLER_FINE, SAMPLER_UNKNOWN, SAMPLER_WRONG_RATIO };

/* The names that sampler_parse knows, for people. */
#define SAMPLERS_KNOWN                                                                                       \
    "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, "                   \
    "parentbased_traceidratio"

/* sampler_parse - @out becomes what OTEL_TRACES_SAMPLER=@name and OTEL_TRACES_SAMPLER_ARG=@ratio say; each may be NULL
 * or empty: parentbased_always_on, and a ratio of 1. Names count in any case; the ratio, for those that have one, is a
 * decimal number from 0 to 1. What is wrong is told, and counts as if it were not there. */
enum sampler_problem sampler_parse(const char *name, const char *ratio, struct sampler *out);

/* sampler_init_from_environment - OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG. Library start-up only; before, what is
 * the default holds. */
void sampler_init_from_environment(void);

/* sampler_trace_randomness - those 56 bits, as a number. */
uint64_t sampler_trace_randomness(const uint8_t trace_id[TRACE_ID_LEN]);

/* sampler_root_flags - TRACE_FLAG_SAMPLED or 0: the decision for a trace that nobody has decided on yet, the same in
 * each process. Hot path, signal-safe. */
uint8_t sampler_root_flags(const uint8_t trace_id[TRACE_ID_LEN]);

/* sampler_apply - sets the flag of a new span's @context, which has its parent's, or, without @has_parent, a root's. Hot
 * path, signal-safe. */
void sampler_decide(struct span_context *context, bool has_parent);
static inline void sampler_apply(struct span_context *context, bool has_parent)
{
    if (UNLIKELY(!g_sampler.is_default))
        sampler_decide(context, has_parent);
}

/* sampler_follow - what the new trace of @context belongs to is sampled, or not: so is the trace, if the sampler asks
 * for that. Hot path, signal-safe. */
void sampler_follow(struct span_context *context, bool is_sampled);

/* sampler_is_off - whatever the parent, nothing is ever recorded. Hot path, signal-safe. */
static inline bool sampler_is_off(void)
{
    return UNLIKELY(!g_sampler.is_default) && !g_sampler.is_parent_based && g_sampler.threshold == SAMPLER_NONE;
}

/* span_context_is_sampled - the span is to be recorded. */
static inline bool span_context_is_sampled(const struct span_context *context)
{
    return context->trace_flags & TRACE_FLAG_SAMPLED;
}

/* span_context_ignore - neither this span nor what is done for it is to be recorded, whatever the sampler. */
static inline void span_context_ignore(struct span_context *context)
{
    context->trace_flags = (uint8_t)((context->trace_flags & ~TRACE_FLAG_SAMPLED) | TRACE_FLAG_IGNORED);
}

#endif
