#include "export/span_facts.h"

#include "base/clock.h"
#include "base/compiler.h"

bool span_id_is_zero(const uint8_t *id, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= id[i];
    return any == 0;
}

bool span_is_valid(const struct span *span)
{
    return !span_id_is_zero(span->trace_id, TRACE_ID_LEN) && !span_id_is_zero(span->span_id, SPAN_ID_LEN) &&
           span->kind <= SPAN_KIND_CLIENT && span->status <= SPAN_STATUS_ERROR;
}

bool span_is_root(const struct span *span)
{
    return span_id_is_zero(span->parent_span_id, SPAN_ID_LEN);
}

uint64_t span_duration_ns(const struct span *span)
{
    return span->end_ns > span->start_ns ? span->end_ns - span->start_ns : 0;
}

int64_t span_duration_us(const struct span *span)
{
    uint64_t ns = span_duration_ns(span);
    return (int64_t)(ns / NANOS_PER_MICRO + (ns % NANOS_PER_MICRO >= NANOS_PER_MICRO / 2));
}

uint64_t span_end_unix_nano(const struct span *span)
{
    return span->start_unix_nano + span_duration_ns(span);
}

uint64_t span_event_unix_nano(const struct span *span, const struct span_event *event)
{
    /* Unsigned on purpose: an event before the start gives a difference that wraps back. */
    return span->start_unix_nano + (event->monotonic_ns - span->start_ns);
}

unsigned span_events_sort(const struct span *span, const struct span_event *sorted[])
{
    unsigned count = 0;
    for (unsigned i = 0; i < MIN(span->event_count, ARRAY_LEN(span->events)); i++) {
        const struct span_event *event = &span->events[i];
        if (!span_event_name(span, event->id))
            continue;
        unsigned at = count++;
        for (; at > 0 && sorted[at - 1]->monotonic_ns > event->monotonic_ns; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = event;
    }
    return count;
}

size_t span_message_len(const struct span *span)
{
    return MIN(span->message_len, sizeof span->message);
}
