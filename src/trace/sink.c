#include "trace/sink.h"

#include "base/compiler.h"

static const struct span_sink *g_sink;

void span_sink_set(const struct span_sink *sink)
{
    g_sink = sink;
}

struct span *span_sink_claim(void)
{
    return LIKELY(g_sink) ? g_sink->claim() : NULL;
}

void span_sink_publish(struct span *span)
{
    g_sink->publish(span);
}

void span_sink_abandon(struct span *span)
{
    g_sink->abandon(span);
}
