/* span_facts.h - what every format asks of a span record, whatever bytes that consists of. */
#ifndef RUN_TRACED_EXPORT_SPAN_FACTS_H
#define RUN_TRACED_EXPORT_SPAN_FACTS_H

#include "trace/span.h"

/* span_id_is_zero - @len bytes: no id. */
bool span_id_is_zero(const uint8_t *id, size_t len);

/* span_is_valid - it has ids, and a kind and a status that are known. */
bool span_is_valid(const struct span *span);

/* span_is_root - it has no parent. */
bool span_is_root(const struct span *span);

/* span_duration_ns - never negative; 0 for a span without an end. */
uint64_t span_duration_ns(const struct span *span);

/* span_duration_us - the same, rounded. */
int64_t span_duration_us(const struct span *span);

/* span_end_unix_nano - its end on the wall clock, as far from the start as the monotonic clock says. */
uint64_t span_end_unix_nano(const struct span *span);

/* span_event_unix_nano - when @event happened, on the same clock. */
uint64_t span_event_unix_nano(const struct span *span, const struct span_event *event);

/* span_events_sort - pointers to the events with a known id, in time order; at most SPAN_EVENT_COUNT. Returns how many. */
unsigned span_events_sort(const struct span *span, const struct span_event *sorted[]);

/* span_message_len - of the status's message: at most sizeof span->message, whatever the record says. */
size_t span_message_len(const struct span *span);

#endif
