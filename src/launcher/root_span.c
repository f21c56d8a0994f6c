#include "launcher/root_span.h"

#include "trace/propagator.h"
#include "trace/sampler.h"
#include "trace/traceparent.h"

#include <stdlib.h>
#include <string.h>

enum process_spans_mode root_span_mode(const char *asked, const struct keep *keep)
{
    if (asked && strcmp(asked, "none") == 0)
        return PROCESS_SPANS_NONE;
    if (asked && strcmp(asked, "all") == 0)
        return PROCESS_SPANS_ALL;
    sampler_init_from_environment();
    bool is_by_trace = g_sampler.threshold != SAMPLER_ALL && g_sampler.threshold != SAMPLER_NONE;
    return keep->is_set || is_by_trace ? PROCESS_SPANS_NONE : PROCESS_SPANS_AUTO;
}

/* What TRACEPARENT says, if propagators are in use at all. */
static const struct span_context *parent_read(struct span_context *room)
{
    const char *traceparent = getenv("TRACEPARENT");
    bool is_valid = propagators_current()->count && traceparent &&
                    traceparent_parse(traceparent, strlen(traceparent), room) == 0;
    return is_valid ? room : NULL;
}

/* What there was of a context beside an invalid TRACEPARENT was none. */
static void environment_change(const struct span_context *context, bool has_parent)
{
    char value[TRACEPARENT_LEN + 1] = "";
    if (!propagators_current()->count)
        return;
    traceparent_format(context, value);
    setenv("TRACEPARENT", value, 1);
    if (!has_parent)
        unsetenv("TRACESTATE");
}

enum process_spans_mode root_span_choose(enum process_spans_mode mode, struct ring *ring)
{
    static struct span_context room, context;
    if (mode == PROCESS_SPANS_NONE)
        return mode;
    sampler_init_from_environment();
    propagators_init_from_environment();
    const struct span_context *parent = parent_read(&room);
    span_context_child(&context, parent);
    if (!span_context_is_sampled(&context))
        return PROCESS_SPANS_NONE;
    memcpy(ring->root.trace_id, context.trace_id, TRACE_ID_LEN);
    memcpy(ring->root.span_id, context.span_id, SPAN_ID_LEN);
    if (parent)
        memcpy(ring->root.parent_span_id, parent->span_id, SPAN_ID_LEN);
    ring->root.trace_flags = context.trace_flags;
    ring->root.is_set = true;
    ring->has_programs = 1;
    environment_change(&context, parent != NULL);
    return mode;
}
