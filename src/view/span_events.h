/* span_events.h - the events of a span, read from its line in the file when they are shown. */
#ifndef RUN_TRACED_VIEW_SPAN_EVENTS_H
#define RUN_TRACED_VIEW_SPAN_EVENTS_H

#include "view/span_decode.h"

struct span_event_seen {
    char name[VIEW_STRING_LEN_MAX + 1]; /* as the file has it: not safe to print */
    int64_t time_us;                    /* since the Unix epoch, by the span's own clock */
};

enum { SPAN_EVENTS_MAX = 32 };

/* span_events_read - the first events of @span, whose line is at span->offset of the file @fd. Returns how many; 0 also
 * if the line is not there any more, or memory runs out. Moves no file position. */
size_t span_events_read(int fd, const struct view_span *span, struct span_event_seen events[SPAN_EVENTS_MAX]);

#endif
