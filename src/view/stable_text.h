/* stable_text.h - text without what differs from run to run though nothing else does: ids, names of temporary files,
 * ports that the kernel chose. */
#ifndef RUN_TRACED_VIEW_STABLE_TEXT_H
#define RUN_TRACED_VIEW_STABLE_TEXT_H

#include "base/text.h"
#include "view/span_decode.h"

enum {
    STABLE_PORT_MIN = 32768, /* from here on a port is taken for one that the kernel chose */
    STABLE_GROWTH_MAX = 4,   /* times as long the text may become, and a few bytes */
    STABLE_OPERATION_LEN = STABLE_GROWTH_MAX * 2 * VIEW_STRING_LEN_MAX + 64,
};

/* stable_text_append - adds @len bytes of @in, in which each segment of a path that is an id (trace/path_id.h), and
 * each word that is one and has 16 characters, becomes {id}; what follows /tmp/, /var/tmp/ or /dev/shm/, and a segment
 * like tmpk1eicc2q or tmp.5RkXq0ZyAb, becomes {tmp}, and below /tmp pytest-12 becomes pytest-{n}; a port from
 * STABLE_PORT_MIN on becomes 0. The escapes of a JSON string stay whole. */
void stable_text_append(struct text *text, const char *in, size_t len);

/* stable_operation_append - what a span did, in any run: its name, and the path where the name has none. Needs
 * STABLE_OPERATION_LEN bytes. */
void stable_operation_append(struct text *text, const struct view_span *span);

#endif
