/* stable_text.h - text without what differs from run to run though nothing else does: ids in paths, names of temporary files. */
#ifndef RUN_TRACED_VIEW_STABLE_TEXT_H
#define RUN_TRACED_VIEW_STABLE_TEXT_H

#include "base/text.h"

/* stable_text_append - adds @len bytes of @in, in which each segment of a path that is an id (trace/path_id.h) becomes {id}, and what
 * follows /tmp/, /var/tmp/ or /dev/shm/ becomes {tmp}; below that, pytest-12 becomes pytest-{n}. */
void stable_text_append(struct text *text, const char *in, size_t len);

#endif
